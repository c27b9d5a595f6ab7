// SPDX-License-Identifier: LGPL-2.1-or-later
//! A server with a clock to turn, for unit tests; effects are written as short lines, logs left out.
use super::{DaemonKind, Effect, Input, PeerId, PeerKind, Relay, RequestToken, RunId, Server, Settings};
use crate::model::{
    Agent, Cancel, ClientId, Completion, ExecStatus, Execute, Interval, LocalIdentity, Millis, Moment,
    Notification, Notify, Now, OcfExit, Outcome, Params, Payload, ProtocolVersion, ProxiedServer,
    ProxyNotice, Reply, ReplyBody, Request, RequestMessage, ResourceId, RunResult,
};
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

/// Epoch of the test clock's origin.
pub(super) const EPOCH_S: u64 = 1_000_000;

pub(super) struct Bench {
    pub(super) server: Server,
    pub(super) now_ms: u64,
}

impl Bench {
    pub(super) fn new(daemon: DaemonKind) -> Self {
        let settings = Settings { daemon, node_start_state: Some("online".into()), parameter_memory: None };
        Self { server: Server::new(settings, now(0)), now_ms: 0 }
    }

    /// Of a remote node, where requests may hold so many bytes.
    pub(super) fn with_memory(bytes: usize) -> Self {
        let mut bench = Self::remoted();
        let settings =
            Settings { daemon: DaemonKind::Remoted, node_start_state: None, parameter_memory: Some(bytes) };
        bench.server = Server::new(settings, now(0));
        bench
    }

    pub(super) fn remoted() -> Self {
        Self::new(DaemonKind::Remoted)
    }

    /// With remote client 1, named, and resource r1 (which loses the recurring operations of who leaves).
    pub(super) fn with_r1() -> Self {
        let mut bench = Self::remoted();
        bench.remote(1);
        bench.ask(1, register("r1"));
        bench
    }

    pub(super) fn raw(&mut self, input: Input) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.server.step(input, now(self.now_ms), &mut effects);
        effects
    }

    pub(super) fn step(&mut self, input: Input) -> Vec<String> {
        let effects = self.raw(input);
        effects.iter().filter_map(|effect| line(effect, &self.server)).collect()
    }

    pub(super) fn connect(&mut self, peer: u64, kind: PeerKind) -> Vec<String> {
        self.step(Input::Connected { peer: PeerId(peer), kind, client_id: client_id(peer) })
    }

    /// A remote client that has signed on as `c<peer>`.
    pub(super) fn remote(&mut self, peer: u64) {
        self.connect(peer, PeerKind::Remote);
        self.ask(peer, sign_on(false));
    }

    /// The same, but a provider.
    pub(super) fn provider(&mut self, peer: u64) {
        self.connect(peer, PeerKind::Remote);
        self.ask(peer, sign_on(true));
    }

    /// A local client that has signed on as `c<peer>`.
    pub(super) fn local(&mut self, peer: u64, privileged: bool) {
        self.connect(peer, PeerKind::Local { privileged });
        self.ask(peer, sign_on(false));
    }

    pub(super) fn proxied(&mut self, peer: u64) -> Vec<String> {
        let identity = LocalIdentity { pid: 77, user: "root".into() };
        self.connect(peer, PeerKind::Proxied { server: ProxiedServer::CibRw, identity })
    }

    pub(super) fn gone(&mut self, peer: u64) -> Vec<String> {
        self.step(Input::Disconnected(PeerId(peer)))
    }

    /// A request that carries the client's name.
    pub(super) fn ask(&mut self, peer: u64, request: Request) -> Vec<String> {
        self.ask_as(peer, Some(&format!("c{peer}")), request)
    }

    /// The same as [`Self::ask`], with all that is caused.
    pub(super) fn raw_ask(&mut self, peer: u64, request: Request) -> Vec<Effect> {
        let incoming = RequestMessage { client_name: Some(format!("c{peer}")), options: 0, request };
        self.raw(Input::Request { peer: PeerId(peer), token: RequestToken(0), incoming })
    }

    pub(super) fn ask_as(&mut self, peer: u64, name: Option<&str>, request: Request) -> Vec<String> {
        let incoming = RequestMessage { client_name: name.map(str::to_owned), options: 0, request };
        self.step(Input::Request { peer: PeerId(peer), token: RequestToken(0), incoming })
    }

    /// The clock goes on; deadlines are met on the way.
    pub(super) fn pass(&mut self, ms: u64) -> Vec<String> {
        let end = self.now_ms.saturating_add(ms);
        let mut lines = Vec::new();
        while let Some(deadline) = self.server.next_deadline().filter(|deadline| *deadline <= now(end).mono) {
            self.now_ms = self.now_ms.max(u64::try_from(deadline.since_origin().as_millis()).unwrap());
            lines.extend(self.step(Input::Tick));
        }
        self.now_ms = end;
        lines
    }

    /// An agent exits.
    pub(super) fn exits(&mut self, run: u64, exit: i32) -> Vec<String> {
        self.ends(run, exited(exit))
    }

    pub(super) fn ends(&mut self, run: u64, result: RunResult) -> Vec<String> {
        self.step(Input::Finished { run: RunId(run), result })
    }
}

pub(super) fn now(ms: u64) -> Now {
    Now { mono: Moment::new(Duration::from_millis(ms)), epoch_s: EPOCH_S.saturating_add(ms / 1000) }
}

pub(super) fn client_id(peer: u64) -> ClientId {
    ClientId::new(format!("{peer:08}-uuid"))
}

pub(super) fn sign_on(is_provider: bool) -> Request {
    Request::Register { version: Some(ProtocolVersion::OURS), is_provider, client_name: None }
}

pub(super) fn agent(name: &str) -> Agent {
    Agent { standard: "ocf".into(), provider: Some("heartbeat".into()), name: name.into() }
}

pub(super) fn register(id: &str) -> Request {
    register_agent(id, agent("Dummy"))
}

pub(super) fn register_agent(id: &str, agent: Agent) -> Request {
    Request::RegisterResource { resource_id: Some(ResourceId::new(id)), agent, drop_recurring: true }
}

pub(super) fn unregister(id: &str) -> Request {
    Request::UnregisterResource(Some(ResourceId::new(id)))
}

/// An operation without limit, told to everybody.
pub(super) fn operation(id: &str, action: &str, interval_ms: u32) -> Execute {
    Execute {
        resource_id: Some(ResourceId::new(id)),
        action: action.into(),
        interval: Interval(interval_ms),
        timeout: Millis(0),
        start_delay: Millis(0),
        user_data: None,
        params: Arc::new(Params::new()),
        notify: Notify::default(),
    }
}

pub(super) fn execute(id: &str, action: &str, interval_ms: u32) -> Request {
    Request::Execute(Box::new(operation(id, action, interval_ms)))
}

pub(super) fn cancel(id: &str, action: &str, interval_ms: u32) -> Request {
    let interval = Interval(interval_ms);
    Request::Cancel(Cancel { resource_id: Some(ResourceId::new(id)), action: Some(action.into()), interval })
}

pub(super) fn exited(exit: i32) -> RunResult {
    RunResult::new(Outcome::new(OcfExit(exit), ExecStatus::Done), Some(exit))
}

pub(super) fn killed() -> RunResult {
    let outcome = Outcome::new(OcfExit::ERROR, ExecStatus::Error).because("killed");
    RunResult { signal: Some(9), ..RunResult::new(outcome, None) }
}

pub(super) fn payload(text: &str) -> Payload {
    Payload::from_checked(text)
}

fn line(effect: &Effect, server: &Server) -> Option<String> {
    Some(match effect {
        Effect::Log { .. } => return None,
        Effect::Reply { peer, reply, .. } => format!("reply {} {}", peer.0, replied(reply)),
        Effect::Notify { audience, notification } => {
            let peers: Vec<_> = server.receivers(audience).iter().map(|peer| peer.0.to_string()).collect();
            format!("tell {} {}", peers.join(","), notified(notification))
        }
        Effect::Relay { peer, relay: Relay::Event(payload) } => {
            format!("relay {} event {}", peer.0, payload.as_str())
        }
        Effect::Relay { peer, relay: Relay::Response { msg_id, payload } } => {
            format!("relay {} response {msg_id} {}", peer.0, payload.as_str())
        }
        Effect::Run { run, execution } => {
            format!("run {} {} {}/{}", run.0, execution.resource_id, execution.action, execution.interval.0)
        }
        Effect::Fence { run, execution, device } => {
            format!(
                "fence {} {} {}/{} {device:?}",
                run.0, execution.resource_id, execution.action, execution.interval.0
            )
        }
        Effect::RunAlert { run, alert } => {
            format!("alert {} {} {} seq={}", run.0, alert.id, alert.path, alert.sequence)
        }
        Effect::Kill { run, scope } => format!("kill {} {scope:?}", run.0),
        Effect::Close(peer) => format!("close {}", peer.0),
        Effect::AcceptProxied(accept) => format!("accept {accept}"),
        Effect::FetchSchemas => "schemas".to_owned(),
        Effect::CheckWatchdog(timeout) => format!("watchdog {timeout:?}"),
        Effect::StopListening => "stop listening".into(),
        Effect::Exit => "exit".into(),
    })
}

fn replied(reply: &Reply) -> String {
    let mut text = reply.rc.to_string();
    match &reply.body {
        ReplyBody::Plain => {}
        ReplyBody::Registered(body) => {
            let version = body.version.unwrap();
            let _ = write!(text, " {} {version}", body.client_id);
        }
        ReplyBody::ResourceInfo(resource) => {
            let _ = write!(text, " {} {}", resource.id, resource.agent);
        }
        ReplyBody::Recurring(list) => {
            for resource in list {
                let _ = write!(text, " {}:", resource.resource_id);
                for operation in &resource.operations {
                    let interval = operation.interval.0;
                    let _ = write!(text, "{}/{interval}/{};", operation.action, operation.timeout.0);
                }
            }
        }
    }
    text
}

fn notified(notification: &Notification) -> String {
    match notification {
        Notification::Completed(completion) => completed(completion),
        Notification::Registered { rc, resource_id, .. } => {
            format!("registered {} {rc}", resource_id.as_ref().unwrap())
        }
        Notification::Unregistered { rc, resource_id, .. } => {
            format!("unregistered {} {rc}", resource_id.as_ref().unwrap())
        }
        Notification::Poke { rc, .. } => format!("poke {rc}"),
        Notification::NewClient => "new client".into(),
        Notification::Proxy(ProxyNotice::New { session, server }) => format!("new {session} {server}"),
        Notification::Proxy(ProxyNotice::Request { client, user, msg_id, flags, payload, .. }) => {
            format!("request {client} {user} {msg_id} {flags:#x} {}", payload.as_str())
        }
        Notification::Proxy(ProxyNotice::Destroy { session }) => format!("destroy {session}"),
        Notification::Proxy(ProxyNotice::ShutdownRequest) => "shutdown?".into(),
    }
}

/// Zero times and absent words are left out.
fn completed(completion: &Completion) -> String {
    let Completion { resource_id, action, interval, call_id, outcome, .. } = completion;
    let mut text =
        format!("{resource_id} {action}/{} #{call_id} {} {:?}", interval.0, outcome.exit.0, outcome.status);
    let numbers = [
        ("deleted", u64::from(completion.resource_deleted)),
        ("run", completion.run_time_s.saturating_sub(EPOCH_S)),
        ("change", completion.rc_change_s.saturating_sub(EPOCH_S)),
        ("exec", completion.exec_time.0),
        ("queue", completion.queue_time.0),
    ];
    for (name, number) in numbers.iter().filter(|(_, number)| *number > 0) {
        let _ = write!(text, " {name}={number}");
    }
    for (name, words) in [("data", &completion.user_data), ("why", &outcome.reason), ("out", &outcome.output)]
    {
        if let Some(words) = words {
            let _ = write!(text, " {name}={words:?}");
        }
    }
    text
}
