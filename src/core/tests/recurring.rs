// SPDX-License-Identifier: LGPL-2.1-or-later
//! Operations that repeat: the next run, a second request for the same, and the ways to end one early.
use crate::core::testing::{Bench, cancel, execute, exited, killed, operation, register};
use crate::model::{Cancel, Interval, Millis, Request, ResourceId};

fn monitor(change: impl FnOnce(&mut crate::model::Execute)) -> Request {
    let mut execute = operation("r1", "monitor", 1000);
    change(&mut execute);
    Request::Execute(Box::new(execute))
}

/// With a monitor that has run once, without clients being told of results that do not change.
fn resting() -> Bench {
    let mut bench = Bench::with_r1();
    bench.ask(1, monitor(|op| op.notify.changes_only = true));
    bench.exits(1, 0);
    bench
}

#[test]
fn the_interval_counts_from_the_end_and_later_results_have_no_times() {
    let mut bench = Bench::with_r1();
    bench.ask(1, execute("r1", "monitor", 1000));
    bench.pass(300);
    assert_eq!(bench.exits(1, 0), ["tell 1 r1 monitor/1000 #3 0 Done exec=300"]);
    assert!(bench.pass(999).is_empty());
    assert_eq!(bench.pass(1), ["run 2 r1 monitor/1000"]);
    bench.pass(500);
    assert_eq!(bench.exits(2, 0), ["tell 1 r1 monitor/1000 #3 0 Done"]);
    assert_eq!(bench.pass(1000), ["run 3 r1 monitor/1000"]);
    bench.pass(200);
    assert_eq!(bench.exits(3, 7), ["tell 1 r1 monitor/1000 #3 7 Done change=3"]);
    bench.pass(1000);
    assert_eq!(bench.exits(4, 7), ["tell 1 r1 monitor/1000 #3 7 Done change=3"], "the change stays");
}

#[test]
fn only_changes_are_told_if_so_asked() {
    let mut bench = resting();
    for (run, exit, told) in [(2, 0, false), (3, 7, true), (4, 7, false), (5, 0, true)] {
        bench.pass(1000);
        assert_eq!(!bench.exits(run, exit).is_empty(), told, "run {run}");
    }
}

#[test]
fn a_duplicate_takes_over_number_and_data_only_and_runs_at_once() {
    let mut bench = Bench::with_r1();
    bench.ask(1, monitor(|op| (op.timeout, op.notify.changes_only) = (Millis(20), true)));
    bench.exits(1, 0);
    bench.pass(400);
    let again = monitor(|op| {
        op.action = "MONITOR".into();
        op.timeout = Millis(9);
        op.user_data = Some("new".into());
    });
    assert_eq!(bench.ask(1, again), ["reply 1 4", "run 2 r1 monitor/1000"]);
    assert_eq!(bench.pass(20), ["kill 2 Group"], "its timeout is the old one");
    assert_eq!(bench.ends(2, killed()).len(), 1);
    bench.pass(1000);
    assert_eq!(bench.exits(3, 0), ["tell 1 r1 monitor/1000 #4 0 Done change=1 data=\"new\""]);
    bench.pass(1000);
    assert!(bench.exits(4, 0).is_empty(), "it still tells changes only");
}

#[test]
fn an_unchanged_result_is_told_after_a_merge() {
    let mut bench = resting();
    bench.ask(1, execute("r1", "monitor", 1000));
    assert_eq!(bench.exits(2, 0), ["tell 1 r1 monitor/1000 #4 0 Done"]);
}

#[test]
fn a_duplicate_of_one_in_flight_or_queued_is_merged_without_a_run() {
    let mut bench = Bench::with_r1();
    bench.ask(1, execute("r1", "start", 0));
    bench.ask(1, execute("r1", "monitor", 1000));
    assert_eq!(bench.ask(1, execute("r1", "monitor", 1000)), ["reply 1 5"]);
    assert_eq!(bench.exits(1, 0)[1], "run 2 r1 monitor/1000");
    assert_eq!(bench.ask(1, execute("r1", "monitor", 1000)), ["reply 1 6"]);
    assert_eq!(bench.exits(2, 0), ["tell 1 r1 monitor/1000 #6 0 Done"]);
    assert_eq!(bench.ask(1, execute("r1", "monitor", 2000)), ["reply 1 7", "run 3 r1 monitor/2000"]);
}

#[test]
fn two_thousand_are_each_run_to_the_millisecond() {
    const COUNT: u64 = 2000;
    const INTERVAL_MS: u64 = 10_000;
    let mut bench = Bench::remoted();
    bench.remote(1);
    let mut due = std::collections::BTreeMap::new();
    for number in 0..COUNT {
        let id = format!("r{number}");
        bench.ask(1, register(&id));
        bench.ask(1, execute(&id, "monitor", 10_000));
        bench.exits(number + 1, 0);
        due.insert(id, bench.now_ms + INTERVAL_MS);
        bench.now_ms += INTERVAL_MS / COUNT;
    }
    for run in COUNT + 1..=COUNT * 4 {
        let next = bench.server.next_deadline().expect("the next run");
        bench.now_ms = u64::try_from(next.since_origin().as_millis()).unwrap();
        let lines = bench.step(crate::core::Input::Tick);
        let [line] = &lines[..] else { panic!("{lines:?}: no two are due at once") };
        let id = line.split(' ').nth(2).unwrap();
        assert_eq!(*line, format!("run {run} {id} monitor/10000"));
        assert_eq!(due[id], bench.now_ms, "{id}");
        bench.now_ms += 2;
        bench.exits(run, 0);
        due.insert(id.to_owned(), bench.now_ms + INTERVAL_MS);
    }
}

#[test]
fn cancelling_one_that_rests_keeps_its_last_exit() {
    let mut bench = Bench::with_r1();
    bench.ask(1, execute("r1", "monitor", 1000));
    bench.exits(1, 7);
    assert_eq!(
        bench.ask(1, cancel("r1", "Monitor", 1000)),
        ["reply 1 0", "tell 1 r1 monitor/1000 #3 7 Cancelled"]
    );
    assert!(bench.pass(5000).is_empty());
    assert_eq!(bench.ask(1, cancel("r1", "monitor", 1000)), ["reply 1 -95"]);
}

#[test]
fn cancelling_one_in_flight_is_told_at_once_but_the_slot_waits_for_its_end() {
    let mut bench = resting();
    bench.pass(1000);
    assert_eq!(
        bench.ask(1, cancel("r1", "monitor", 1000)),
        ["kill 2 Group", "reply 1 0", "tell 1 r1 monitor/1000 #3 0 Cancelled"]
    );
    assert_eq!(bench.ask(1, execute("r1", "stop", 0)), ["reply 1 5"]);
    assert_eq!(bench.ends(2, killed()), ["run 3 r1 stop/0"], "what it reported is swallowed");
}

#[test]
fn cancelling_a_first_run_reports_its_times_and_kills_once() {
    let mut bench = Bench::with_r1();
    bench.ask(1, monitor(|op| op.timeout = Millis(100)));
    assert_eq!(bench.pass(150), ["kill 1 Group"]);
    assert_eq!(
        bench.ask(1, cancel("r1", "monitor", 1000)),
        ["reply 1 0", "tell 1 r1 monitor/1000 #3 0 Cancelled exec=150"]
    );
    assert!(bench.ends(1, killed()).is_empty());
}

#[test]
fn cancelling_a_blocked_one_takes_it_out_before_those_behind_it() {
    let mut bench = resting();
    bench.ask(1, execute("r1", "monitor", 2000));
    bench.exits(2, 0);
    bench.ask(1, execute("r1", "migrate_to", 0));
    assert!(bench.pass(2000).is_empty(), "both are due, but blocked");
    assert_eq!(bench.ask(1, cancel("r1", "monitor", 1000)).len(), 2);
    assert_eq!(bench.exits(3, 0)[1..], ["run 4 r1 monitor/2000"]);
    assert_eq!(bench.exits(4, 0).len(), 1, "nothing else runs");
}

#[test]
fn a_running_one_shot_is_not_cancelled_and_the_interval_counts() {
    let mut bench = Bench::with_r1();
    bench.ask(1, execute("r1", "start", 0));
    assert_eq!(bench.ask(1, cancel("r1", "start", 0)), ["reply 1 -95"]);
    bench.ask(1, execute("r1", "monitor", 1000));
    assert_eq!(bench.ask(1, cancel("r1", "monitor", 999)), ["reply 1 -95"]);
    let resource_id = Some(ResourceId::new("r1"));
    let nothing = Cancel { resource_id, action: None, interval: Interval(1) };
    assert_eq!(bench.ask(1, Request::Cancel(nothing)), ["reply 1 -22"]);
}

#[test]
fn a_stop_ends_all_that_recurs_whoever_asked_for_it() {
    let mut bench = Bench::with_r1();
    bench.remote(2);
    bench.ask(2, execute("r1", "monitor", 1000));
    bench.exits(1, 0);
    bench.ask(1, execute("r1", "monitor", 2000));
    bench.ask(1, execute("r1", "monitor", 3000));
    bench.ask(1, execute("r1", "notify", 0));
    assert_eq!(
        bench.ask(1, execute("r1", "STOP", 0)),
        [
            "reply 1 8",
            "tell 1,2 r1 monitor/1000 #4 0 Cancelled",
            "kill 2 Group",
            "tell 1,2 r1 monitor/2000 #5 0 Cancelled",
            "tell 1,2 r1 monitor/3000 #6 0 Cancelled",
        ]
    );
    assert_eq!(bench.ends(2, killed()), ["run 3 r1 notify/0"]);
    assert_eq!(bench.exits(3, 0)[1], "run 4 r1 STOP/0");
}

#[test]
fn one_that_cannot_be_prepared_is_told_once_and_runs_again_when_asked_for() {
    let mut bench = Bench::with_r1();
    bench.ask(1, execute("r1", "monitor", 1000));
    let mut unprepared = exited(5);
    unprepared.unprepared = true;
    assert_eq!(bench.ends(1, unprepared), ["tell 1 r1 monitor/1000 #3 5 Done"]);
    assert!(bench.pass(10_000).is_empty());
    let list = Request::RecurringOperations(None);
    assert_eq!(bench.ask(1, list), ["reply 1 0 r1:monitor/1000/0;"]);
    assert_eq!(bench.ask(1, execute("r1", "monitor", 1000)), ["reply 1 5", "run 2 r1 monitor/1000"]);
    assert_eq!(bench.exits(2, 0).len(), 1);
    assert_eq!(bench.pass(1000), ["run 3 r1 monitor/1000"]);
}
