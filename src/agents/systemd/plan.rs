// SPDX-License-Identifier: LGPL-2.1-or-later
//! What is to be done with a unit.
use super::names::unit_name;
use crate::agents::config::AgentConfig;
use crate::agents::failure::refuse;
use crate::agents::names::FileName;
use crate::model::{ExecStatus, Execution, OcfExit, RunResult};
use std::path::PathBuf;

/// Name of the drop-in that a unit gets while the cluster has started it.
const DROP_IN: &str = "50-pacemaker.conf";

/// What is asked of a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnitAction {
    /// Whether it runs.
    Status,
    /// Start it, under the cluster's drop-in.
    Start,
    /// Stop it and take the drop-in away.
    Stop,
    /// Restart it.
    Restart,
    /// Make it read its configuration again, if it can.
    Reload,
    /// Describe it as an agent.
    Metadata,
}

/// An action of a unit.
#[derive(Debug)]
pub struct UnitPlan {
    /// The agent, as the cluster names it.
    pub agent: String,
    /// Full name of the unit.
    pub unit: String,
    /// What to do.
    pub action: UnitAction,
    /// The action's name as requested.
    pub action_name: String,
    /// Where the drop-in belongs.
    pub drop_in: PathBuf,
    /// For an agent that is a unit only if systemd knows one of that name: the result if it does not.
    pub if_unknown: Option<Box<RunResult>>,
}

pub(in crate::agents) fn plan(
    execution: &Execution,
    config: &AgentConfig,
    if_unknown: Option<Box<RunResult>>,
) -> Result<UnitPlan, Box<RunResult>> {
    let action_name = execution.action.to_string();
    let Some(action) = UnitAction::named(&action_name) else { return Err(unimplemented(&action_name)) };
    let unit = unit_name(&execution.agent.name);
    let directory = format!("{unit}.d");
    let directory = FileName::of(&execution.agent, &directory).map_err(repeatable)?;
    let drop_in = directory.inside(&config.unit_dir).join(DROP_IN);
    Ok(UnitPlan { agent: execution.agent.name.clone(), unit, action, action_name, drop_in, if_unknown })
}

impl UnitAction {
    fn named(action: &str) -> Option<Self> {
        const NAMES: [(&str, UnitAction); 7] = [
            ("monitor", UnitAction::Status),
            ("status", UnitAction::Status),
            ("start", UnitAction::Start),
            ("stop", UnitAction::Stop),
            ("restart", UnitAction::Restart),
            ("reload", UnitAction::Reload),
            ("meta-data", UnitAction::Metadata),
        ];
        NAMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(action)).map(|(_, action)| *action)
    }

    /// Is the unit to be active afterwards?
    pub const fn wants_active(self) -> bool {
        matches!(self, Self::Start | Self::Restart)
    }

    /// The manager's method that queues a job for it.
    pub fn job_method(self) -> Option<&'static str> {
        match self {
            Self::Start => Some("StartUnit"),
            Self::Stop => Some("StopUnit"),
            Self::Restart => Some("RestartUnit"),
            Self::Reload => Some("ReloadUnit"),
            Self::Status | Self::Metadata => None,
        }
    }
}

/// The agent's class is that of units in general but it has no such action.
pub(super) fn unimplemented(action: &str) -> Box<RunResult> {
    let reason = format!(
        "systemd units have no action '{action}' (but start, stop, status, restart, and reload if the unit can)"
    );
    repeatable(refuse(OcfExit::UNIMPLEMENTED, ExecStatus::Error, reason))
}

/// What was refused now may go another time.
fn repeatable(mut verdict: Box<RunResult>) -> Box<RunResult> {
    verdict.unprepared = false;
    verdict
}

impl UnitPlan {
    /// What the unit is told while the cluster runs it: only the cluster restarts it, and at shutdown it is
    /// the cluster that stops it.
    pub fn drop_in_text(&self) -> String {
        let mut text = format!(
            "[Unit]\nDescription=Cluster Controlled {}\nBefore=pacemaker.service pacemaker_remote.service\n",
            self.unit
        );
        if self.unit.ends_with(".service") {
            text.push_str("\n[Service]\nRestart=no\n");
        }
        text
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::agents::testing::{config, execution};

    pub(in crate::agents::systemd) fn unit(name: &str, action: &str) -> UnitPlan {
        plan(&execution(&format!("systemd:{name}"), action, &[]), &config(), None).unwrap()
    }

    /// Exit, status, and whether the reason has these words.
    pub(in crate::agents::systemd) fn check(verdict: &RunResult, exit: i32, status: ExecStatus, words: &str) {
        assert_eq!((verdict.outcome.exit.0, verdict.outcome.status), (exit, status), "{verdict:?}");
        assert!(verdict.outcome.reason.as_deref().unwrap_or_default().contains(words), "{verdict:?}");
        assert!(!verdict.unprepared && verdict.signal.is_none(), "it may be repeated");
    }

    #[test]
    fn actions_in_any_letters_and_what_there_is_not() {
        for (name, action) in [
            ("monitor", UnitAction::Status),
            ("STATUS", UnitAction::Status),
            ("Start", UnitAction::Start),
            ("stop", UnitAction::Stop),
            ("restart", UnitAction::Restart),
            ("reload", UnitAction::Reload),
            ("meta-data", UnitAction::Metadata),
        ] {
            assert_eq!(unit("web", name).action, action);
        }
        for name in ["promote", "migrate_to", "notify"] {
            let refused = plan(&execution("systemd:web", name, &[]), &config(), None).unwrap_err();
            check(&refused, 3, ExecStatus::Error, name);
        }
    }

    #[test]
    fn a_name_cannot_leave_its_directory() {
        for name in ["../../etc/x", "/etc/x", "a\0b"] {
            let refused = plan(&execution(&format!("systemd:{name}"), "start", &[]), &config(), None);
            check(&refused.unwrap_err(), 5, ExecStatus::NotInstalled, "cannot be the name");
        }
    }

    #[test]
    fn the_drop_in_goes_by_the_full_name() {
        let service = unit("vpn@", "start");
        let path = "/run/systemd/system/vpn@pacemaker.service.d/50-pacemaker.conf";
        assert_eq!(service.drop_in, PathBuf::from(path));
        assert_eq!(
            service.drop_in_text(),
            "[Unit]\nDescription=Cluster Controlled vpn@pacemaker.service\n\
             Before=pacemaker.service pacemaker_remote.service\n\n[Service]\nRestart=no\n"
        );
        assert!(!unit("web.timer", "start").drop_in_text().contains("[Service]"));
    }
}
