// SPDX-License-Identifier: LGPL-2.1-or-later
//! What those see who look at a server.
use crate::core::testing::{Bench, EPOCH_S, execute, exited, now, operation, register, unregister};
use crate::core::{ClientKind, Input, OperationView, PeerKind, ResourceView, RunId, Stage};
use crate::model::{ExecStatus, Execute, Interval, Millis, OcfExit, Request, ResourceId, RunResult};

fn resource(bench: &Bench) -> ResourceView {
    bench.server.resources_after(None, 1).remove(0)
}

fn only_operation(bench: &Bench) -> OperationView {
    let mut view = resource(bench);
    assert_eq!((view.operations.len(), view.more_operations), (1, 0));
    view.operations.remove(0)
}

#[test]
fn an_operation_is_seen_at_each_stage_with_its_last_result_and_lateness() {
    let mut bench = Bench::with_r1();
    bench.ask(1, execute("r1", "monitor", 1000));
    assert_eq!(only_operation(&bench).stage, Stage::Running(now(0).mono));
    bench.pass(300);
    bench.exits(1, 0);
    let seen = only_operation(&bench);
    assert_eq!(seen.stage, Stage::Resting(now(1_300).mono));
    assert_eq!(seen.last.map(|last| (last.exit, last.status)), Some((OcfExit::OK, ExecStatus::Done)));
    assert_eq!(seen.lateness, Some(Millis(0)));
    bench.now_ms = 1_450;
    bench.step(Input::Tick);
    let seen = only_operation(&bench);
    assert_eq!((seen.stage, seen.lateness), (Stage::Running(now(1_450).mono), Some(Millis(150))));
    // A start that had to wait counts as late, too.
    bench.now_ms = 1_700;
    bench.step(Input::Waits(RunId(2)));
    bench.step(Input::Started { run: RunId(2), since: now(1_600).mono });
    assert_eq!(only_operation(&bench).lateness, Some(Millis(300)));
    let failed = exited(7);
    bench.ends(2, RunResult { outcome: failed.outcome.because("x".repeat(900)), ..failed });
    let latest = resource(&bench).latest.unwrap();
    assert_eq!((latest.call_id.0, latest.interval, latest.lateness), (3, Interval(1000), Millis(300)));
    assert_eq!((latest.result.exit, latest.result.ended_s), (OcfExit::NOT_RUNNING, EPOCH_S + 1));
    assert_eq!(latest.reason.map(|reason| reason.len()), Some(203), "shortened");
}

#[test]
fn what_waits_is_seen_and_a_one_shot_only_while_it_lasts() {
    let mut bench = Bench::with_r1();
    bench.ask(1, execute("r1", "start", 0));
    let delayed = Execute { start_delay: Millis(500), ..operation("r1", "monitor", 1000) };
    bench.ask(1, Request::Execute(Box::new(delayed)));
    let stages = |bench: &Bench| resource(bench).operations.iter().map(|o| o.stage).collect::<Vec<_>>();
    assert_eq!(stages(&bench), [Stage::Running(now(0).mono), Stage::Queued(now(500).mono)]);
    bench.exits(1, 0);
    assert_eq!(stages(&bench), [Stage::Queued(now(500).mono)]);
    assert_eq!(&*resource(&bench).latest.unwrap().action, "start");
    bench.pass(500);
    bench.exits(2, 0);
    bench.ask(1, execute("r1", "reload", 0));
    bench.pass(1_000);
    assert_eq!(stages(&bench), [Stage::Running(now(500).mono), Stage::Blocked(now(1_500).mono)]);
}

#[test]
fn pages_follow_each_other_and_are_bounded() {
    let mut bench = Bench::remoted();
    bench.remote(1);
    for number in 0..10 {
        bench.ask(1, register(&format!("r{number}")));
    }
    let ids = |after: Option<&str>, most: usize| {
        let views = bench.server.resources_after(after.map(ResourceId::new).as_ref(), most);
        views.iter().map(|view| view.id().as_str().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(ids(None, 3), ["r0", "r1", "r2"]);
    assert_eq!(ids(Some("r2"), 3), ["r3", "r4", "r5"]);
    assert_eq!(ids(Some("r4x"), 2), ["r5", "r6"], "one that is gone by now");
    assert!(ids(Some("r9"), 3).is_empty());
    for number in 0..5 {
        for interval in 1..=100 {
            bench.ask(1, execute(&format!("r{number}"), "monitor", interval));
        }
    }
    let page = bench.server.resources_after(None, 10);
    let shown = page.iter().map(|view| (view.operations.len(), view.more_operations)).collect::<Vec<_>>();
    assert_eq!(shown, [(64, 36); 4], "a page ends when it has many operations");
}

#[test]
fn clients_and_counters_are_seen() {
    let mut bench = Bench::remoted();
    bench.provider(1);
    bench.now_ms = 2_000;
    bench.local(2, true);
    bench.connect(3, PeerKind::Local { privileged: false });
    bench.proxied(4);
    bench.ask(2, register("r1"));
    bench.ask(2, execute("r1", "monitor", 1000));
    bench.exits(1, 7);
    bench.ask(2, execute("other", "monitor", 1000));
    bench.ask(3, register("r2"));
    let clients = bench.server.clients_after(None, 10);
    let seen: Vec<_> = clients.iter().map(|c| (c.name.as_deref(), c.kind, c.is_provider)).collect();
    let expected = [
        (Some("c1"), ClientKind::Remote, true),
        (Some("c2"), ClientKind::Local, false),
        (Some("c3"), ClientKind::Unprivileged, false),
    ];
    assert_eq!(seen, expected);
    assert_eq!((clients[0].since.epoch_s, clients[1].since.epoch_s), (EPOCH_S, EPOCH_S + 2));
    let next = bench.server.clients_after(Some(clients[1].peer), 10);
    assert_eq!(next.iter().map(|client| client.peer).collect::<Vec<_>>(), [clients[2].peer]);
    let summary = bench.server.summary();
    assert_eq!((summary.clients, summary.proxied, summary.resources, summary.operations), (3, 1, 1, 1));
    assert_eq!(summary.results, [(ExecStatus::Done, OcfExit::NOT_RUNNING, 1)]);
    assert_eq!(summary.refusals, [("not-privileged", 1), ("unknown-resource", 1)]);
    assert!(!summary.is_shutting_down && summary.in_flight == 0);
    bench.ask(2, unregister("r1"));
    let cancelled = (ExecStatus::Cancelled, OcfExit::NOT_RUNNING, 1);
    assert_eq!(bench.server.summary().results[1], cancelled, "what was cancelled counts");
}
