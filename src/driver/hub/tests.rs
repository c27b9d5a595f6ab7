// SPDX-License-Identifier: LGPL-2.1-or-later
//! What the hub makes of what arrives, in turns that take no time.
#[path = "bench.rs"]
mod bench;
#[path = "pressure_tests.rs"]
mod pressure;
#[path = "turn_tests.rs"]
mod turns;

use super::schemas::LIMIT;
use super::*;
use crate::model::{
    ClientId, Interval, LocalIdentity, Millis, Payload, ProxiedServer, ProxyCommand, Request, ResourceId,
};
use bench::{Bench, ENCODED, execute, register};

#[test]
fn what_arrived_together_is_carried_out_in_order_with_one_flush_for_each_peer() {
    let mut bench = Bench::new();
    let (one, two) = (bench.joins(false), bench.joins(false));
    bench.turn();
    bench.asks(one, register("r"));
    bench.asks(one, execute("r", "start"));
    bench.asks(two, Request::ResourceInfo(Some(ResourceId::new("r"))));
    let expected = [
        "reply 1 #3 0",
        "tell 1 Registered",
        "tell 2 Registered",
        "reply 2 #5 0",
        "reply 1 #4 5",
        "run 1 r start",
        "flush 1",
        "flush 2",
    ];
    assert_eq!(bench.turn(), expected);
    assert!(bench.turn().is_empty(), "nothing is flushed twice");
}

#[test]
fn a_notification_is_encoded_once_for_all_remote_peers() {
    let mut bench = Bench::new();
    let one = bench.joins(false);
    bench.joins(false);
    bench.joins(false);
    bench.turn();
    ENCODED.set(0);
    bench.asks(one, register("r"));
    let told = bench.turn();
    assert_eq!(told.iter().filter(|line| line.starts_with("tell")).count(), 3, "{told:?}");
    assert_eq!(ENCODED.take(), 1);
}

#[test]
fn answers_reach_a_peer_that_leaves_right_behind_its_requests() {
    let mut bench = Bench::new();
    let peer = bench.joins(false);
    bench.turn();
    bench.asks(peer, Request::ResourceInfo(None));
    bench.inbox.put(Arrival::Left(peer));
    bench.asks(peer, Request::ResourceInfo(None));
    bench.inbox.put(Arrival::Left(peer));
    assert_eq!(bench.turn(), ["reply 1 #2 -19", "goodbye 1"], "what comes after its end is ignored");
}

#[test]
fn a_peer_that_is_closed_in_the_middle_is_not_heard_any_more() {
    let mut bench = Bench::new();
    let provider = bench.joins(true);
    bench.turn();
    let local = bench.inbox.new_peer();
    let identity = LocalIdentity { pid: 1, user: "root".into() };
    let server = ProxiedServer::CibRw;
    bench.inbox.put(Arrival::Joined(local, NewPeer::Proxied { connection: 7, server, identity }));
    let session = ClientId::new(format!("uuid-{}", local.0));
    bench.asks(provider, Request::Proxy(ProxyCommand::Destroy { session }));
    let payload = Payload::from_checked("<question/>");
    bench.inbox.input(Input::Proxied { peer: local, msg_id: 1, flags: 0x200, payload });
    let told = bench.turn();
    assert!(told.contains(&"disconnect local 7".into()), "{told:?}");
    assert!(!told.iter().any(|line| line.starts_with("tell") && line.contains("Request")), "{told:?}");
    bench.inbox.put(Arrival::Left(local));
    bench.turn();
    assert_eq!(bench.hub.peers.hear(local), peers::Heard::No);
}

#[test]
fn a_run_ends_once_and_is_killed_only_until_then() {
    let mut bench = Bench::new();
    let peer = bench.joins(false);
    bench.asks(peer, register("r"));
    bench.asks(peer, execute("r", "start"));
    bench.turn();
    assert_eq!(bench.hub.runs.len(), 1);
    bench.ends(1);
    bench.ends(1);
    bench.ends(99);
    bench.asks(peer, execute("r", "monitor"));
    let told = bench.turn();
    assert_eq!(told.iter().filter(|line| line.contains("Completed")).count(), 1, "{told:?}");
    assert_eq!(bench.hub.runs.keys().collect::<Vec<_>>(), [&RunId(2)]);
    bench.pass(Millis(1_000));
    assert_eq!(bench.turn(), ["kill 2"]);
    bench.hub.kill(RunId(1), KillScope::Group);
    assert!(bench.turn().is_empty(), "the first run has ended");
}

#[test]
fn a_deadline_that_has_passed_gives_a_turn_its_tick_behind_what_arrived() {
    let mut bench = Bench::new();
    let peer = bench.joins(false);
    bench.asks(peer, register("r"));
    bench.asks(peer, execute("r", "start"));
    bench.turn();
    let deadline = Moment::default().after(Millis(1_000));
    assert_eq!(bench.hub.turn(), Next::Wait(Some(deadline)));
    bench.pass(Millis(1_000));
    bench.ends(1);
    let told = bench.turn();
    assert!(!told.iter().any(|line| line.starts_with("kill")), "it ended before it was overdue: {told:?}");
    assert_eq!(bench.hub.turn(), Next::Wait(None));
}

#[test]
fn a_newer_transfer_of_schemas_replaces_an_older_one() {
    let mut bench = Bench::new();
    let old = bench.joins(true);
    let told = bench.turn();
    let count = |told: &[String], what: &str| told.iter().filter(|line| line.contains(what)).count();
    assert_eq!((count(&told, "Proxy New"), count(&told, "Proxy Request")), (1, 1), "{told:?}");
    let new = bench.joins(true);
    let told = bench.turn();
    assert_eq!(count(&told, &format!("tell {} Proxy Destroy", old.0)), 1, "{told:?}");
    assert_eq!(count(&told, &format!("tell {} Proxy New", new.0)), 1, "{told:?}");
    let session = bench.hub.schemas.as_ref().unwrap().peer.0;
    bench.answers(old, session - 2, 1, r#"<r cib_op="register"/>"#);
    bench.answers(new, session, 1, r#"<r cib_op="register"/>"#);
    let told = bench.turn();
    assert_eq!(count(&told, "Proxy Request"), 1, "only the newer transfer goes on: {told:?}");
    bench.answers(new, session, 2, r#"<r cib_op="cib_schemas" cib_rc="0"><file path="a.rng">x</file></r>"#);
    let told = bench.turn();
    assert_eq!(*bench.kept.borrow(), [1]);
    assert_eq!(count(&told, "Proxy Destroy"), 1, "the transfer is over: {told:?}");
    assert!(bench.hub.schemas.is_none() && bench.hub.next_deadline().is_none());
}

#[test]
fn a_transfer_of_schemas_that_takes_too_long_is_given_up() {
    let mut bench = Bench::new();
    let provider = bench.joins(true);
    bench.turn();
    assert_eq!(bench.hub.next_deadline(), Some(Moment::default().after(LIMIT)));
    bench.pass(LIMIT);
    let told = bench.turn();
    assert!(told[0].starts_with(&format!("tell {} Proxy Destroy", provider.0)), "{told:?}");
    assert_eq!(bench.hub.next_deadline(), None);
}

#[test]
fn a_provider_that_leaves_ends_its_transfer_of_schemas() {
    let mut bench = Bench::new();
    let provider = bench.joins(true);
    bench.turn();
    bench.inbox.put(Arrival::Left(provider));
    bench.turn();
    assert!(bench.hub.schemas.is_none());
}

#[test]
fn local_clients_are_answered_in_their_own_envelope() {
    let mut bench = Bench::new();
    let peer = bench.inbox.new_peer();
    bench.inbox.put(Arrival::Joined(peer, NewPeer::Local { connection: 5, privileged: true }));
    bench.asks_as(peer, Some("tool"), register("r"));
    assert_eq!(bench.turn(), ["respond local 5 #1 lrmd_reply", "event local 5 lrmd_notify"]);
}

#[test]
fn the_first_exit_code_counts_and_nothing_is_taken_after_it() {
    for terminate_first in [false, true] {
        let mut bench = Bench::new();
        let peer = bench.joins(false);
        bench.turn();
        if terminate_first {
            bench.inbox.input(Input::Terminate);
        }
        bench.asks(peer, Request::Check { watchdog: Some("10s".into()) });
        bench.inbox.input(Input::Terminate);
        bench.asks(peer, Request::ResourceInfo(None));
        assert_eq!(bench.hub.turn(), Next::Exit(if terminate_first { 0 } else { EXIT_FATAL }));
        assert!(!bench.inbox.is_empty(), "the rest is left");
        bench.hub.leave();
        let lines = &bench.hub.carrier().lines;
        assert_eq!(lines.last().map(String::as_str), Some("goodbye 1"));
        assert!(!lines.iter().any(|line| line.starts_with("reply")), "{lines:?}");
    }
}
