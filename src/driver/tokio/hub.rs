// SPDX-License-Identifier: LGPL-2.1-or-later
//! The one owner of the core: takes inputs, steps, carries out effects, flushes what became ready to send.
use super::children::{self, RunHandle};
use super::clock::Clock;
use super::connection::RemoteConnection;
use super::deadline::Alarm;
use super::fencer::Fencer;
use super::ipc::{LocalConnId, LocalServers};
use super::limits::Limits;
use super::schema_peer::SchemaPeer;
use super::systemd::Units;
use crate::agents::AgentConfig;
use crate::core::{Effect, Input, PeerId, Relay, RequestToken, RunId, Server};
use crate::driver::severity::log_effect;
use crate::model::{ClientId, KillScope, Notification, Reply};
use crate::session::{EncodedNotification, SchemaFile};
use crate::transport::credentials::Credentials;
use crate::wire::codec::{self, Envelope};
use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;
use tokio::sync::watch;

/// What the daemon around the driver decides, since only it knows the machine's files.
pub trait Hooks {
    /// Does this node's watchdog fit `timeout` (a time with an optional unit)? The error says why not.
    fn watchdog_fits(&self, timeout: Option<&str>) -> Result<(), String>;
    /// Empties the place for transferred schemas; the newest schema version that is installed anyway.
    fn prepare_schemas(&self) -> Result<String, String>;
    /// Keeps the transferred schema files, all or none. Their names have been sanitised.
    fn keep_schemas(&self, files: &[SchemaFile]) -> Result<(), String>;
}

/// Where a peer's messages go.
enum Peer {
    Remote(Rc<RemoteConnection>),
    /// A client of the executor's own IPC server.
    Local(LocalConnId),
    /// A client of a proxied server.
    Proxied(LocalConnId),
    /// The daemon itself, fetching schemas.
    Schemas(Rc<SchemaPeer>),
}

/// See the module's documentation.
pub struct Hub {
    core: RefCell<Server>,
    inbox: RefCell<VecDeque<Input>>,
    stepping: Cell<bool>,
    peers: RefCell<HashMap<PeerId, Peer>>,
    local_peers: RefCell<HashMap<LocalConnId, PeerId>>,
    unflushed: RefCell<Vec<Rc<RemoteConnection>>>,
    runs: RefCell<HashMap<RunId, RunHandle>>,
    next_peer: Cell<u64>,
    locals: RefCell<Option<LocalServers>>,
    pub(super) fencer: Fencer,
    agents: AgentConfig,
    units: Units,
    stop_listening: watch::Sender<bool>,
    exit: watch::Sender<Option<u8>>,
    pub(super) clock: Clock,
    pub(super) alarm: Alarm,
    pub(super) hooks: Box<dyn Hooks>,
    pub(super) limits: Limits,
    pub(super) credentials: RefCell<Credentials>,
}

impl Hub {
    /// A hub around a new core.
    pub fn new(
        core: Server,
        clock: Clock,
        agents: AgentConfig,
        credentials: Credentials,
        hooks: Box<dyn Hooks>,
        limits: Limits,
    ) -> Rc<Self> {
        Rc::new(Self {
            core: RefCell::new(core),
            inbox: RefCell::default(),
            stepping: Cell::new(false),
            peers: RefCell::default(),
            local_peers: RefCell::default(),
            unflushed: RefCell::default(),
            runs: RefCell::default(),
            next_peer: Cell::new(1),
            locals: RefCell::new(None),
            fencer: Fencer::default(),
            agents,
            units: Units::default(),
            stop_listening: watch::Sender::new(false),
            exit: watch::Sender::new(None),
            clock,
            alarm: Alarm::default(),
            hooks,
            limits,
            credentials: RefCell::new(credentials),
        })
    }

    /// Takes the IPC servers over. They were made with this hub as their client's ear.
    pub fn attach_locals(&self, locals: LocalServers) {
        *self.locals.borrow_mut() = Some(locals);
    }

    /// Feeds one input. Inputs that arise while effects are carried out wait for their turn, so that the core
    /// never sees the second half of a step first.
    pub fn input(self: &Rc<Self>, input: Input) {
        self.inbox.borrow_mut().push_back(input);
        if self.stepping.replace(true) {
            return;
        }
        let mut effects = Vec::new();
        loop {
            let Some(input) = self.inbox.borrow_mut().pop_front() else { break };
            self.core.borrow_mut().step(input, self.clock.now(), &mut effects);
            for effect in effects.drain(..) {
                self.perform(effect);
            }
        }
        self.stepping.set(false);
        let deadline = self.core.borrow().next_deadline().map(|moment| self.clock.instant(moment));
        self.alarm.set(deadline);
        self.flush();
    }

    /// A number for a new peer.
    pub fn new_peer(&self) -> PeerId {
        let number = self.next_peer.get();
        self.next_peer.set(number + 1);
        PeerId(number)
    }

    /// An identity for a new peer.
    pub fn new_client_id() -> ClientId {
        ClientId::new(uuid::Uuid::new_v4().to_string())
    }

    /// Tells when the daemon must stop taking connections.
    pub fn stop_listening(&self) -> watch::Receiver<bool> {
        self.stop_listening.subscribe()
    }

    /// Waits for the order to exit; the exit code.
    pub async fn exit_code(&self) -> u8 {
        let mut exit = self.exit.subscribe();
        match exit.wait_for(Option::is_some).await {
            Ok(code) => (*code).unwrap_or(0),
            Err(_) => 0,
        }
    }

    /// Orders the daemon to exit.
    pub fn exit(&self, code: u8) {
        self.exit.send_if_modified(|current| current.is_none() && current.replace(code).is_none());
    }

    /// Makes a remote peer reachable. The caller then feeds `Input::Connected`.
    pub(super) fn add_remote(&self, peer: PeerId, connection: Rc<RemoteConnection>) {
        self.peers.borrow_mut().insert(peer, Peer::Remote(connection));
    }

    /// Makes the daemon's own schema client reachable.
    pub(super) fn add_schemas(&self, peer: PeerId, schemas: Rc<SchemaPeer>) {
        self.peers.borrow_mut().insert(peer, Peer::Schemas(schemas));
    }

    /// The daemon's own schema client, while a transfer runs.
    pub(super) fn schemas_peer(&self) -> Option<PeerId> {
        self.peers.borrow().iter().find_map(|(peer, kind)| matches!(kind, Peer::Schemas(_)).then_some(*peer))
    }

    /// Makes a local peer reachable; its number.
    pub(super) fn add_local(&self, conn: LocalConnId, proxied: bool) -> PeerId {
        let peer = self.new_peer();
        let entry = if proxied { Peer::Proxied(conn) } else { Peer::Local(conn) };
        self.peers.borrow_mut().insert(peer, entry);
        self.local_peers.borrow_mut().insert(conn, peer);
        peer
    }

    /// The number of a local connection's peer.
    pub(super) fn local_peer(&self, conn: LocalConnId) -> Option<PeerId> {
        self.local_peers.borrow().get(&conn).copied()
    }

    /// Forgets a peer of any kind and tells the core.
    pub(super) fn peer_gone(self: &Rc<Self>, peer: PeerId) {
        let gone = self.peers.borrow_mut().remove(&peer);
        if let Some(Peer::Local(conn) | Peer::Proxied(conn)) = gone {
            self.local_peers.borrow_mut().remove(&conn);
        }
        self.input(Input::Disconnected(peer));
    }

    /// Says goodbye to remote peers behind what is queued for them, as far as their sockets take it at once.
    pub(super) fn say_goodbye(&self) {
        for peer in self.peers.borrow().values() {
            if let Peer::Remote(connection) = peer {
                connection.say_goodbye();
            }
        }
    }

    /// Ends the local servers, so that their names are free before the process is.
    pub(super) fn stop_locals(&self) {
        if let Some(locals) = self.locals.borrow_mut().take() {
            locals.stop();
        }
    }

    fn perform(self: &Rc<Self>, effect: Effect) {
        match effect {
            Effect::Reply { peer, token, reply } => self.reply(peer, token, &reply),
            Effect::Notify { peers, notification } => self.notify(&peers, &notification),
            Effect::Relay { peer, relay } => self.relay(peer, relay),
            Effect::Run { run, execution } => {
                let hub = Rc::clone(self);
                let handle = children::start(&execution, &self.agents, &self.units, move |result| {
                    hub.runs.borrow_mut().remove(&run);
                    hub.input(Input::Finished { run, result });
                });
                self.runs.borrow_mut().insert(run, handle);
            }
            Effect::Fence { run, execution, device } => self.fencer.start(self, run, execution, device),
            Effect::RunAlert { run, alert } => {
                let hub = Rc::clone(self);
                let handle = children::start_alert(&alert, &self.agents, move |result| {
                    hub.runs.borrow_mut().remove(&run);
                    hub.input(Input::Finished { run, result });
                });
                self.runs.borrow_mut().insert(run, handle);
            }
            Effect::Kill { run, scope } => self.kill(run, scope),
            Effect::Close(peer) => self.close(peer),
            Effect::AcceptProxied(accept) => {
                self.with_locals(|locals| locals.set_accept_proxied(accept));
            }
            Effect::FetchSchemas { provider } => SchemaPeer::start(self, provider),
            Effect::CheckWatchdog(timeout) => self.check_watchdog(timeout.as_deref()),
            Effect::StopListening => {
                self.stop_listening.send_replace(true);
            }
            Effect::Exit => self.exit(0),
            Effect::Log { level, text } => log_effect(level, &text),
        }
    }

    fn reply(&self, peer: PeerId, token: RequestToken, reply: &Reply) {
        match self.peers.borrow().get(&peer) {
            Some(Peer::Remote(connection)) => {
                connection.send_reply(token, reply);
                self.unflushed.borrow_mut().push(Rc::clone(connection));
            }
            Some(Peer::Local(conn)) => {
                let text = codec::encode_reply(reply, Envelope::Local);
                self.with_locals(|locals| locals.respond(*conn, token.0.cast_signed(), &text));
            }
            Some(Peer::Proxied(_) | Peer::Schemas(_)) | None => {}
        }
    }

    /// Encodes at most once per carrier, however many are told.
    fn notify(&self, peers: &[PeerId], notification: &Notification) {
        let (mut for_tls, mut for_local) = (None, None::<(String, Option<Rc<str>>)>);
        let known = self.peers.borrow();
        for peer in peers {
            match known.get(peer) {
                Some(Peer::Remote(connection)) => {
                    let text = for_tls.get_or_insert_with(|| EncodedNotification::new(notification));
                    connection.send_notification(text);
                    self.unflushed.borrow_mut().push(Rc::clone(connection));
                }
                Some(Peer::Local(conn)) => {
                    let (text, short) = for_local.get_or_insert_with(|| {
                        let short = codec::encode_short_notification(notification, Envelope::Local);
                        (codec::encode_notification(notification, Envelope::Local), short.map(Rc::from))
                    });
                    self.with_locals(|locals| locals.long_event(*conn, text, short.as_ref()));
                }
                Some(Peer::Proxied(_) | Peer::Schemas(_)) | None => {}
            }
        }
    }

    fn relay(self: &Rc<Self>, peer: PeerId, relay: Relay) {
        let schemas = match self.peers.borrow().get(&peer) {
            Some(Peer::Proxied(conn)) => {
                self.with_locals(|locals| match &relay {
                    Relay::Event(payload) => locals.event(*conn, payload.as_str()),
                    Relay::Response { msg_id, payload } => locals.respond(*conn, *msg_id, payload.as_str()),
                });
                return;
            }
            Some(Peer::Schemas(schemas)) => Rc::clone(schemas),
            Some(Peer::Remote(_) | Peer::Local(_)) | None => return,
        };
        schemas.receive(self, &relay);
    }

    fn kill(self: &Rc<Self>, run: RunId, scope: KillScope) {
        match self.runs.borrow().get(&run) {
            Some(handle) => handle.kill(scope),
            None => self.fencer.kill(self, run),
        }
    }

    fn close(self: &Rc<Self>, peer: PeerId) {
        let schemas = match self.peers.borrow().get(&peer) {
            Some(Peer::Remote(connection)) => {
                connection.close("the executor closed it");
                false
            }
            Some(Peer::Local(conn) | Peer::Proxied(conn)) => {
                self.with_locals(|locals| locals.close(*conn));
                false
            }
            Some(Peer::Schemas(_)) => true,
            None => false,
        };
        if schemas {
            self.peer_gone(peer);
        }
    }

    fn check_watchdog(&self, timeout: Option<&str>) {
        if let Err(reason) = self.hooks.watchdog_fits(timeout) {
            crate::log_emergency!("Exiting, and not to be restarted: {reason}");
            self.exit(100);
        }
    }

    fn with_locals(&self, act: impl FnOnce(&LocalServers)) {
        if let Some(locals) = &*self.locals.borrow() {
            act(locals);
        }
    }

    fn flush(&self) {
        for connection in std::mem::take(&mut *self.unflushed.borrow_mut()) {
            connection.flush();
        }
    }
}
