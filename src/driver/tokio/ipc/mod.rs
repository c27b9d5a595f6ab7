// SPDX-License-Identifier: LGPL-2.1-or-later
//! The local IPC servers of a remote node: the executor's own, and those through which the cluster's tools believe
//! to reach its daemons.
//!
//! `access` says who may connect, `client` holds what waits for one client and gives up on those that do not
//! read, and `pump` waits. What clients do is told to a [`LocalHandler`]; they are answered through
//! [`LocalServers`], at once or later.

mod access;
mod accounts;
mod client;
mod config;
mod lane;
mod pump;

use crate::driver::tokio::bulk::{Bulk, Hold};
use crate::driver::tokio::gate::Account;
use crate::driver::tokio::turns::Turns;
use crate::model::{LocalIdentity, ProxiedServer, site};
use crate::sys::qb::{
    ConnectionId, CreateError, Event, Reactor, Ready, Server, ServerId, Settings, check_shared_memory,
};
use crate::wire::ipc::UnreadRequest;
use access::Access;
use accounts::Accounts;
use client::Client;
pub use config::{IpcConfig, LocalConnId, LocalServer, Servers};
use lane::{Encoding, MessageKind, Text};
use log::{debug, info, warn};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use tokio::sync::Notify;
use tokio::task::{AbortHandle, spawn_local};
use tokio::time::Instant;

/// Is told what local clients do. May call [`LocalServers`] from within.
pub trait LocalHandler {
    /// A client connected. `privileged`: it is root or the cluster's user.
    fn connected(&self, conn: LocalConnId, server: LocalServer, privileged: bool, identity: LocalIdentity);
    /// A client sent a message, whole.
    fn message(&self, conn: LocalConnId, server: LocalServer, request: UnreadRequest) -> Taken;
    /// A client is gone, by its own will or ours.
    fn closed(&self, conn: LocalConnId);
    /// From now on no message of a client is to be taken in, or again. One that is [waited](Taken::Wait) for, too.
    fn held(&self, _conn: LocalConnId, _held: bool) {}
    /// A client has taken some of what waited for it.
    fn drained(&self, _conn: LocalConnId) {}
}

/// What has to be over before the next message of a client is taken. The error: why the client is to be disconnected.
pub type Wait = Pin<Box<dyn Future<Output = Result<(), String>>>>;

/// What became of a message.
pub enum Taken {
    /// The next one may come.
    Done,
    /// The next one may come when this is over.
    Wait(Wait),
    /// The client is to be disconnected, for this reason.
    Failed(String),
}

/// The names, in upstream's order of creation, the executor's first; None: always refused.
const SERVERS: [(&str, Option<LocalServer>); 8] = [
    (site::EXECUTOR_SERVER, Some(LocalServer::Executor)),
    (ProxiedServer::CibRo.wire_name(), Some(LocalServer::Proxied(ProxiedServer::CibRo))),
    (ProxiedServer::CibRw.wire_name(), Some(LocalServer::Proxied(ProxiedServer::CibRw))),
    ("cib_shm", Some(LocalServer::Proxied(ProxiedServer::CibRw))),
    (ProxiedServer::Attrd.wire_name(), Some(LocalServer::Proxied(ProxiedServer::Attrd))),
    (ProxiedServer::Fencer.wire_name(), Some(LocalServer::Proxied(ProxiedServer::Fencer))),
    ("pacemakerd", None),
    (ProxiedServer::Controller.wire_name(), Some(LocalServer::Proxied(ProxiedServer::Controller))),
];

/// The running servers.
#[derive(Clone)]
pub struct LocalServers {
    inner: Rc<Inner>,
}

/// The servers and their clients. `pump` works on it and is started here: a circle of two, since what waits for a
/// client and what it is given to do are one thing.
pub(in crate::driver::tokio::ipc) struct Inner {
    reactor: Rc<Reactor>,
    turns: Rc<Turns>,
    bulk: Bulk,
    /// Room for what is ready.
    ready: RefCell<Vec<Ready>>,
    handler: Rc<dyn LocalHandler>,
    access: Rc<Access>,
    accounts: Rc<Accounts>,
    servers: RefCell<Vec<Server>>,
    clients: RefCell<BTreeMap<LocalConnId, Client>>,
    /// When to try again with a client that had no room.
    retries: RefCell<BTreeSet<(Instant, LocalConnId)>>,
    retries_changed: Notify,
    /// Clients that have been released, with something that came before, in the order in which that came.
    released: RefCell<BTreeSet<(u64, LocalConnId)>>,
    /// The latest place given to a client that waits.
    last_place: Cell<u64>,
    /// There may be events that no descriptor announces.
    wake: Notify,
    tasks: RefCell<Vec<AbortHandle>>,
    last_text: RefCell<Arc<Text>>,
}

impl LocalServers {
    /// Creates the servers and the tasks that serve them, on the current `LocalSet`. Proxied servers refuse
    /// clients until [`Self::set_accept_proxied`]. One set for each thread; it serves until [`Self::stop`].
    pub fn start(config: IpcConfig, handler: Rc<dyn LocalHandler>) -> Result<Self, StartError> {
        Self::beside(Turns::start(), Bulk::new(), config, handler)
    }

    /// The same for a loop whose time is shared with other readers.
    pub(in crate::driver::tokio) fn beside(
        turns: Rc<Turns>,
        bulk: Bulk,
        config: IpcConfig,
        handler: Rc<dyn LocalHandler>,
    ) -> Result<Self, StartError> {
        if let Err(errno) = check_shared_memory() {
            warn!(
                "/dev/shm cannot be used ({}): the cluster is served, but local clients such as crm_node cannot connect \
                 until a tmpfs is mounted there",
                errno.desc()
            );
        }
        let reactor = Reactor::current().map_err(StartError::Loop)?;
        let accounts = Rc::new(Accounts::new(&config));
        let access = Rc::new(Access::new(&config, Rc::clone(&accounts)));
        let mut servers = Vec::new();
        let wanted = match config.servers {
            Servers::Executor => 1,
            Servers::ExecutorAndProxied => SERVERS.len(),
        };
        for (number, (name, server)) in (0..).zip(SERVERS).take(wanted) {
            let settings = Settings {
                name: format!("{}{name}", config.prefix),
                id: ServerId(number),
                transport: config.transport,
                buffer_size: config.buffer_size.max(config::LEAST_BUFFER),
            };
            let access = Rc::clone(&access);
            let created = Server::create(&settings, move |candidate| access.admit(name, server, candidate));
            servers.push(created.map_err(|cause| StartError::Server { name, cause })?);
        }
        let inner = Rc::new(Inner {
            reactor,
            turns,
            bulk,
            ready: RefCell::default(),
            handler,
            access,
            accounts,
            servers: RefCell::new(servers),
            clients: RefCell::default(),
            retries: RefCell::default(),
            retries_changed: Notify::new(),
            released: RefCell::default(),
            last_place: Cell::new(0),
            wake: Notify::new(),
            tasks: RefCell::default(),
            last_text: RefCell::new(Arc::new(Text { whole: Box::default(), short: None })),
        });
        let tasks = pump::spawn(&inner).map_err(StartError::Loop)?;
        inner.tasks.replace(tasks);
        Ok(Self { inner })
    }

    /// Answers a client's request `id`.
    pub fn respond(&self, conn: LocalConnId, id: i32, text: &str) {
        self.inner.send(conn, MessageKind::Response(id), text, None);
    }

    /// Sends a client an event.
    pub fn event(&self, conn: LocalConnId, text: &str) {
        self.long_event(conn, text, None);
    }

    /// Sends a client an event, or its shorter form if there is one and the whole is more than the client can receive.
    pub fn long_event(&self, conn: LocalConnId, text: &str, short: Option<&Arc<str>>) {
        self.inner.send(conn, MessageKind::Event, text, short);
    }

    /// How much waits for a client, in bytes; each message counts for some beside its text.
    pub fn waiting(&self, conn: LocalConnId) -> usize {
        self.inner.clients.borrow().get(&conn).map_or(0, Client::waiting)
    }

    /// Takes nothing more from a client, or takes again. Clients that are taken from again go on in the order in which
    /// their messages came.
    pub fn hold(&self, conn: LocalConnId, held: bool) {
        self.inner.handler.held(conn, held);
        let mut clients = self.inner.clients.borrow_mut();
        let Some(place) = clients.get_mut(&conn).and_then(|client| client.hold(held)) else { return };
        let mut released = self.inner.released.borrow_mut();
        if held {
            released.remove(&(place, conn));
        } else {
            released.insert((place, conn));
            self.inner.wake.notify_one();
        }
    }

    /// Logs why a client is about to be disconnected.
    pub fn say_why(&self, conn: LocalConnId, reason: &dyn std::fmt::Display) {
        if let Some(client) = self.inner.clients.borrow().get(&conn) {
            warn!("Disconnecting {client}: {reason}");
        }
    }

    /// Disconnects a client; [`LocalHandler::closed`] follows.
    pub fn close(&self, conn: LocalConnId) {
        if let Some(client) = self.inner.clients.borrow().get(&conn) {
            client.disconnect();
            self.inner.wake.notify_one();
        }
    }

    /// Is there a provider for new clients of proxied servers?
    pub fn set_accept_proxied(&self, accept: bool) {
        self.inner.access.set_accept_proxied(accept);
    }

    /// Disconnects everybody and frees the names. The handler is told nothing more.
    pub fn stop(&self) {
        for task in self.inner.tasks.take() {
            task.abort();
        }
        self.inner.clients.borrow_mut().clear();
        self.inner.servers.borrow_mut().clear();
        self.inner.retries.borrow_mut().clear();
        self.inner.released.borrow_mut().clear();
        while self.inner.reactor.next_event().is_some() {}
    }
}

impl Inner {
    /// `source`: whose work has caused it.
    fn handle(self: &Rc<Self>, event: Event, source: Option<&Ready>) {
        match event {
            Event::Connected { server, connection } => {
                let Some((name, Some(server))) = SERVERS.get(usize::from(server.0)).copied() else { return };
                let conn = local(connection.id());
                let privileged = self.access.is_privileged(connection.uid);
                let identity =
                    LocalIdentity { pid: connection.pid, user: self.access.user_name(connection.uid) };
                debug!("Local client {} ({}) connected to {name}", identity.pid, identity.user);
                let share = self.accounts.connected(conn);
                let client = Client::new(connection, name, server, identity.clone(), share);
                self.clients.borrow_mut().insert(conn, client);
                self.access.count(self.clients.borrow().len());
                self.handler.connected(conn, server, privileged, identity);
            }
            Event::Message { connection, bytes } => self.arrive(local(connection), bytes, source),
            Event::Closed { connection } => {
                let conn = local(connection);
                let Some(client) = self.clients.borrow_mut().remove(&conn) else { return };
                debug!("{client} is gone");
                if let Some(at) = client.retry_at() {
                    self.retries.borrow_mut().remove(&(at, conn));
                }
                self.released.borrow_mut().retain(|(_, other)| *other != conn);
                drop(client);
                self.access.count(self.clients.borrow().len());
                self.handler.closed(conn);
            }
            Event::Failed { server, pid } => {
                self.accounts.failed();
                let name = SERVERS.get(usize::from(server.0)).map_or("?", |(name, _)| name);
                self.access.warn(format_args!(
                    "Local client {pid} of {name} could not be given its buffers: is /dev/shm missing or full, or the client gone?"
                ));
            }
        }
    }

    fn receive(self: &Rc<Self>, conn: LocalConnId, bytes: &[u8], source: Option<&Ready>) {
        let (server, received) = {
            let mut clients = self.clients.borrow_mut();
            let Some(client) = clients.get_mut(&conn) else { return };
            (client.server(), client.receive(bytes))
        };
        self.flush(conn); // It lives, so perhaps it has read; and its layout may have become known.
        let bytes = match &received {
            Ok(Some(request)) => request.held_bytes(),
            Ok(None) | Err(_) => 0,
        };
        let taken = match received {
            Ok(Some(request)) => self.handler.message(conn, server, request),
            Ok(None) => Taken::Done,
            Err(problem) => Taken::Failed(problem),
        };
        match (taken, source) {
            (Taken::Wait(wait), Some(source)) => self.pause(conn, source, bytes, wait),
            (Taken::Failed(problem), _) => self.disconnect(conn, &problem),
            (Taken::Wait(_) | Taken::Done, _) => {}
        }
    }

    fn disconnect(&self, conn: LocalConnId, problem: &str) {
        if let Some(client) = self.clients.borrow().get(&conn) {
            self.access.warn(format_args!("Disconnecting {client}: {problem}"));
            client.disconnect();
            self.wake.notify_one();
        }
    }

    fn send(self: &Rc<Self>, conn: LocalConnId, kind: MessageKind, text: &str, short: Option<&Arc<str>>) {
        let text = self.share(text, short);
        let promising = {
            let mut clients = self.clients.borrow_mut();
            let Some(client) = clients.get_mut(&conn) else { return };
            client.enqueue(kind, text) || client.retry_at().is_none()
        };
        // While a client has no room each further message would find that out with a system call.
        if promising {
            self.flush(conn);
        }
    }

    /// Sends what there is room for, and plans the rest.
    fn flush(self: &Rc<Self>, conn: LocalConnId) {
        let mut clients = self.clients.borrow_mut();
        let Some(client) = clients.get_mut(&conn) else { return };
        let (before, waiting) = (client.retry_at(), client.waiting());
        if !client.has_backlog() && before.is_none() {
            return;
        }
        if let Err(reason) = client.flush(Instant::now) {
            info!("Disconnecting {client}: {reason}");
            client.give_up();
            self.wake.notify_one();
        }
        while let Some((encoding, account)) = client.next_to_encode() {
            client.awaits(encoding.channel, self.encode_beside(conn, encoding, &account));
        }
        let after = client.retry_at();
        client.report();
        let drained = before.is_some() && client.waiting() < waiting;
        drop(clients);
        if drained {
            self.handler.drained(conn);
        }
        if before != after {
            let mut retries = self.retries.borrow_mut();
            before.map(|at| retries.remove(&(at, conn)));
            after.map(|at| retries.insert((at, conn)));
            self.retries_changed.notify_one();
        }
    }

    /// Has a message encoded beside the loop, and flushed then.
    fn encode_beside(
        self: &Rc<Self>,
        conn: LocalConnId,
        encoding: Encoding,
        account: &Account,
    ) -> AbortHandle {
        let channel = encoding.channel;
        let encoded = self.bulk.submit(account, &Hold::default(), move || encoding.run());
        let inner = Rc::downgrade(self);
        let task = spawn_local(async move {
            let (Ok(encoded), Some(inner)) = (encoded.await, inner.upgrade()) else { return };
            if let Some(client) = inner.clients.borrow_mut().get_mut(&conn) {
                client.encoded(channel, encoded);
            }
            inner.flush(conn);
            // Its backlog had no time at which to try again, which would have told this.
            inner.handler.drained(conn);
        });
        task.abort_handle()
    }

    /// Disconnects the clients that hold too much.
    fn cut(&self) {
        for (conn, over) in self.accounts.take_cut() {
            if let Some(client) = self.clients.borrow_mut().get_mut(&conn) {
                self.access.warn(format_args!("Disconnecting {client}: {over}"));
                client.give_up();
            }
        }
        self.wake.notify_one();
    }

    /// One copy of a text for all who are sent it in a row.
    fn share(&self, whole: &str, short: Option<&Arc<str>>) -> Arc<Text> {
        let mut last = self.last_text.borrow_mut();
        if *last.whole != *whole || last.short.as_ref() != short {
            *last = Arc::new(Text { whole: Box::from(whole), short: short.cloned() });
        }
        Arc::clone(&last)
    }
}

fn local(id: ConnectionId) -> LocalConnId {
    LocalConnId(id.0)
}

/// Why the servers could not be started.
#[derive(Debug)]
pub enum StartError {
    /// One of them.
    Server {
        /// Its name, without the prefix.
        name: &'static str,
        /// What is wrong and what to do.
        cause: CreateError,
    },
    /// The event loop.
    Loop(io::Error),
}

impl std::fmt::Display for StartError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Server { cause, .. } => write!(f, "cannot serve local clients: {cause}"),
            Self::Loop(error) => write!(f, "cannot wait for local clients: {error}"),
        }
    }
}

impl std::error::Error for StartError {}

impl From<StartError> for io::Error {
    fn from(error: StartError) -> Self {
        match error {
            StartError::Loop(error) => error,
            error @ StartError::Server { .. } => Self::other(error),
        }
    }
}
