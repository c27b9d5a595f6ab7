// SPDX-License-Identifier: LGPL-2.1-or-later
//! What an init script is started with.
use super::names;
use crate::agents::Verdict;
use crate::agents::config::{AgentConfig, AgentFiles};
use crate::agents::failure::stat_failed;
use crate::agents::plan::{Convention, Plan};
use crate::model::Execution;

/// A script gets no parameters, and a monitor is its `status`.
pub(in crate::agents) fn plan(
    execution: &Execution,
    config: &AgentConfig,
    files: &dyn AgentFiles,
) -> Result<Plan, Box<Verdict>> {
    let is = |action: &str| execution.action.eq_ignore_ascii_case(action);
    let (action, convention) = if is("monitor") || is("status") {
        ("status", Convention::LsbStatus)
    } else {
        (&*execution.action, Convention::Lsb)
    };
    let program = names::script(&execution.agent, config)?;
    if let Err(errno) = files.facts(&program) {
        // Unlike a missing OCF agent this one is looked for again at the next interval, as upstream does.
        return Err(Box::new(stat_failed(&program, errno)));
    }
    Ok(Plan::of(program, Some(action), convention))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agents::testing::{FakeFiles, config, execution};
    use crate::model::{ExecStatus, OcfExit};

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
