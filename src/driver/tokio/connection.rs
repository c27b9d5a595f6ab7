// SPDX-License-Identifier: LGPL-2.1-or-later
//! One TLS peer: moves bytes between its socket and its session, and keeps its deadlines.
use super::clock::instant_now;
use super::hub::Hub;
use super::limits::Limits;
use super::waiting::{EVICTED, WaitingPlace, late};
use crate::core::{Input, PeerId, PeerKind, RequestToken};
use crate::log_notice;
use crate::model::Reply;
use crate::session::{EncodedNotification, ServerEvent, ServerSession};
use crate::sys::tls::ServerContext;
use crate::transport::tcp;
use log::{debug, warn};
use std::cell::{Cell, RefCell};
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::rc::Rc;
use tokio::io::Interest;
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::yield_now;
use tokio::time::{Instant, sleep_until};

/// Bytes taken from a socket at once; one buffer serves all connections.
const READ_SIZE: usize = 64 * 1024;

/// Reads in a row before other peers get a turn. The second one shows whether the first took all.
const READS_PER_TURN: usize = 2;

thread_local! {
    static READ_BUFFER: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ_SIZE].into_boxed_slice());
}

/// A peer's socket and session.
pub struct RemoteConnection {
    stream: TcpStream,
    address: SocketAddr,
    session: RefCell<ServerSession>,
    /// Why the connection is to end, once it is.
    ending: RefCell<Option<String>>,
    /// Bytes that may wait to be sent.
    queue_limit: usize,
    /// Something for the task to look at: an end, or output that the socket would not take at once.
    attention: Notify,
    /// When the oldest byte that still waits to be sent last made progress.
    stalled_since: Cell<Option<Instant>>,
}

/// What a connection's task waits for beside its socket.
struct Deadlines {
    handshake: Option<Instant>,
    message: Option<(Instant, usize)>,
}

impl RemoteConnection {
    pub(super) fn new(
        stream: TcpStream,
        address: SocketAddr,
        context: &ServerContext,
        queue_limit: usize,
    ) -> Rc<Self> {
        Rc::new(Self {
            stream,
            address,
            session: RefCell::new(ServerSession::new(context)),
            ending: RefCell::new(None),
            queue_limit,
            attention: Notify::new(),
            stalled_since: Cell::new(None),
        })
    }

    /// Queues a reply. The hub flushes when its step is over.
    pub(super) fn send_reply(&self, token: RequestToken, reply: &Reply) {
        self.session.borrow_mut().send_reply(token, reply);
    }

    /// Queues a notification.
    pub(super) fn send_notification(&self, notification: &EncodedNotification) {
        self.session.borrow_mut().send_notification(notification);
    }

    /// Ends the connection after what is queued, as far as the socket takes it at once.
    pub(super) fn close(&self, why: &str) {
        self.ending.borrow_mut().get_or_insert_with(|| why.to_owned());
        self.attention.notify_one();
    }

    /// Sends what the socket takes; the rest waits for the task.
    pub(super) fn flush(&self) {
        let mut session = self.session.borrow_mut();
        while !session.output().is_empty() {
            match self.stream.try_write(session.output()) {
                Ok(sent) => {
                    session.sent(sent);
                    self.stalled_since.set(None);
                }
                Err(problem) if problem.kind() == ErrorKind::Interrupted => {}
                Err(problem) if problem.kind() == ErrorKind::WouldBlock => {
                    if self.stalled_since.get().is_none() {
                        self.stalled_since.set(Some(instant_now()));
                        self.attention.notify_one();
                    }
                    let queued = session.output().len();
                    if queued > self.queue_limit {
                        self.close(&format!("it does not read: {queued} bytes wait to be sent"));
                    }
                    return;
                }
                Err(problem) => {
                    drop(session);
                    return self.close(&format!("sending failed: {problem}"));
                }
            }
        }
        self.stalled_since.set(None);
    }

    /// Says goodbye behind what is queued, as far as the socket takes it at once.
    pub(super) fn say_goodbye(&self) {
        self.session.borrow_mut().close();
        self.flush();
    }

    /// The connection's whole life. `place` is held until the handshake is finished.
    pub(super) async fn run(self: Rc<Self>, hub: Rc<Hub>, place: WaitingPlace) {
        let handshake = Some(place.deadline(hub.limits.handshake));
        let mut life = Life {
            peer: None,
            place: Some(place),
            deadlines: Deadlines { handshake, message: None },
            hub,
            connection: self,
        };
        let why = life.live().await;
        life.end(&why);
    }
}

/// What a turn of reading came to.
enum Turn {
    /// Everything was read.
    Empty,
    /// There is more, and others are to have their turn first.
    More,
    /// The connection has to end, for this reason.
    End(String),
}

/// Waits until a connection that is not authenticated has to go.
async fn evicted(place: Option<&WaitingPlace>) {
    match place {
        Some(place) => place.evicted().await,
        None => std::future::pending().await,
    }
}

/// The state of a connection's task.
struct Life {
    connection: Rc<RemoteConnection>,
    hub: Rc<Hub>,
    peer: Option<PeerId>,
    place: Option<WaitingPlace>,
    deadlines: Deadlines,
}

impl Life {
    /// Moves bytes until the connection has to end; why it has to.
    async fn live(&mut self) -> String {
        loop {
            if let Some(why) = self.connection.ending.borrow().clone() {
                return why;
            }
            let queued = self.connection.session.borrow().output().len();
            let interest =
                if queued > 0 { Interest::READABLE | Interest::WRITABLE } else { Interest::READABLE };
            let deadline = self.deadline();
            tokio::select! {
                biased;
                () = evicted(self.place.as_ref()) => {
                    return EVICTED.to_owned();
                }
                ready = self.connection.stream.ready(interest) => match ready {
                    Ok(ready) => {
                        if ready.is_writable() {
                            self.connection.flush();
                        }
                        if ready.is_readable() || ready.is_read_closed() {
                            match self.read() {
                                Turn::Empty => {}
                                // Nothing else would make a task pause whose socket always has more.
                                Turn::More => yield_now().await,
                                Turn::End(why) => return why,
                            }
                        }
                    }
                    Err(problem) => return format!("its socket failed: {problem}"),
                },
                () = self.connection.attention.notified() => {}
                () = sleep_until(deadline.unwrap_or_else(instant_now)), if deadline.is_some() => {
                    if let Some(why) = self.overdue() {
                        return why;
                    }
                }
            }
        }
    }

    /// Reads what is there, but not for ever.
    fn read(&mut self) -> Turn {
        for _ in 0..READS_PER_TURN {
            let received = READ_BUFFER.with_borrow_mut(|buffer| {
                self.connection.stream.try_read(buffer).inspect(|&size| {
                    self.connection.session.borrow_mut().receive(&buffer[..size]);
                })
            });
            match received {
                Ok(0) => return Turn::End("the peer closed it".to_owned()),
                Ok(size) => {
                    tcp::acknowledge_at_once(&self.connection.stream);
                    if let Some(why) = self.digest() {
                        return Turn::End(why);
                    }
                    self.connection.flush();
                    self.expect_message(size);
                }
                Err(problem) if problem.kind() == ErrorKind::WouldBlock => return Turn::Empty,
                Err(problem) if problem.kind() == ErrorKind::Interrupted => {}
                Err(problem) => return Turn::End(format!("receiving failed: {problem}")),
            }
        }
        Turn::More
    }

    /// Hands what the session made of the bytes to the hub.
    fn digest(&mut self) -> Option<String> {
        loop {
            let event = self.connection.session.borrow_mut().next_event()?;
            match event {
                ServerEvent::Handshaken { version, cipher } => self.welcome(version, cipher),
                ServerEvent::Message { token, incoming } => {
                    if let Some(peer) = self.peer {
                        self.deadlines.message = None;
                        self.hub.input(Input::Request { peer, token, incoming });
                    }
                }
                ServerEvent::Undecodable(problem) => {
                    warn!("Ignored a message from {}: {problem}", self.connection.address);
                }
                ServerEvent::Unsendable(problem) => warn!("To {}: {problem}", self.connection.address),
                ServerEvent::Closed => return Some("the peer closed it".to_owned()),
                ServerEvent::Failed(problem) => return Some(problem.to_string()),
            }
            if let Some(why) = self.connection.ending.borrow().clone() {
                return Some(why);
            }
        }
    }

    fn welcome(&mut self, version: &str, cipher: &str) {
        self.place = None;
        self.deadlines.handshake = None;
        let peer = self.hub.new_peer();
        self.peer = Some(peer);
        log_notice!("Connection from {}, authenticated ({version}, {cipher})", self.connection.address);
        self.hub.add_remote(peer, Rc::clone(&self.connection));
        self.hub.input(Input::Connected { peer, kind: PeerKind::Remote, client_id: Hub::new_client_id() });
    }

    /// Keeps the time limit of a message that has begun and is not complete.
    fn expect_message(&mut self, received: usize) {
        if self.peer.is_none() || !self.connection.session.borrow().mid_message() {
            self.deadlines.message = None;
            return;
        }
        let (begun, before) = self.deadlines.message.unwrap_or((instant_now(), 0));
        self.deadlines.message = Some((begun, before.saturating_add(received)));
    }

    /// The earliest moment at which the peer is late with something.
    fn deadline(&self) -> Option<Instant> {
        let limits = &self.hub.limits;
        let message = self.deadlines.message.map(|(begun, received)| begun + limits.message_time(received));
        let stalled = self.connection.stalled_since.get().map(|since| since + limits.stalled);
        [self.deadlines.handshake, message, stalled].into_iter().flatten().min()
    }

    /// What the peer is late with.
    fn overdue(&self) -> Option<String> {
        let now = instant_now();
        let Limits { handshake, stalled, .. } = self.hub.limits;
        if self.deadlines.handshake.is_some_and(|deadline| deadline <= now) {
            return Some(late(handshake));
        }
        if let Some((begun, received)) = self.deadlines.message
            && begun + self.hub.limits.message_time(received) <= now
        {
            return Some(format!("it did not finish a message within {:?}", now - begun));
        }
        if self.connection.stalled_since.get().is_some_and(|since| since + stalled <= now) {
            return Some(format!("it has not read what was sent to it for {stalled:?}"));
        }
        None
    }

    /// Says goodbye as far as the socket lets us, and tells the core.
    fn end(&mut self, why: &str) {
        let connection = &self.connection;
        connection.say_goodbye();
        match self.peer.take() {
            Some(peer) => {
                log_notice!("Connection with {} ended: {why}", connection.address);
                self.hub.peer_gone(peer);
            }
            None if self.deadlines.handshake.is_some() && why == "the peer closed it" => {
                debug!("{} closed its connection before the handshake", connection.address);
            }
            None => {
                if let Some(place) = &self.place {
                    let address = connection.address;
                    place.warn(format_args!(
                        "Connection with {address} failed before it was authenticated: {why}"
                    ));
                }
            }
        }
    }
}
