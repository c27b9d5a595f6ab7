// SPDX-License-Identifier: LGPL-2.1-or-later
//! A hub with a carrier that writes down what it is told, under a clock that goes on by what is done.
use super::super::*;
use crate::core::{DaemonKind, Settings};
use crate::model::{
    Agent, Alert, ClientId, DeviceState, ExecStatus, Execute, Execution, Interval, Millis, Notify, OcfExit,
    Outcome, Params, Payload, ProtocolVersion, ProxyCommand, Request, RequestMessage, ResourceId, RunResult,
};
use crate::session::SchemaFile;
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

/// Writes short lines. Remote peers and local connections are numbers, notifications are encoded as their kinds.
#[derive(Default)]
pub(super) struct Recorder {
    pub(super) now: Now,
    pub(super) lines: Vec<String>,
    /// How long it takes to carry out an effect.
    pub(super) effect_takes: Millis,
    /// How long it takes to flush a peer.
    pub(super) flush_takes: Millis,
    /// What waits for the peers that do not read.
    pub(super) slow: HashMap<u64, usize>,
    /// How many bytes each message has for them.
    pub(super) size: usize,
}

impl Recorder {
    fn carried_out(&mut self, line: String) {
        self.lines.push(line);
        self.now.mono = self.now.mono.after(self.effect_takes);
    }

    fn grow(&mut self, to: u64) -> usize {
        let size = self.size;
        self.slow.get_mut(&to).map_or(0, |waits| {
            *waits += size;
            *waits
        })
    }
}

thread_local!(pub(super) static ENCODED: RefCell<usize> = const { RefCell::new(0) });

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
        self.carried_out(format!("reply {to} #{} {}", token.0, reply.rc));
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
        self.carried_out(format!("tell {to} {notification}"));
        self.grow(*to)
    }

    fn flush(&mut self, remote: &u64) -> usize {
        self.lines.push(format!("flush {remote}"));
        self.now.mono = self.now.mono.after(self.flush_takes);
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

    fn send_event(&mut self, to: &u64, text: &str, _: Option<&Arc<str>>) {
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
        self.carried_out(format!("run {} {} {}", run.0, execution.resource_id, execution.action));
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
pub(super) struct Node {
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

pub(super) struct Bench {
    pub(super) hub: Hub<Recorder>,
    pub(super) inbox: Inbox<u64, u64>,
    pub(super) kept: Rc<RefCell<Vec<usize>>>,
    pub(super) last_token: u32,
}

impl Bench {
    pub(super) fn new() -> Self {
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
    pub(super) fn joins(&mut self, is_provider: bool) -> PeerId {
        let peer = self.inbox.new_peer();
        self.inbox.put(Arrival::Joined(peer, NewPeer::Remote(peer.0)));
        let version = Some(ProtocolVersion::OURS);
        self.asks_as(peer, Some("c"), Request::Register { version, is_provider, client_name: None });
        peer
    }

    pub(super) fn asks(&mut self, peer: PeerId, request: Request) {
        self.asks_as(peer, None, request);
    }

    pub(super) fn asks_as(&mut self, peer: PeerId, name: Option<&str>, request: Request) {
        self.last_token += 1;
        let incoming = RequestMessage { client_name: name.map(str::to_owned), options: 0, request };
        self.inbox.input(Input::Request { peer, token: RequestToken(self.last_token), incoming });
    }

    /// Answers the request `msg_id` of a session.
    pub(super) fn answers(&mut self, provider: PeerId, session: u64, msg_id: i32, payload: &str) {
        let session = ClientId::new(format!("uuid-{session}"));
        let payload = Some(Payload::from_checked(payload));
        self.asks(provider, Request::Proxy(ProxyCommand::Response { session, msg_id, payload }));
    }

    pub(super) fn ends(&mut self, run: u64) {
        let result = RunResult::new(Outcome::new(OcfExit::OK, ExecStatus::Done), Some(0));
        self.inbox.input(Input::Finished { run: RunId(run), result });
    }

    /// What the carrier is told in one turn.
    pub(super) fn turn(&mut self) -> Vec<String> {
        self.hub.turn();
        std::mem::take(&mut self.hub.carrier_mut().lines)
    }

    pub(super) fn pass(&mut self, time: Millis) {
        let carrier = self.hub.carrier_mut();
        carrier.now.mono = carrier.now.mono.after(time);
    }
}

pub(super) fn register(id: &str) -> Request {
    let agent = Agent { standard: "ocf".into(), provider: Some("heartbeat".into()), name: "Dummy".into() };
    Request::RegisterResource { resource_id: Some(ResourceId::new(id)), agent, drop_recurring: true }
}

pub(super) fn execute(id: &str, action: &str) -> Request {
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
