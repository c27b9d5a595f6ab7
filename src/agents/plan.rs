// SPDX-License-Identifier: LGPL-2.1-or-later
//! From an execution to what is to be started.
use super::config::{AgentConfig, AgentFiles};
use super::{UnitPlan, lsb, ocf, systemd};
use crate::model::{ExecStatus, Execution, OcfExit, Outcome, RunResult, Standard};
use std::ffi::OsString;
use std::path::PathBuf;
use zeroize::Zeroizing;

/// How an agent is to be understood: its standard, resolved, and what was asked of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Convention {
    /// OCF exit codes, exit reason on standard error.
    Ocf,
    /// Exit codes of an init script's `status`.
    LsbStatus,
    /// Exit codes of any other action of an init script.
    Lsb,
    /// An alert: its exit code interests the log only.
    Alert,
}

/// Names and values for a child's environment. Values may be secrets.
pub type Variables = Vec<(String, Zeroizing<Vec<u8>>)>;

/// What carries out an action.
pub enum Means {
    /// A process.
    Process(Plan),
    /// The node's service manager.
    Unit(UnitPlan),
}

/// What to start.
pub struct Plan {
    /// The file, with a slash in its name.
    pub program: PathBuf,
    /// Arguments, the zeroth included.
    pub arguments: Vec<OsString>,
    /// Variables beside [`AgentConfig::base_env`], which they override. No name twice.
    pub environment: Variables,
    /// Run as this user; None: as the daemon.
    pub as_user: Option<String>,
    /// How to read its end.
    pub convention: Convention,
}

impl Plan {
    /// `program action`, nothing in the environment, run as the daemon.
    pub(super) fn of(program: PathBuf, action: Option<&str>, convention: Convention) -> Self {
        let mut arguments = vec![program.clone().into_os_string()];
        arguments.extend(action.map(OsString::from));
        Self { program, arguments, environment: Vec::new(), as_user: None, convention }
    }
}

/// Is every part of the agent's name there and its standard one that runs here? Then what to do.
///
/// # Errors
/// The result of the operation, when nothing can be started for it.
pub fn plan(
    execution: &Execution,
    config: &AgentConfig,
    files: &dyn AgentFiles,
) -> Result<Means, Box<RunResult>> {
    let agent = &execution.agent;
    if let Some(refusal) = missing_part(execution) {
        return Err(refusal);
    }
    match agent.standard() {
        Some(Standard::Ocf) => ocf::plan(execution, config, files).map(Means::Process),
        Some(Standard::Lsb) => lsb::plan(execution, config, files).map(Means::Process),
        Some(Standard::Service) => {
            let script = lsb::script(&agent.name, config);
            if files.facts(&script).is_ok() {
                return lsb::plan(execution, config, files).map(Means::Process);
            }
            let mut neither = not_installed(format!(
                "{agent} is not installed: there is neither an init script {} nor a systemd unit",
                script.display()
            ));
            neither.unprepared = false;
            systemd::plan(execution, config, Some(neither)).map(Means::Unit)
        }
        Some(Standard::Systemd) => systemd::plan(execution, config, None).map(Means::Unit),
        Some(Standard::Stonith) => Err(refuse(
            OcfExit::ERROR,
            ExecStatus::Error,
            format!(
                "{agent} cannot run here: fence devices run on cluster nodes only, never on a remote node"
            ),
        )),
        Some(Standard::Nagios | Standard::Upstart) => Err(not_installed(format!(
            "{agent} cannot run here: the standard '{}' is gone since Pacemaker 3.0",
            agent.standard
        ))),
        None => Err(not_installed(format!(
            "{agent} cannot run here: unknown agent standard '{}' (known: ocf, lsb, service, systemd)",
            agent.standard
        ))),
    }
}

/// The result of an execution that does not name all that it needs.
pub(super) fn missing_part(execution: &Execution) -> Option<Box<RunResult>> {
    let agent = &execution.agent;
    let missing = name_of_missing_part(execution)?;
    let reason = format!(
        "{missing} missing: cannot run action '{}' of resource '{}' ({agent})",
        execution.action, execution.resource_id
    );
    Some(refuse(OcfExit::ERROR, ExecStatus::FatalError, reason))
}

fn name_of_missing_part(execution: &Execution) -> Option<&'static str> {
    let agent = &execution.agent;
    if execution.resource_id.as_str().is_empty() {
        Some("resource id")
    } else if agent.standard.is_empty() {
        Some("agent standard")
    } else if agent.name.is_empty() {
        Some("agent name")
    } else if execution.action.is_empty() {
        Some("action")
    } else if agent.standard() == Some(Standard::Ocf) && agent.provider.as_deref().is_none_or(str::is_empty) {
        Some("agent provider")
    } else {
        None
    }
}

pub(super) fn not_installed(reason: String) -> Box<RunResult> {
    refuse(OcfExit::NOT_INSTALLED, ExecStatus::NotInstalled, reason)
}

pub(super) fn refuse(exit: OcfExit, status: ExecStatus, reason: String) -> Box<RunResult> {
    let outcome = Outcome::new(exit, status).because(reason);
    Box::new(RunResult { unprepared: true, ..RunResult::new(outcome, None) })
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::config::fake::FakeFiles;
    use super::*;
    use crate::model::{Agent, Interval, Millis, Params, ResourceId};
    use std::sync::Arc;

    pub(in crate::agents) fn execution(agent: &str, action: &str, params: &[(&str, &str)]) -> Execution {
        let parts: Vec<&str> = agent.split(':').collect();
        let provider = (parts.len() == 3).then(|| parts[1].to_owned());
        Execution {
            resource_id: ResourceId::new("rsc"),
            agent: Agent { standard: parts[0].into(), provider, name: parts[parts.len() - 1].into() },
            action: action.into(),
            interval: Interval(0),
            timeout: Millis(0),
            params: Arc::new(Params::from_iter(params.iter().copied())),
        }
    }

    pub(in crate::agents) fn config() -> AgentConfig {
        let mut config = AgentConfig::new(base());
        config.ocf_search_path = "/one:/two".into();
        config
    }

    fn base() -> Arc<[(OsString, OsString)]> {
        Arc::new([("PATH".into(), "/sbin:/bin".into())])
    }

    /// Standard, exit and status of what cannot be planned.
    #[test]
    fn what_cannot_run_says_why() {
        let table = [
            ("stonith:x", OcfExit::ERROR, ExecStatus::Error, "cluster nodes"),
            ("nagios:x", OcfExit::NOT_INSTALLED, ExecStatus::NotInstalled, "gone since"),
            ("upstart:x", OcfExit::NOT_INSTALLED, ExecStatus::NotInstalled, "gone since"),
            ("heartbeat:x", OcfExit::NOT_INSTALLED, ExecStatus::NotInstalled, "'heartbeat'"),
            ("ocf:x", OcfExit::ERROR, ExecStatus::FatalError, "agent provider missing"),
            ("ocf:p:", OcfExit::ERROR, ExecStatus::FatalError, "agent name missing"),
            (":x", OcfExit::ERROR, ExecStatus::FatalError, "agent standard missing"),
        ];
        for (agent, exit, status, words) in table {
            let files = FakeFiles::default();
            let verdict = plan(&execution(agent, "monitor", &[]), &config(), &files).err().expect(agent);
            assert_eq!((verdict.outcome.exit, verdict.outcome.status), (exit, status), "{agent}");
            assert!(verdict.unprepared && verdict.signal.is_none() && verdict.raw_exit.is_none(), "{agent}");
            let reason = verdict.outcome.reason.unwrap();
            assert!(reason.contains(words), "{agent}: {reason}");
        }
    }

    #[test]
    fn service_means_an_init_script_where_there_is_one_or_else_a_unit() {
        let run =
            |files: &FakeFiles| plan(&execution("service:x", "Monitor", &[("a", "b")]), &config(), files);
        let Ok(Means::Process(script)) = run(&FakeFiles::default().with("/etc/init.d/x", "", true)) else {
            panic!("a script is a process");
        };
        assert_eq!(script.arguments, ["/etc/init.d/x", "status"]);
        assert_eq!(script.convention, Convention::LsbStatus);
        assert!(script.environment.is_empty());
        let Ok(Means::Unit(unit)) = run(&FakeFiles::default()) else { panic!("a unit is no process") };
        assert_eq!(unit.unit, "x.service");
        let neither = unit.if_unknown.unwrap();
        assert_eq!(neither.outcome.exit, OcfExit::NOT_INSTALLED);
        assert!(neither.outcome.reason.unwrap().contains("/etc/init.d/x"));
    }
}
