// SPDX-License-Identifier: LGPL-2.1-or-later
//! Init scripts.
use super::config::{AgentConfig, AgentFiles};
use super::failure::stat_failed;
use super::{Convention, Plan};
use crate::model::{Execution, OcfExit, RunResult};
use std::path::PathBuf;

/// Where the script is, or would be. An absolute name stands for itself.
pub(super) fn script(name: &str, config: &AgentConfig) -> PathBuf {
    config.init_dir.join(name)
}

/// A script gets no parameters, and a monitor is its `status`.
pub(super) fn plan(
    execution: &Execution,
    config: &AgentConfig,
    files: &dyn AgentFiles,
) -> Result<Plan, Box<RunResult>> {
    let is = |action: &str| execution.action.eq_ignore_ascii_case(action);
    let (action, convention) = if is("monitor") || is("status") {
        ("status", Convention::LsbStatus)
    } else {
        (&*execution.action, Convention::Lsb)
    };
    let program = script(&execution.agent.name, config);
    if let Err(errno) = files.facts(&program) {
        // Unlike a missing OCF agent this one is looked for again at the next interval, as upstream does.
        return Err(Box::new(stat_failed(&program, errno)));
    }
    Ok(Plan::of(program, Some(action), convention))
}

/// Exit codes of `status` and of everything else, as OCF codes.
pub(super) fn exit(code: i32, convention: Convention) -> OcfExit {
    if convention == Convention::LsbStatus {
        return match code {
            0 => OcfExit::OK,
            1..=3 => OcfExit::NOT_RUNNING,
            150 => OcfExit::NOT_INSTALLED,
            151 => OcfExit::INSUFFICIENT_PRIVILEGES,
            _ => OcfExit::ERROR,
        };
    }
    match code {
        0..=7 => OcfExit(code),
        _ => OcfExit::ERROR,
    }
}

#[cfg(test)]
mod tests {
    use super::super::config::fake::FakeFiles;
    use super::super::plan::tests::{config, execution};
    use super::*;
    use crate::model::ExecStatus;

    #[test]
    fn exit_codes() {
        for (code, status, other) in
            [(0, 0, 0), (1, 7, 1), (3, 7, 3), (4, 1, 4), (7, 1, 7), (8, 1, 1), (150, 5, 1), (151, 4, 1)]
        {
            assert_eq!(exit(code, Convention::LsbStatus).0, status, "status: {code}");
            assert_eq!(exit(code, Convention::Lsb).0, other, "other: {code}");
        }
    }

    #[test]
    fn a_missing_script_is_named_and_tried_again() {
        let missing =
            plan(&execution("lsb:x", "start", &[]), &config(), &FakeFiles::default()).err().unwrap();
        assert_eq!(missing.outcome.exit, OcfExit::NOT_INSTALLED);
        assert_eq!(missing.outcome.status, ExecStatus::NotInstalled);
        assert!(!missing.unprepared);
        assert!(missing.outcome.reason.unwrap().starts_with("/etc/init.d/x: No such file"));
    }

    #[test]
    fn an_absolute_script_is_itself() {
        let files = FakeFiles::default().with("/opt/x", "", true);
        let plan = plan(&execution("lsb:/opt/x", "start", &[("a", "1")]), &config(), &files).ok().unwrap();
        assert_eq!(plan.arguments, ["/opt/x", "start"]);
        assert!(plan.environment.is_empty());
    }
}
