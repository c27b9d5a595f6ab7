// SPDX-License-Identifier: LGPL-2.1-or-later
//! Resources come and go, and what may be asked about them.
use crate::core::testing::{Bench, agent, cancel, execute, operation, register, unregister};
use crate::core::{DaemonKind, Effect, Input, PeerId, RequestToken};
use crate::model::{Request, RequestMessage, ResourceId};

#[test]
fn registering_is_answered_then_told_to_all_named() {
    let mut bench = Bench::remoted();
    bench.remote(1);
    bench.remote(2);
    let expected = ["reply 1 0", "tell 1,2 registered r1 0"];
    assert_eq!(bench.ask(1, register("r1")), expected);
    assert_eq!(bench.ask(1, register("r1")), expected, "the same again changes nothing");
    let info = Request::ResourceInfo(Some(ResourceId::new("r1")));
    assert_eq!(bench.ask(2, info), ["reply 2 0 r1 ocf:heartbeat:Dummy"]);
}

#[test]
fn registering_without_a_name_is_refused() {
    let mut bench = Bench::remoted();
    bench.remote(1);
    let request = Request::RegisterResource { resource_id: None, agent: agent("x"), drop_recurring: false };
    assert_eq!(bench.ask(1, request), ["reply 1 -22"]);
}

#[test]
fn the_same_agent_in_other_letters_replaces_nothing() {
    let mut bench = Bench::with_r1();
    bench.ask(1, execute("r1", "monitor", 100));
    bench.exits(1, 0);
    let again = |name| Request::RegisterResource {
        resource_id: Some(ResourceId::new("r1")),
        agent: agent(name),
        drop_recurring: false,
    };
    assert_eq!(bench.ask(1, again("dummy")).len(), 2);
    assert_eq!(
        bench.ask(1, again("Other")),
        ["reply 1 0", "tell 1 r1 monitor/100 #3 0 Cancelled deleted=1", "tell 1 registered r1 0"]
    );
}

#[test]
fn a_one_shot_outlives_its_resource_and_keeps_the_slot() {
    for replace in [false, true] {
        let mut bench = Bench::with_r1();
        bench.ask(1, execute("r1", "start", 0));
        bench.ask(1, execute("r1", "monitor", 0));
        let cancelled = "tell 1 r1 monitor/0 #4 0 Cancelled deleted=1";
        if replace {
            let request = Request::RegisterResource {
                resource_id: Some(ResourceId::new("r1")),
                agent: agent("Other"),
                drop_recurring: false,
            };
            assert_eq!(bench.ask(1, request), ["reply 1 0", cancelled, "tell 1 registered r1 0"]);
        } else {
            let expected = ["reply 1 -115", cancelled, "tell 1 unregistered r1 -115"];
            assert_eq!(bench.ask(1, unregister("r1")), expected);
            bench.ask(1, register("r1"));
        }
        assert!(bench.ask(1, execute("r1", "stop", 0)).iter().all(|line| !line.starts_with("run")));
        bench.pass(2000);
        let lines = bench.exits(1, 0);
        assert_eq!(lines[0], "tell 1 r1 start/0 #3 0 Done deleted=1 exec=2000");
        assert_eq!(lines[1], "run 2 r1 stop/0");
    }
}

#[test]
fn unregistering_answers_by_what_is_there() {
    let mut bench = Bench::with_r1();
    assert_eq!(bench.ask(1, Request::UnregisterResource(None)), ["reply 1 -19"]);
    assert_eq!(bench.ask(1, unregister("r9")), ["reply 1 0", "tell 1 unregistered r9 0"]);
    assert_eq!(bench.ask(1, unregister("r1")), ["reply 1 0", "tell 1 unregistered r1 0"]);
    assert_eq!(bench.ask(1, execute("r1", "start", 0)), ["reply 1 -19"]);
    assert_eq!(bench.ask(1, cancel("r1", "monitor", 1)), ["reply 1 -19"]);
}

#[test]
fn what_is_not_known_is_refused() {
    let mut bench = Bench::with_r1();
    assert_eq!(bench.ask(1, Request::ResourceInfo(None)), ["reply 1 -19"]);
    let unknown = Some(ResourceId::new("r9"));
    assert_eq!(bench.ask(1, Request::ResourceInfo(unknown.clone())), ["reply 1 -19"]);
    assert_eq!(bench.ask(1, Request::RecurringOperations(unknown)), ["reply 1 -19"]);
    let mut nameless = operation("r1", "start", 0);
    nameless.resource_id = None;
    assert_eq!(bench.ask(1, Request::Execute(Box::new(nameless))), ["reply 1 -22"]);
}

#[test]
fn recurring_operations_are_listed_once_they_have_begun() {
    let mut bench = Bench::with_r1();
    bench.ask(1, register("r2"));
    bench.ask(1, execute("r1", "start", 0));
    bench.ask(1, execute("r1", "monitor", 100));
    let all = Request::RecurringOperations(None);
    assert_eq!(bench.ask(1, all.clone()), ["reply 1 0 r1: r2:"], "still queued");
    bench.exits(1, 0);
    assert_eq!(bench.ask(1, all), ["reply 1 0 r1:monitor/100/0; r2:"]);
    let one = Request::RecurringOperations(Some(ResourceId::new("r2")));
    assert_eq!(bench.ask(1, one), ["reply 1 0 r2:"]);
}

#[test]
fn who_leaves_takes_its_recurring_operations_along() {
    let mut bench = Bench::with_r1();
    let keep = Request::RegisterResource {
        resource_id: Some(ResourceId::new("keep")),
        agent: agent("Dummy"),
        drop_recurring: false,
    };
    bench.ask(1, keep);
    bench.local(2, true);
    for (peer, id, interval, run) in [(2, "r1", 100, 1), (2, "keep", 100, 2), (1, "r1", 200, 3)] {
        bench.ask(peer, execute(id, "monitor", interval));
        bench.exits(run, 0);
    }
    assert_eq!(bench.gone(2), ["tell 1 r1 monitor/100 #5 0 Cancelled"], "a local client: only its own");
    bench.remote(3);
    assert!(bench.gone(1).is_empty(), "a remote client, but not the last");
    assert!(bench.gone(3).is_empty(), "the last client, and no other is left to be told");
    bench.remote(4);
    let all = Request::RecurringOperations(None);
    assert_eq!(bench.ask(4, all), ["reply 4 0 keep:monitor/100/0; r1:"]);
}

#[test]
fn local_clients_count_when_the_last_remote_one_leaves() {
    let mut bench = Bench::with_r1();
    bench.local(2, false);
    bench.ask(1, execute("r1", "monitor", 100));
    bench.exits(1, 0);
    assert!(bench.gone(1).is_empty());
    assert_eq!(bench.pass(100), ["run 2 r1 monitor/100"]);
}

#[test]
fn there_is_an_end_to_what_one_may_queue() {
    let mut bench = Bench::new(DaemonKind::Execd);
    bench.remote(1);
    bench.ask(1, register("r1"));
    let mut last = Vec::new();
    for _ in 0..=crate::core::operations::MOST_OPERATIONS {
        let request = execute("r1", "start", 0);
        let incoming = RequestMessage { client_name: None, options: 0, request };
        last = bench.raw(Input::Request { peer: PeerId(1), token: RequestToken(0), incoming });
    }
    assert!(matches!(last.as_slice(), [Effect::Reply { reply, .. }] if reply.rc == -7), "{last:?}");
    bench.remote(2);
    let accepted = bench.ask(2, execute("r1", "monitor", 0));
    assert!(accepted.iter().any(|line| line.starts_with("reply 2 1000")), "others may: {accepted:?}");
}
