// SPDX-License-Identifier: LGPL-2.1-or-later
//! Resources in transition. A monitor may find that a unit of the service manager is just starting or
//! stopping: neither running nor not.
//!
//! A recurring monitor reports that; when it has nothing else to report for as long as its timeout, it
//! fails. A probe has to come to a decision: it looks again, within its timeout, and reports only what it
//! found in the end.
use crate::model::{ExecStatus, Millis, Moment, OcfExit, Outcome};

/// Longest rest before a probe looks again.
const LONGEST_REST: Millis = Millis(2000);

/// What an operation has found of a transition.
#[derive(Debug, Default)]
pub(super) struct Pending {
    /// Since when every run has found the resource in transition; None: the last one did not.
    since: Option<Moment>,
    /// Is this a probe that has found a transition, and has not decided yet?
    looking_again: bool,
}

impl Pending {
    /// A run of a recurring operation found the resource in transition or not: for how long it has done so by now.
    pub(super) fn found(&mut self, in_transition: bool, now: Moment) -> Option<Millis> {
        if !in_transition {
            self.since = None;
            return None;
        }
        Some(now.since(*self.since.get_or_insert(now)).into())
    }

    /// A probe found a transition: how long it rests before it looks again. None: of its `timeout` (zero: none) too
    /// much is `spent`.
    pub(super) fn look_again(&mut self, timeout: Millis, spent: Millis) -> Option<Millis> {
        let delay = rest(timeout, spent);
        self.looking_again |= delay.is_some();
        delay
    }

    /// Is this a probe that looks again? It has only the time that its first look left.
    pub(super) const fn is_looking_again(&self) -> bool {
        self.looking_again
    }
}

fn rest(timeout: Millis, spent: Millis) -> Option<Millis> {
    if timeout == Millis(0) {
        return Some(LONGEST_REST);
    }
    let left = timeout.0.saturating_sub(spent.0);
    let delay = LONGEST_REST.0.min(timeout.0 / 10).max(1);
    let delay = if delay >= left && left > 20 { left / 2 } else { delay };
    (delay < left).then_some(Millis(delay))
}

/// A failure for want of a decision within `timeout`.
pub(super) fn undecided(action: &str, timeout: Millis, pending: Outcome) -> Outcome {
    let mut reason = format!("{action} found the resource in transition for {timeout}");
    if let Some(words) = &pending.reason {
        reason.push_str(": ");
        reason.push_str(words);
    }
    Outcome { exit: OcfExit::ERROR, status: ExecStatus::Timeout, ..pending }.because(reason)
}

#[cfg(test)]
mod tests {
    use crate::core::testing::{Bench, cancel, execute, exited, killed, operation, unregister};
    use crate::model::{ExecStatus, Execute, Millis, OcfExit, Outcome, Request, RunResult};

    fn with(action: &str, interval: u32, timeout: u64) -> Request {
        Request::Execute(Box::new(Execute { timeout: Millis(timeout), ..operation("r1", action, interval) }))
    }

    fn pending() -> RunResult {
        let outcome = Outcome::new(OcfExit::UNKNOWN, ExecStatus::Pending).because("activating");
        RunResult { outcome, ..exited(193) }
    }

    #[test]
    fn a_probe_looks_again_until_it_knows() {
        for action in ["monitor", "Status"] {
            let mut bench = Bench::with_r1();
            bench.ask(1, with(action, 0, 60_000));
            bench.pass(100);
            assert!(bench.ends(1, pending()).is_empty());
            assert!(bench.pass(1999).is_empty());
            assert_eq!(bench.pass(1), [format!("run 2 r1 {action}/0")]);
            assert!(bench.ends(2, pending()).is_empty());
            assert_eq!(bench.pass(2000), [format!("run 3 r1 {action}/0")]);
            let lines = bench.exits(3, 7);
            assert_eq!(lines, [format!("tell 1 r1 {action}/0 #3 7 Done change=4 exec=4100")]);
            assert!(bench.pass(60_000).is_empty());
        }
    }

    #[test]
    fn a_probe_that_never_knows_fails_in_time() {
        let mut bench = Bench::with_r1();
        bench.ask(1, with("monitor", 0, 1000));
        let mut told = bench.ends(1, pending());
        let mut run = 1;
        while told.is_empty() {
            run += 1;
            while bench.pass(1).is_empty() {}
            told = bench.ends(run, pending());
        }
        assert!((10..20).contains(&run) && bench.now_ms < 1000, "{run} runs until {}", bench.now_ms);
        assert_eq!(told.len(), 1);
        assert!(told[0].starts_with("tell 1 r1 monitor/0 #3 1 Timeout"), "{told:?}");
        assert!(told[0].contains("in transition for 1s: activating"), "{told:?}");
    }

    #[test]
    fn a_second_look_has_only_the_time_that_is_left() {
        let mut bench = Bench::with_r1();
        bench.ask(1, with("monitor", 0, 1000));
        bench.pass(300);
        bench.ends(1, pending());
        assert_eq!(bench.pass(100), ["run 2 r1 monitor/0"]);
        assert!(bench.pass(599).is_empty());
        assert_eq!(bench.pass(1), ["kill 2 Group"]);
        assert!(bench.ends(2, killed())[0].starts_with("tell 1 r1 monitor/0 #3 1 Timeout"));
    }

    #[test]
    fn a_probe_without_limit_rests_too() {
        let mut bench = Bench::with_r1();
        bench.ask(1, execute("r1", "monitor", 0));
        for run in 1..50 {
            assert!(bench.ends(run, pending()).is_empty());
            assert_eq!(bench.pass(2000).len(), 1);
        }
    }

    #[test]
    fn a_resting_probe_holds_up_what_comes_after_it_and_can_be_cancelled() {
        let mut bench = Bench::with_r1();
        bench.ask(1, with("monitor", 0, 20_000));
        bench.ends(1, pending());
        assert_eq!(bench.ask(1, execute("r1", "start", 0)), ["reply 1 4"]);
        assert_eq!(
            bench.ask(1, cancel("r1", "monitor", 0)),
            ["reply 1 0", "tell 1 r1 monitor/0 #3 0 Cancelled", "run 2 r1 start/0"]
        );
    }

    #[test]
    fn what_is_queued_behind_a_probe_goes_first_when_it_has_to_look_again() {
        let mut bench = Bench::with_r1();
        bench.ask(1, with("monitor", 0, 20_000));
        bench.ask(1, execute("r1", "start", 0));
        assert_eq!(bench.ends(1, pending()), ["run 2 r1 start/0"]);
        bench.pass(3000);
        let lines = bench.exits(2, 0);
        assert_eq!(lines[1], "run 3 r1 monitor/0");
        assert_eq!(bench.exits(3, 0).len(), 1);
    }

    #[test]
    fn a_probe_of_a_resource_that_is_gone_reports_what_it_has() {
        let mut bench = Bench::with_r1();
        bench.ask(1, with("monitor", 0, 20_000));
        bench.ask(1, unregister("r1"));
        let lines = bench.ends(1, pending());
        assert_eq!(lines, ["tell 1 r1 monitor/0 #3 193 Pending deleted=1 why=\"activating\""]);
    }

    #[test]
    fn only_monitors_look_again() {
        let mut bench = Bench::with_r1();
        bench.ask(1, with("start", 0, 20_000));
        assert!(bench.ends(1, pending())[0].contains("193 Pending"));
    }

    #[test]
    fn a_recurring_monitor_reports_a_transition_and_fails_when_it_lasts() {
        let mut bench = Bench::with_r1();
        bench.ask(1, with("monitor", 1000, 2500));
        bench.exits(1, 0);
        for run in 2..=4 {
            bench.pass(1000);
            let lines = bench.ends(run, pending());
            assert!(lines[0].starts_with("tell 1 r1 monitor/1000 #3 193 Pending change=1"), "{lines:?}");
        }
        for run in 5..=6 {
            bench.pass(1000);
            let lines = bench.ends(run, pending());
            assert!(lines[0].starts_with("tell 1 r1 monitor/1000 #3 1 Timeout change=4"), "{lines:?}");
            assert!(lines[0].contains("in transition for 2.500s: activating"), "{lines:?}");
        }
        bench.pass(1000);
        assert_eq!(bench.exits(7, 0), ["tell 1 r1 monitor/1000 #3 0 Done change=6"]);
        bench.pass(1000);
        assert!(bench.ends(8, pending())[0].contains("193 Pending"), "it has its whole time again");
    }

    #[test]
    fn what_a_run_says_of_its_delay_is_told_with_the_timeout() {
        let mut bench = Bench::with_r1();
        bench.ask(1, with("start", 0, 2000));
        assert_eq!(bench.pass(2000), ["kill 1 Group"]);
        let outcome = Outcome::new(OcfExit::ERROR, ExecStatus::Timeout).because("job not done");
        let lines = bench.ends(1, RunResult::new(outcome, None));
        assert!(lines[0].contains("1 Timeout"), "{lines:?}");
        assert!(lines[0].contains("why=\"start did not complete within 2s: job not done\""), "{lines:?}");
    }
}
