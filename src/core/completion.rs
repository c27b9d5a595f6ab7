// SPDX-License-Identifier: LGPL-2.1-or-later
//! What clients and the log are told of a run that needs an explanation of ours.
use super::LogLevel;
use super::times::Times;
use crate::model::{ExecStatus, Millis, Now, OcfExit, Outcome, RunResult};

/// An action that the core gave up for lack of time. A process that was killed has nothing to add to that.
pub(super) fn timed_out(action: &str, timeout: Millis, result: RunResult) -> Outcome {
    let words = match &result.outcome.reason {
        Some(reason) if result.signal.is_none() => format!(": {reason}"),
        _ => " and was killed".to_owned(),
    };
    let outcome = Outcome { exit: OcfExit::ERROR, status: ExecStatus::Timeout, ..result.outcome };
    outcome.because(format!("{action} did not complete within {timeout}{words}"))
}

/// The limit is that of the run alone: says what else took long, waiting for its turn or ending it.
pub(super) fn explain_phases(outcome: &mut Outcome, times: &Times, limits: (Millis, Millis), now: Now) {
    const WORTH_SAYING: Millis = Millis(1000);
    let (timeout, start_delay) = limits;
    let (Some(reason), Some(began)) = (&mut outcome.reason, times.began_at()) else { return };
    let waited = times.waited();
    if waited >= WORTH_SAYING {
        reason.push_str(&format!("; before that it had waited {waited} for its turn"));
        if start_delay > Millis(0) {
            reason.push_str(&format!(", of which {start_delay} are its start delay"));
        }
    }
    let lingered = Millis::from(now.mono.since(began.after(timeout)));
    if lingered >= WORTH_SAYING {
        reason.push_str(&format!("; its process was gone only {lingered} later"));
    }
}

/// A limit that was hit is worth more attention than what an agent reports.
pub(super) fn level_of(outcome: &Outcome) -> LogLevel {
    match outcome.status {
        // What upstream's fence devices say when they are not started.
        ExecStatus::Error if outcome.exit == OcfExit::NOT_RUNNING => LogLevel::Info,
        ExecStatus::Done | ExecStatus::Cancelled | ExecStatus::Pending => LogLevel::Info,
        _ => LogLevel::Warning,
    }
}

#[cfg(test)]
mod tests {
    use crate::core::testing::{Bench, execute, exited, killed};
    use crate::model::OcfExit;

    #[test]
    fn the_change_of_an_exit_compares_the_agents_number_with_the_translated_one() {
        let mut bench = Bench::with_r1();
        bench.ask(1, execute("r1", "monitor", 1000));
        let untranslated = || {
            let mut result = exited(3);
            result.outcome.exit = OcfExit::NOT_RUNNING;
            result
        };
        assert_eq!(bench.ends(1, untranslated()), ["tell 1 r1 monitor/1000 #3 7 Done"]);
        bench.pass(1000);
        let again = bench.ends(2, untranslated());
        assert_eq!(again, ["tell 1 r1 monitor/1000 #3 7 Done change=1"], "3 is not 7");
    }

    #[test]
    fn an_end_by_signal_is_passed_on_as_it_came() {
        let mut bench = Bench::with_r1();
        bench.ask(1, execute("r1", "start", 0));
        bench.pass(3000);
        let expected = "tell 1 r1 start/0 #3 1 Error change=3 exec=3000 why=\"killed\"";
        assert_eq!(bench.ends(1, killed()), [expected]);
    }

    #[test]
    fn an_agent_that_was_never_run_changes_nothing() {
        let mut bench = Bench::with_r1();
        bench.ask(1, execute("r1", "start", 0));
        bench.pass(1000);
        let mut missing = exited(5);
        (missing.raw_exit, missing.unprepared) = (None, true);
        assert_eq!(bench.ends(1, missing), ["tell 1 r1 start/0 #3 5 Done exec=1000"]);
    }
}
