// SPDX-License-Identifier: LGPL-2.1-or-later
//! The hub with a carrier that writes down what it is told.
use super::schemas::LIMIT;
use super::*;
use crate::core::{DaemonKind, Settings};
use crate::model::{
    Agent, Alert, ClientId, DeviceState, ExecStatus, Execute, Execution, Interval, LocalIdentity, Millis,
    Notify, OcfExit, Outcome, Params, Payload, ProtocolVersion, ProxiedServer, ProxyCommand, Request,
    RequestMessage, ResourceId, RunResult,
};
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

/// Writes short lines. Remote peers and local connections are numbers, notifications are encoded as their kinds.
#[derive(Default)]
struct Recorder {
    now: Now,
    lines: Vec<String>,
    /// What waits for the peers that do not read.
    slow: HashMap<u64, usize>,
    /// How many bytes each message has for them.
    size: usize,
}

impl Recorder {
    fn grow(&mut self, to: u64) -> usize {
        let size = self.size;
        self.slow.get_mut(&to).map_or(0, |waits| {
            *waits += size;
            *waits
        })
    }
}

thread_local!(static ENCODED: RefCell<usize> = const { RefCell::new(0) });

impl Carrier for Recorder {
    type Remote = u64;
    type Local = u64;
    type Encoded = String;
    type Run = RunId;

    fn now(&self) -> Now {
        self.now
    }

    fn new_client_id(&mut self, peer: PeerId) -> ClientId {
        ClientId::new(format!("uuid-{}", peer.0))
    }

    fn send_reply(&mut self, to: &u64, token: RequestToken, reply: &Reply) -> usize {
        self.lines.push(format!("reply {to} #{} {}", token.0, reply.rc));
        self.grow(*to)
    }

    fn encode(notification: &Notification) -> String {
        ENCODED.with_borrow_mut(|count| *count += 1);
        format!("{notification:?}")
            .split(['(', ' ', '{'])
            .take(2)
            .collect::<Vec<_>>()
            .join(" ")
            .trim()
            .to_owned()
    }

    fn send_notification(&mut self, to: &u64, notification: &String) -> usize {
        self.lines.push(format!("tell {to} {notification}"));
        self.grow(*to)
    }

    fn flush(&mut self, remote: &u64) -> usize {
        self.lines.push(format!("flush {remote}"));
        self.slow.get(remote).copied().unwrap_or(0)
    }

    fn hold(&mut self, remote: &u64, held: bool) {
        self.lines.push(format!("{} {remote}", if held { "hold" } else { "release" }));
    }

    fn close(&mut self, remote: &u64, excess: Option<Excess>) {
        let why = excess.map(|excess| format!(": {excess}")).unwrap_or_default();
        self.lines.push(format!("close {remote}{why}"));
    }

    fn say_goodbye(&mut self, remote: &u64) {
        self.lines.push(format!("goodbye {remote}"));
    }

    fn respond(&mut self, to: &u64, id: i32, text: &str) {
        self.lines.push(format!("respond local {to} #{id} {}", name(text)));
    }

    fn send_event(&mut self, to: &u64, text: &str, _: Option<&Rc<str>>) {
        self.lines.push(format!("event local {to} {}", name(text)));
    }

    fn waiting(&self, _: &u64) -> usize {
        0
    }

    fn hold_local(&mut self, local: &u64, held: bool) {
        self.lines.push(format!("{} local {local}", if held { "hold" } else { "release" }));
    }

    fn disconnect(&mut self, local: &u64, _: Option<Excess>) {
        self.lines.push(format!("disconnect local {local}"));
    }

    fn accept_proxied(&mut self, accept: bool) {
        self.lines.push(format!("accept {accept}"));
    }

    fn run(&mut self, run: RunId, _: Option<PeerId>, execution: &Execution) -> RunId {
        self.lines.push(format!("run {} {} {}", run.0, execution.resource_id, execution.action));
        run
    }

    fn run_alert(&mut self, run: RunId, _: Option<PeerId>, _: &Alert) -> RunId {
        self.lines.push(format!("alert {}", run.0));
        run
    }

    fn fence(&mut self, run: RunId, _: Box<Execution>, _: DeviceState) -> RunId {
        self.lines.push(format!("fence {}", run.0));
        run
    }

    fn kill(&mut self, run: &RunId, _: KillScope) {
        self.lines.push(format!("kill {}", run.0));
    }

    fn stop_listening(&mut self) {
        self.lines.push("stop listening".into());
    }
}

/// The name of the element in a text.
fn name(text: &str) -> &str {
    text.trim_start_matches('<').split([' ', '/', '>']).next().unwrap_or_default()
}

/// A node without a watchdog that has schemas, and how many files it was given.
#[derive(Default)]
struct Node {
    kept: Rc<RefCell<Vec<usize>>>,
}

impl Hooks for Node {
    fn watchdog_fits(&self, _: Option<&str>) -> Result<(), String> {
        Err("there is none".into())
    }

    fn prepare_schemas(&self) -> Result<String, String> {
        Ok("pacemaker-4.0".into())
    }

    fn keep_schemas(&self, files: &[SchemaFile]) -> Result<(), String> {
        self.kept.borrow_mut().push(files.len());
        Ok(())
    }
}

struct Bench {
    hub: Hub<Recorder>,
    inbox: Inbox<u64, u64>,
    kept: Rc<RefCell<Vec<usize>>>,
    last_token: u32,
}

impl Bench {
    fn new() -> Self {
        let (inbox, node) = (Inbox::default(), Node::default());
        let core = Server::new(
            Settings { daemon: DaemonKind::Remoted, node_start_state: None, parameter_memory: None },
            Now::default(),
        );
        let kept = Rc::clone(&node.kept);
        let hub = Hub::new(core, Recorder::default(), inbox.clone(), Box::new(node));
        Self { hub, inbox, kept, last_token: 0 }
    }

    /// Puts a remote peer that signs on into the inbox.
    fn joins(&mut self, is_provider: bool) -> PeerId {
        let peer = self.inbox.new_peer();
        self.inbox.put(Arrival::Joined(peer, NewPeer::Remote(peer.0)));
        let version = Some(ProtocolVersion::OURS);
        self.asks_as(peer, Some("c"), Request::Register { version, is_provider, client_name: None });
        peer
    }

    fn asks(&mut self, peer: PeerId, request: Request) {
        self.asks_as(peer, None, request);
    }

    fn asks_as(&mut self, peer: PeerId, name: Option<&str>, request: Request) {
        self.last_token += 1;
        let incoming = RequestMessage { client_name: name.map(str::to_owned), options: 0, request };
        self.inbox.input(Input::Request { peer, token: RequestToken(self.last_token), incoming });
    }

    /// Answers the request `msg_id` of a session.
    fn answers(&mut self, provider: PeerId, session: u64, msg_id: i32, payload: &str) {
        let session = ClientId::new(format!("uuid-{session}"));
        let payload = Some(Payload::from_checked(payload));
        self.asks(provider, Request::Proxy(ProxyCommand::Response { session, msg_id, payload }));
    }

    fn ends(&mut self, run: u64) {
        let result = RunResult::new(Outcome::new(OcfExit::OK, ExecStatus::Done), Some(0));
        self.inbox.input(Input::Finished { run: RunId(run), result });
    }

    /// What the carrier is told in one turn.
    fn turn(&mut self) -> Vec<String> {
        self.hub.turn();
        std::mem::take(&mut self.hub.carrier_mut().lines)
    }

    fn pass(&mut self, time: Millis) {
        let carrier = self.hub.carrier_mut();
        carrier.now.mono = carrier.now.mono.after(time);
    }
}

fn register(id: &str) -> Request {
    let agent = Agent { standard: "ocf".into(), provider: Some("heartbeat".into()), name: "Dummy".into() };
    Request::RegisterResource { resource_id: Some(ResourceId::new(id)), agent, drop_recurring: true }
}

fn execute(id: &str, action: &str) -> Request {
    Request::Execute(Box::new(Execute {
        resource_id: Some(ResourceId::new(id)),
        action: action.into(),
        interval: Interval(0),
        timeout: Millis(1_000),
        start_delay: Millis(0),
        user_data: None,
        params: Arc::new(Params::new()),
        notify: Notify::default(),
    }))
}

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
        "reply 1 #4 4",
        "run 1 r start",
        "reply 2 #5 0",
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
