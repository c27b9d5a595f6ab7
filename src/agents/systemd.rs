// SPDX-License-Identifier: LGPL-2.1-or-later
//! Units of the node's service manager: what is to be done with one, and what systemd's answers mean. Long by its tests.
use super::config::AgentConfig;
use super::discovery::units;
use super::failure::{Kind, describe};
use super::plan::refuse;
use crate::model::Release;
use crate::model::{ExecStatus, Execution, OcfExit, Outcome, RunResult};
use std::path::PathBuf;

/// Name of the drop-in that a unit gets while the cluster has started it.
const DROP_IN: &str = "50-pacemaker.conf";

/// Kinds of unit that a name may end with; any other name is a service's.
pub(super) const EXTENSIONS: [&str; 5] = [".service", ".socket", ".mount", ".timer", ".path"];

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
    /// Have it read its configuration anew, if it can.
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

pub(super) fn plan(
    execution: &Execution,
    config: &AgentConfig,
    if_unknown: Option<Box<RunResult>>,
) -> Result<UnitPlan, Box<RunResult>> {
    let action_name = execution.action.to_string();
    let Some(action) = UnitAction::named(&action_name) else { return Err(unimplemented(&action_name)) };
    let unit = unit_name(&execution.agent.name);
    if unit.contains(['/', '\0']) {
        let reason = format!("{unit:?} cannot be the name of a systemd unit");
        return Err(repeatable(refuse(OcfExit::ERROR, ExecStatus::Error, reason)));
    }
    let drop_in = config.unit_dir.join(format!("{unit}.d")).join(DROP_IN);
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

/// A name without a known extension is a service's; a template without an instance gets the cluster's own.
pub(super) fn unit_name(agent: &str) -> String {
    let extension = EXTENSIONS.iter().find(|extension| agent.ends_with(**extension));
    let (name, extension) = match extension {
        Some(extension) => (agent.strip_suffix(extension).unwrap_or(agent), *extension),
        None => (agent, ".service"),
    };
    let instance = if name.ends_with('@') { "pacemaker" } else { "" };
    format!("{name}{instance}{extension}")
}

/// The agent's class is that of units in general but it has no such action.
fn unimplemented(action: &str) -> Box<RunResult> {
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

    /// The result of `status` by the unit's `ActiveState`.
    pub fn state(&self, active_state: &str) -> RunResult {
        match active_state {
            "active" | "reloading" | "refreshing" => done(OcfExit::OK),
            "activating" | "deactivating" => self.pending(&format!("it is {active_state}")),
            other => done_because(OcfExit::NOT_RUNNING, other.to_owned()),
        }
    }

    /// The result of `status` while nobody can say.
    pub fn pending(&self, why: &str) -> RunResult {
        let reason = format!("State of {} not settled: {why}", self.unit);
        made(Outcome::new(OcfExit::UNKNOWN, ExecStatus::Pending).because(reason))
    }

    /// The result of an action by the result of its job.
    pub fn job_ended(&self, result: &str) -> RunResult {
        let (status, hint) = match result {
            "done" => return done(OcfExit::OK),
            "timeout" => (ExecStatus::Timeout, "see TimeoutStartSec and TimeoutStopSec of the unit"),
            "canceled" => (ExecStatus::Error, "another job of the unit took its place"),
            "dependency" => (ExecStatus::Error, "a unit that it needs failed"),
            _ => (ExecStatus::Error, "see 'systemctl status' and the journal of the unit"),
        };
        let reason = format!(
            "systemd's job to {} {} ended with '{result}'; {hint}",
            self.action_name.to_lowercase(),
            self.unit
        );
        made(Outcome::new(OcfExit::ERROR, status).because(reason))
    }

    /// The result of an action whose job is gone without a word, by the unit's `ActiveState`.
    pub fn job_vanished(&self, active_state: &str) -> RunResult {
        let reached = match self.action {
            UnitAction::Stop => matches!(active_state, "inactive" | "failed"),
            _ => matches!(active_state, "active" | "reloading" | "refreshing"),
        };
        if reached { done(OcfExit::OK) } else { self.job_ended(&format!("unknown; unit {active_state}")) }
    }

    /// The result of a job's method that systemd refused. What is not there need not be stopped.
    pub fn refused(&self, error: &str, message: &str) -> RunResult {
        let unknown = ["InvalidName", "LoadFailed", "NoSuchUnit"];
        if !unknown.iter().any(|name| error.strip_prefix("org.freedesktop.systemd1.") == Some(*name)) {
            return self.failed(&format!("systemd refused: {message} ({error})"));
        }
        if self.action == UnitAction::Stop {
            return done(OcfExit::OK);
        }
        let reason = format!("{}: {message}; install the package that provides the unit", self.unit);
        made(Outcome::new(OcfExit::NOT_INSTALLED, ExecStatus::NotInstalled).because(reason))
    }

    /// The result when something else than the unit failed.
    pub fn failed(&self, why: &str) -> RunResult {
        let reason = format!("Could not {} {}: {why}", self.action_name.to_lowercase(), self.unit);
        made(Outcome::new(OcfExit::ERROR, ExecStatus::Error).because(reason))
    }

    /// The result when the unit has no such action.
    pub fn cannot(&self) -> RunResult {
        let mut verdict = *unimplemented(&self.action_name);
        verdict.outcome.reason = Some(format!("{} cannot {}", self.unit, self.action_name.to_lowercase()));
        verdict
    }

    /// The result when the drop-in could not be written, with the errno.
    pub fn drop_in_failed(&self, errno: i32) -> RunResult {
        let reason = format!("{}: {}", self.drop_in.display(), describe(errno));
        made(Outcome::new(Kind::of(errno).exit(), ExecStatus::Error).because(reason))
    }

    /// The result when the core wants no more of it. The reason says what was being waited for.
    pub fn given_up(&self, phase: &str) -> RunResult {
        let reason = format!("{phase} ({}); the unit goes on by itself", self.unit);
        let mut verdict = made(Outcome::new(OcfExit::ERROR, ExecStatus::Timeout).because(reason));
        verdict.raw_exit = None;
        verdict
    }

    /// The result of `meta-data`, by the unit's description, if it has one.
    pub fn metadata(&self, description: Option<&str>) -> RunResult {
        let mut verdict = done(OcfExit::OK);
        verdict.outcome.output = Some(units::describe(&self.agent, description, Release::default()));
        verdict
    }
}

/// Is the answer to a call only that systemd or D-Bus is just being restarted?
pub fn is_interruption(error: &str, message: &str) -> bool {
    match error.strip_prefix("org.freedesktop.DBus.Error.") {
        Some("NoReply") => message.contains("disconnected"),
        Some("Disconnected" | "NameHasNoOwner" | "ServiceUnknown") => true,
        // The bus tries to start what is only away for an instant.
        Some(other) => other.starts_with("Spawn."),
        None => matches!(error, "org.freedesktop.systemd1.ShuttingDown"),
    }
}

/// Does the error say that there is no such object, or not any more?
pub fn is_unknown_object(error: &str) -> bool {
    let name = error.strip_prefix("org.freedesktop.DBus.Error.");
    matches!(name, Some("UnknownObject" | "UnknownMethod" | "UnknownInterface"))
}

fn made(outcome: Outcome) -> RunResult {
    let raw_exit = Some(outcome.exit.0);
    RunResult::new(outcome, raw_exit)
}

fn done(exit: OcfExit) -> RunResult {
    made(Outcome::new(exit, ExecStatus::Done))
}

fn done_because(exit: OcfExit, reason: String) -> RunResult {
    made(Outcome::new(exit, ExecStatus::Done).because(reason))
}

#[cfg(test)]
mod tests {
    use super::super::plan::tests::{config, execution};
    use super::*;

    fn unit(name: &str, action: &str) -> UnitPlan {
        plan(&execution(&format!("systemd:{name}"), action, &[]), &config(), None).unwrap()
    }

    /// Exit, status, and whether the reason has these words.
    fn check(verdict: &RunResult, exit: i32, status: ExecStatus, words: &str) {
        assert_eq!((verdict.outcome.exit.0, verdict.outcome.status), (exit, status), "{verdict:?}");
        assert!(verdict.outcome.reason.as_deref().unwrap_or_default().contains(words), "{verdict:?}");
        assert!(!verdict.unprepared && verdict.signal.is_none(), "it may be repeated");
    }

    #[test]
    fn names_of_units() {
        for (agent, full) in [
            ("web", "web.service"),
            ("web.service", "web.service"),
            ("web.timer", "web.timer"),
            ("data.mount", "data.mount"),
            ("a.path", "a.path"),
            ("a.socket", "a.socket"),
            ("php8.2-fpm", "php8.2-fpm.service"),
            ("multi-user.target", "multi-user.target.service"),
            ("vpn@", "vpn@pacemaker.service"),
            ("vpn@.timer", "vpn@pacemaker.timer"),
            ("vpn@site", "vpn@site.service"),
            ("vpn@site.service", "vpn@site.service"),
        ] {
            assert_eq!(unit_name(agent), full);
        }
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
            check(&refused.unwrap_err(), 1, ExecStatus::Error, "cannot be the name");
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

    #[test]
    fn states() {
        let plan = unit("web", "monitor");
        for (state, exit, status) in [
            ("active", 0, ExecStatus::Done),
            ("reloading", 0, ExecStatus::Done),
            ("activating", 193, ExecStatus::Pending),
            ("deactivating", 193, ExecStatus::Pending),
            ("inactive", 7, ExecStatus::Done),
            ("failed", 7, ExecStatus::Done),
            ("maintenance", 7, ExecStatus::Done),
        ] {
            let words = if exit == 0 { "" } else { state };
            check(&plan.state(state), exit, status, words);
            assert_eq!(plan.state(state).raw_exit, Some(exit));
        }
    }

    #[test]
    fn ends_of_jobs() {
        let plan = unit("web", "Start");
        check(&plan.job_ended("done"), 0, ExecStatus::Done, "");
        check(&plan.job_ended("timeout"), 1, ExecStatus::Timeout, "start web.service");
        for result in ["failed", "canceled", "dependency", "skipped", "invalid", "assert"] {
            check(&plan.job_ended(result), 1, ExecStatus::Error, &format!("'{result}'"));
        }
        check(&plan.job_vanished("active"), 0, ExecStatus::Done, "");
        check(&plan.job_vanished("activating"), 1, ExecStatus::Error, "activating");
        check(&unit("web", "stop").job_vanished("inactive"), 0, ExecStatus::Done, "");
        check(&unit("web", "stop").job_vanished("failed"), 0, ExecStatus::Done, "");
        check(&unit("web", "stop").job_vanished("active"), 1, ExecStatus::Error, "active");
    }

    #[test]
    fn what_systemd_refuses() {
        for error in ["NoSuchUnit", "LoadFailed", "InvalidName"] {
            let error = format!("org.freedesktop.systemd1.{error}");
            let start = unit("web", "start").refused(&error, "Unit web.service not found.");
            check(&start, 5, ExecStatus::NotInstalled, "web.service not found");
            check(&unit("web", "stop").refused(&error, "x"), 0, ExecStatus::Done, "");
        }
        for error in ["org.freedesktop.systemd1.UnitMasked", "org.freedesktop.DBus.Error.AccessDenied"] {
            for action in ["start", "stop"] {
                let words = "systemd refused: no (org.freedesktop";
                check(&unit("web", action).refused(error, "no"), 1, ExecStatus::Error, words);
            }
        }
    }

    #[test]
    fn restarts_of_systemd_and_of_the_bus_are_told_from_refusals() {
        let bus = |name: &str| format!("org.freedesktop.DBus.Error.{name}");
        assert!(is_interruption(&bus("NoReply"), "Message recipient disconnected from message bus"));
        assert!(!is_interruption(&bus("NoReply"), "timed out"));
        assert!(is_interruption(&bus("ServiceUnknown"), ""));
        assert!(is_interruption(&bus("Spawn.ChildExited"), ""));
        assert!(!is_interruption(&bus("AccessDenied"), "disconnected"));
        assert!(!is_interruption("org.freedesktop.systemd1.NoSuchUnit", "disconnected"));
        assert!(is_unknown_object(&bus("UnknownObject")) && !is_unknown_object(&bus("NoReply")));
    }

    #[test]
    fn the_drop_in_s_errno_decides_the_exit() {
        for (errno, exit) in [(nix::libc::EACCES, 4), (nix::libc::ENOSPC, 1), (nix::libc::ENOTDIR, 5)] {
            let verdict = unit("web", "start").drop_in_failed(errno);
            check(&verdict, exit, ExecStatus::Error, "50-pacemaker.conf: ");
        }
    }

    #[test]
    fn metadata_goes_by_the_agent_s_name() {
        let text = unit("web", "meta-data").metadata(Some("A server")).outcome.output.unwrap();
        assert!(text.contains("<resource-agent name=\"web\"") && text.contains("    A server\n"), "{text}");
    }
}
