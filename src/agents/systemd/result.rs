// SPDX-License-Identifier: LGPL-2.1-or-later
//! What systemd's answers mean for an action of a unit.
use super::metadata::describe;
use super::plan::{UnitAction, UnitPlan, unimplemented};
use crate::agents::failure::describe as words_of;
use crate::model::{ExecStatus, OcfExit, Outcome, Release, RunResult};
use nix::errno::Errno;

impl UnitPlan {
    /// The result of `status` by the unit's `ActiveState`.
    pub fn state(&self, active_state: &str) -> RunResult {
        match active_state {
            "active" | "reloading" | "refreshing" => done(OcfExit::OK),
            "activating" | "deactivating" => self.pending(&format!("it is {active_state}")),
            other => done_because(OcfExit::NOT_RUNNING, other.to_owned()),
        }
    }

    /// The result of `status` while it cannot be known.
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

    /// The result of a start or restart whose job is done, by the unit's `ActiveState` then; None: it is on its way to another one.
    /// A start is done, too, when a condition of the unit was not met, or its program ended at once.
    pub fn job_done(&self, active_state: &str) -> Option<RunResult> {
        match active_state {
            "active" | "reloading" | "refreshing" => Some(done(OcfExit::OK)),
            "activating" | "deactivating" => None,
            other => {
                let reason = format!(
                    "systemd's job to {} {} is done, but the unit is {other}; see 'systemctl status' and the journal of \
                     the unit",
                    self.action_name.to_lowercase(),
                    self.unit
                );
                Some(made(Outcome::new(OcfExit::ERROR, ExecStatus::Error).because(reason)))
            }
        }
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
        // Whatever is wrong there, the unit itself is installed.
        let exit = match Errno::from_raw(errno) {
            Errno::EACCES | Errno::EPERM => OcfExit::INSUFFICIENT_PRIVILEGES,
            _ => OcfExit::ERROR,
        };
        let reason = format!("{}: {}", self.drop_in.display(), words_of(errno));
        made(Outcome::new(exit, ExecStatus::Error).because(reason))
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
        verdict.outcome.output = Some(describe(&self.agent, description, Release::default()));
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
    use super::super::plan::tests::{check, unit};
    use super::*;

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
    fn a_start_is_a_success_only_if_the_unit_is_active() {
        for action in ["start", "restart"] {
            let plan = unit("web", action);
            check(&plan.job_done("active").unwrap(), 0, ExecStatus::Done, "");
            for state in ["inactive", "failed"] {
                let words = format!("{action} web.service is done, but the unit is {state}");
                check(&plan.job_done(state).unwrap(), 1, ExecStatus::Error, &words);
            }
            assert!(plan.job_done("activating").is_none());
        }
        assert!(!unit("web", "stop").action.wants_active() && !unit("web", "reload").action.wants_active());
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
    fn a_drop_in_that_cannot_be_written_does_not_make_the_unit_missing() {
        for (errno, exit) in [
            (Errno::EACCES, 4),
            (Errno::EPERM, 4),
            (Errno::ENOSPC, 1),
            (Errno::EROFS, 1),
            (Errno::ENOTDIR, 1),
            (Errno::EISDIR, 1),
            (Errno::ENOENT, 1),
            (Errno::ELOOP, 1),
        ] {
            let verdict = unit("web", "start").drop_in_failed(errno as i32);
            check(&verdict, exit, ExecStatus::Error, "50-pacemaker.conf: ");
        }
    }

    #[test]
    fn metadata_goes_by_the_agent_s_name() {
        let text = unit("web", "meta-data").metadata(Some("A server")).outcome.output.unwrap();
        assert!(text.contains("<resource-agent name=\"web\"") && text.contains("    A server\n"), "{text}");
    }
}
