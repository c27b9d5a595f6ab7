// SPDX-License-Identifier: LGPL-2.1-or-later
//! Fence devices on a cluster node: the limit of what the fencer does, and what a result says of a device.
use crate::model::{DeviceState, ExecStatus, Millis, OcfExit};

/// The fencer keeps the time itself, and knows better what did not answer: this is for a fencer that hangs.
const GRACE: Millis = Millis(5_000);

/// Limit of a run in the fencer; zero: none.
pub(super) fn limit(timeout: Millis) -> Millis {
    match timeout {
        Millis(0) => Millis(0),
        Millis(ms) => Millis(ms.saturating_add(GRACE.0)),
    }
}

/// What a result makes of a device, if anything.
pub(super) fn device_after(action: &str, result: (OcfExit, ExecStatus)) -> Option<DeviceState> {
    let named = |name| action.eq_ignore_ascii_case(name);
    match result {
        (OcfExit::OK, ExecStatus::Done) if named("start") => Some(DeviceState::Started),
        (OcfExit::OK, ExecStatus::Done) if named("stop") => Some(DeviceState::Stopped),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::core::testing::{Bench, execute, exited, register_agent};
    use crate::core::{DaemonKind, Input};
    use crate::model::{Agent, ExecStatus, OcfExit, Outcome, RunResult};

    /// A cluster node with fence device f1 and a client.
    fn bench() -> Bench {
        let mut bench = Bench::new(DaemonKind::Execd);
        bench.local(1, true);
        bench.ask(1, register_agent("f1", device()));
        bench
    }

    fn device() -> Agent {
        Agent { standard: "stonith".into(), provider: None, name: "fence_x".into() }
    }

    fn lost() -> Input {
        let outcome = Outcome::new(OcfExit::ERROR, ExecStatus::Error);
        Input::FencerLost { result: RunResult { outcome, ..exited(1) } }
    }

    #[test]
    fn a_start_and_a_stop_are_remembered_and_a_failure_is_not() {
        let mut bench = bench();
        assert_eq!(bench.ask(1, execute("f1", "monitor", 0))[1..], ["fence 1 f1 monitor/0 Stopped"]);
        bench.exits(1, 7);
        bench.ask(1, execute("f1", "start", 0));
        bench.exits(2, 1);
        assert_eq!(bench.ask(1, execute("f1", "monitor", 0))[1..], ["fence 3 f1 monitor/0 Stopped"]);
        bench.exits(3, 7);
        bench.ask(1, execute("f1", "start", 0));
        bench.exits(4, 0);
        assert_eq!(bench.ask(1, execute("f1", "Monitor", 0))[1..], ["fence 5 f1 Monitor/0 Started"]);
        bench.exits(5, 0);
        bench.ask(1, execute("f1", "stop", 0));
        bench.exits(6, 0);
        assert_eq!(bench.ask(1, execute("f1", "monitor", 0))[1..], ["fence 7 f1 monitor/0 Stopped"]);
    }

    #[test]
    fn a_fencer_that_goes_fails_what_recurs_and_what_waits() {
        let mut bench = bench();
        bench.ask(1, execute("f1", "start", 0));
        bench.exits(1, 0);
        bench.ask(1, execute("f1", "monitor", 1000));
        bench.exits(2, 0);
        bench.ask(1, execute("f1", "stop", 0)); // cancels the monitor
        bench.ask(1, execute("f1", "start", 0));
        bench.ask(1, execute("f1", "monitor", 2000));
        let told = bench.step(lost());
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(told[0].starts_with("tell 1 f1 start/0 #6 1 Error"), "{told:?}");
        assert!(told[1].starts_with("tell 1 f1 monitor/2000 #7 1 Error"), "{told:?}");
        assert_eq!(bench.exits(3, 1).len(), 1, "the stop was in flight: it reports by itself");
        assert_eq!(
            bench.pass(2000),
            ["fence 4 f1 monitor/2000 Doubtful"],
            "its interval counts from the loss"
        );
    }

    #[test]
    fn a_resting_monitor_fails_at_once_and_rests_again() {
        let mut bench = bench();
        bench.ask(1, execute("f1", "start", 0));
        bench.exits(1, 0);
        bench.ask(1, execute("f1", "monitor", 1000));
        bench.exits(2, 0);
        bench.pass(600);
        assert_eq!(bench.step(lost()).len(), 1);
        assert!(bench.pass(999).is_empty());
        assert_eq!(bench.pass(1), ["fence 3 f1 monitor/1000 Doubtful"]);
        bench.exits(3, 0);
        bench.ask(1, execute("f1", "start", 0));
        bench.exits(4, 0);
        assert_eq!(bench.pass(1000), ["fence 5 f1 monitor/1000 Started"]);
        assert!(bench.step(lost()).is_empty(), "it is in flight");
    }

    #[test]
    fn the_fencer_gets_more_time_than_the_device() {
        let mut bench = bench();
        let mut start = crate::core::testing::operation("f1", "start", 0);
        start.timeout = crate::model::Millis(1000);
        bench.ask(1, crate::model::Request::Execute(Box::new(start)));
        assert!(bench.pass(5999).is_empty());
        assert_eq!(bench.pass(1), ["kill 1 Group"]);
    }

    #[test]
    fn other_resources_do_not_care() {
        let mut bench = bench();
        bench.ask(1, crate::core::testing::register("r1"));
        bench.ask(1, execute("r1", "monitor", 1000));
        bench.exits(1, 0);
        assert!(bench.step(lost()).is_empty());
    }

    #[test]
    fn a_remote_node_has_no_fencer() {
        let mut bench = Bench::remoted();
        bench.remote(1);
        bench.ask(1, register_agent("f1", device()));
        assert_eq!(bench.ask(1, execute("f1", "start", 0))[1..], ["run 1 f1 start/0"]);
    }
}
