// SPDX-License-Identifier: LGPL-2.1-or-later
//! Operations wait for their turn, run and are told of.
use crate::core::testing::{Bench, cancel, execute, killed, operation, register};
use crate::model::{Execute, Millis, Params, Request};
use std::sync::Arc;

fn with(id: &str, action: &str, interval: u32, change: impl FnOnce(&mut Execute)) -> Request {
    let mut execute = operation(id, action, interval);
    change(&mut execute);
    Request::Execute(Box::new(execute))
}

#[test]
fn the_reply_comes_before_the_run_and_the_result_after() {
    let mut bench = Bench::with_r1();
    assert_eq!(bench.ask(1, execute("r1", "start", 0)), ["reply 1 3", "run 1 r1 start/0"]);
    bench.pass(1500);
    assert_eq!(bench.exits(1, 0), ["tell 1 r1 start/0 #3 0 Done exec=1500"]);
}

#[test]
fn one_at_a_time_in_order_and_resources_apart() {
    let mut bench = Bench::with_r1();
    bench.ask(1, register("r2"));
    assert_eq!(bench.ask(1, execute("r1", "start", 0)), ["reply 1 4", "run 1 r1 start/0"]);
    assert_eq!(bench.ask(1, execute("r1", "monitor", 0)), ["reply 1 5"]);
    assert_eq!(bench.ask(1, execute("r1", "promote", 0)), ["reply 1 6"]);
    assert_eq!(bench.ask(1, execute("r2", "start", 0)), ["reply 1 7", "run 2 r2 start/0"]);
    bench.pass(10);
    assert_eq!(bench.exits(1, 0), ["tell 1 r1 start/0 #4 0 Done exec=10", "run 3 r1 monitor/0"]);
    let lines = bench.exits(3, 0);
    assert_eq!(lines, ["tell 1 r1 monitor/0 #5 0 Done queue=10", "run 4 r1 promote/0"]);
}

#[test]
fn a_start_delay_holds_up_the_queue_and_counts_as_queueing() {
    let mut bench = Bench::with_r1();
    let delayed = with("r1", "start", 0, |op| op.start_delay = Millis(1500));
    assert_eq!(bench.ask(1, delayed), ["reply 1 3"]);
    assert_eq!(bench.ask(1, execute("r1", "monitor", 0)), ["reply 1 4"]);
    assert!(bench.pass(1499).is_empty());
    assert_eq!(bench.pass(1), ["run 1 r1 start/0"]);
    let expected = ["tell 1 r1 start/0 #3 0 Done run=1 queue=1500", "run 2 r1 monitor/0"];
    assert_eq!(bench.exits(1, 0), expected);
}

#[test]
fn a_delay_runs_from_arrival_even_behind_others() {
    let mut bench = Bench::with_r1();
    bench.ask(1, execute("r1", "start", 0));
    bench.ask(1, with("r1", "monitor", 0, |op| op.start_delay = Millis(100)));
    bench.pass(100);
    assert_eq!(bench.exits(1, 0)[1], "run 2 r1 monitor/0");
}

#[test]
fn a_cancelled_head_lets_the_next_one_run_after_the_reply() {
    let mut bench = Bench::with_r1();
    bench.ask(1, with("r1", "start", 0, |op| op.start_delay = Millis(100)));
    bench.ask(1, execute("r1", "monitor", 0));
    bench.pass(50);
    assert_eq!(
        bench.ask(1, cancel("r1", "START", 0)),
        ["reply 1 0", "tell 1 r1 start/0 #3 0 Cancelled", "run 1 r1 monitor/0"]
    );
    assert!(bench.pass(100).is_empty(), "its delay is forgotten");
}

#[test]
fn too_long_a_run_is_killed_once_and_reported_as_timeout_when_it_is_gone() {
    let mut bench = Bench::with_r1();
    bench.ask(1, with("r1", "start", 0, |op| op.timeout = Millis(2000)));
    assert!(bench.pass(1999).is_empty());
    assert_eq!(bench.pass(1), ["kill 1 Group"]);
    assert!(bench.pass(60_000).is_empty());
    let mut result = killed();
    result.outcome.output = Some("text".into());
    let reason = "start did not complete within 2s and was killed; its process was gone only 1m later";
    assert_eq!(
        bench.ends(1, result),
        [format!("tell 1 r1 start/0 #3 1 Timeout change=62 exec=62000 why={reason:?} out=\"text\"")]
    );
}

#[test]
fn a_timeout_says_what_came_before_the_run() {
    let mut bench = Bench::with_r1();
    bench.ask(1, execute("r1", "monitor", 0));
    bench.ask(
        1,
        with("r1", "start", 0, |op| {
            op.timeout = Millis(2000);
            op.start_delay = Millis(500);
        }),
    );
    bench.pass(1500);
    bench.exits(1, 0);
    bench.pass(2000);
    let reason = "start did not complete within 2s and was killed; before that it had waited 1.500s for its \
                  turn, of which 500ms are its start delay";
    let told = bench.ends(2, killed());
    assert!(told[0].contains(&format!("{reason:?}")), "{told:?}");
}

#[test]
fn no_timeout_no_kill_and_an_early_end_disarms_it() {
    let mut bench = Bench::with_r1();
    bench.ask(1, execute("r1", "start", 0));
    assert!(bench.pass(1_000_000).is_empty());
    bench.exits(1, 0);
    bench.ask(1, with("r1", "stop", 0, |op| op.timeout = Millis(20)));
    bench.exits(2, 0);
    assert!(bench.pass(1000).is_empty());
}

#[test]
fn with_on_fail_block_only_the_agent_dies() {
    for (policy, scope) in [("BLOCK", "Process"), ("restart", "Group")] {
        let mut bench = Bench::with_r1();
        let params = Params::from_iter([("CRM_meta_on_fail", policy)]);
        let request = with("r1", "start", 0, |op| {
            op.timeout = Millis(20);
            op.params = Arc::new(params);
        });
        bench.ask(1, request);
        assert_eq!(bench.pass(20), [format!("kill 1 {scope}")]);
    }
}

#[test]
fn repeats_and_queued_operations_share_the_slot_in_order() {
    let mut bench = Bench::with_r1();
    for (run, interval) in [(1, 100), (2, 150)] {
        bench.ask(1, execute("r1", "monitor", interval));
        bench.exits(run, 0);
    }
    assert_eq!(bench.pass(100), ["run 3 r1 monitor/100"]);
    assert!(bench.pass(50).is_empty(), "the other is blocked");
    assert_eq!(bench.ask(1, execute("r1", "promote", 0)), ["reply 1 5"], "so is this, behind it");
    assert_eq!(bench.exits(3, 0)[1], "run 4 r1 monitor/150");
    assert_eq!(bench.exits(4, 0)[1], "run 5 r1 promote/0");
}

#[test]
fn a_stray_end_of_a_run_is_ignored() {
    let mut bench = Bench::with_r1();
    assert!(bench.exits(99, 0).is_empty());
}
