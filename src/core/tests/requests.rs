// SPDX-License-Identifier: LGPL-2.1-or-later
//! What each kind of client may ask, and what it is answered.
use crate::core::testing::{Bench, agent, cancel, execute, now, payload, register, sign_on, unregister};
use crate::core::{DaemonKind, Effect, Input, PeerId, PeerKind, RequestToken};
use crate::model::{
    CallId, ClientId, Millis, Params, ProtocolVersion, ProxyCommand, ReplyBody, Request, RequestMessage,
};

fn hello(version: Option<&str>, is_provider: bool) -> Request {
    let version = version.and_then(ProtocolVersion::parse);
    Request::Register { version, is_provider, client_name: None }
}

fn check() -> Request {
    Request::Check { watchdog: Some("10s".into()) }
}

fn alert() -> Request {
    Request::Alert { id: None, path: None, timeout: Millis(0), params: Params::new() }
}

#[test]
fn signing_on_tells_identity_version_uptime_and_start_state() {
    let mut bench = Bench::remoted();
    bench.connect(1, PeerKind::Remote);
    bench.now_ms = 61_000;
    let incoming = RequestMessage { client_name: None, options: 0, request: sign_on(false) };
    let effects = bench.raw(Input::Request { peer: PeerId(1), token: RequestToken(9), incoming });
    let [Effect::Reply { peer: PeerId(1), token: RequestToken(9), reply }] = effects.as_slice() else {
        panic!("{effects:?}")
    };
    assert_eq!((reply.rc, reply.call_id), (0, CallId(1)));
    let ReplyBody::Registered(body) = &reply.body else { panic!("{reply:?}") };
    assert_eq!(body.client_id, ClientId::new("00000001-uuid"));
    assert_eq!(body.version, Some(ProtocolVersion::OURS));
    assert_eq!(body.uptime_s, Some(61));
    assert_eq!(body.node_start_state.as_deref(), Some("online"));
    assert!(now(0).mono < now(61_000).mono);
}

#[test]
fn versions_and_providers() {
    let remote = PeerKind::Remote;
    let local = PeerKind::Local { privileged: true };
    let (remoted, execd) = (DaemonKind::Remoted, DaemonKind::Execd);
    let table = [
        (remoted, &remote, Some("1.2"), false, vec!["reply 1 0 00000001-uuid 1.2"]),
        (remoted, &remote, Some("1"), false, vec!["reply 1 0 00000001-uuid 1.2"]),
        (remoted, &remote, Some("0.9"), false, vec!["reply 1 -71 00000001-uuid 1.2"]),
        (remoted, &remote, None, false, vec!["reply 1 -71 00000001-uuid 1.2"]),
        (remoted, &remote, Some("1.1"), true, vec!["accept true", "reply 1 0 00000001-uuid 1.2"]),
        (remoted, &remote, Some("1.2"), true, vec!["accept true", "reply 1 0 00000001-uuid 1.2", "schemas"]),
        (remoted, &remote, None, true, vec!["accept true", "reply 1 -71 00000001-uuid 1.2"]),
        (remoted, &local, Some("1.2"), true, vec!["reply 1 -13 00000001-uuid 1.2"]),
        (execd, &local, Some("1.2"), true, vec!["reply 1 -93 00000001-uuid 1.2"]),
        (execd, &remote, Some("1.2"), true, vec!["reply 1 -93 00000001-uuid 1.2"]),
    ];
    for (daemon, kind, version, is_provider, expected) in table {
        let mut bench = Bench::new(daemon);
        bench.connect(1, kind.clone());
        assert_eq!(bench.ask(1, hello(version, is_provider)), expected, "{daemon:?} {kind:?} {version:?}");
    }
}

#[test]
fn a_poke_is_answered_and_then_told_to_all_named_clients() {
    let mut bench = Bench::remoted();
    bench.remote(1);
    bench.local(2, false);
    bench.connect(3, PeerKind::Remote);
    assert_eq!(bench.ask(1, Request::Poke), ["reply 1 0", "tell 1,2 poke 0"]);
    assert_eq!(bench.ask_as(3, None, Request::Poke), ["reply 3 0", "tell 1,2 poke 0"], "nameless");
    assert_eq!(bench.ask_as(3, Some("x"), Request::Poke), ["reply 3 0", "tell 1,2,3 poke 0"]);
}

#[test]
fn every_request_takes_a_number_and_numbers_wrap_to_one() {
    let mut bench = Bench::remoted();
    bench.remote(1);
    bench.local(2, false);
    bench.ask(1, Request::Poke);
    bench.ask(1, check());
    bench.ask(2, check());
    bench.ask(1, Request::Proxy(ProxyCommand::ShutdownAck));
    bench.ask(1, Request::Unknown("x".into()));
    bench.ask(1, register("r1"));
    assert_eq!(bench.ask(1, execute("r1", "start", 0))[0], "reply 1 9");
    bench.server.set_last_call(i32::MAX - 1);
    assert_eq!(bench.ask(1, execute("r1", "monitor", 0))[0], format!("reply 1 {}", i32::MAX));
    assert_eq!(bench.ask(1, execute("r1", "monitor", 0))[0], "reply 1 1");
}

#[test]
fn the_unprivileged_are_refused_with_an_answer_but_for_a_check() {
    let mut bench = Bench::with_r1();
    bench.local(2, false);
    let refused = [
        register("r2"),
        unregister("r1"),
        Request::ResourceInfo(None),
        execute("r1", "start", 0),
        cancel("r1", "monitor", 1),
        Request::RecurringOperations(None),
        alert(),
        Request::Proxy(ProxyCommand::ShutdownNack),
    ];
    for request in refused {
        assert_eq!(bench.ask(2, request.clone()), ["reply 2 -13"], "{request:?}");
    }
    assert!(bench.ask(2, check()).is_empty());
    assert_eq!(bench.ask(2, Request::Unknown("x".into())), ["reply 2 -95"]);
    assert_eq!(bench.ask(2, hello(Some("1.1"), false)), ["reply 2 0 00000002-uuid 1.2"]);
}

#[test]
fn a_check_is_never_answered() {
    let mut bench = Bench::remoted();
    bench.remote(1);
    assert_eq!(bench.ask(1, check()), ["watchdog Some(\"10s\")"]);
    assert_eq!(bench.ask(1, Request::Check { watchdog: None }), ["watchdog None"]);
}

#[test]
fn a_cluster_nodes_executor_carries_nothing() {
    let mut bench = Bench::new(DaemonKind::Execd);
    bench.local(1, true);
    let session = ClientId::new("s");
    let event = ProxyCommand::Event { session, payload: Some(payload("<a/>")) };
    assert_eq!(bench.ask(1, Request::Proxy(event)), ["reply 1 -93"]);
}

#[test]
fn results_go_to_everybody_or_to_the_origin_alone() {
    let mut bench = Bench::with_r1();
    bench.remote(2);
    bench.connect(3, PeerKind::Remote);
    bench.ask(1, execute("r1", "start", 0));
    assert_eq!(bench.exits(1, 0), ["tell 1,2 r1 start/0 #4 0 Done"], "3 is nameless");
    let only = || {
        let mut operation = crate::core::testing::operation("r1", "monitor", 0);
        operation.notify.origin_only = true;
        Request::Execute(Box::new(operation))
    };
    bench.ask(2, only());
    assert_eq!(bench.exits(2, 0), ["tell 2 r1 monitor/0 #5 0 Done"]);
    bench.ask(2, only());
    bench.gone(2);
    assert!(bench.exits(3, 0).is_empty(), "the origin has left");
    bench.ask_as(3, None, only());
    assert!(bench.exits(4, 0).is_empty(), "the origin has no name");
}

#[test]
fn who_is_not_connected_is_not_heard() {
    let mut bench = Bench::with_r1();
    bench.gone(1);
    assert!(bench.ask(1, Request::Poke).is_empty());
    bench.provider(2);
    bench.proxied(3);
    assert!(bench.ask(3, register("r2")).is_empty(), "no client of the executor");
}

#[test]
fn a_resource_without_agent_parts_is_taken_as_it_is() {
    let mut bench = Bench::remoted();
    bench.remote(1);
    let mut bare = agent("");
    (bare.standard, bare.provider) = (String::new(), None);
    let resource_id = Some(crate::model::ResourceId::new("r1"));
    let request = Request::RegisterResource { resource_id, agent: bare, drop_recurring: false };
    assert_eq!(bench.ask(1, request)[0], "reply 1 0");
}
