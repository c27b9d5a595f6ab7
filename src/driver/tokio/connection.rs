// SPDX-License-Identifier: LGPL-2.1-or-later
//! The socket and the session of one remote peer: what the hub sends through, and what its task reads from.
use super::budget::Held;
use super::bulk::Hold;
use super::clock::instant_now;
use super::memory::{Account, Memory, OverBudget};
use super::newcomers::Source;
use super::socket::Socket;
use crate::core::RequestToken;
use crate::driver::hub::Excess;
use crate::driver::status::Tls;
use crate::model::Reply;
use crate::session::{EncodedNotification, ServerSession, ServerStep, SessionError};
use crate::sys::tls::{ServerContext, TlsError};
use crate::transport::tcp;
use std::cell::{Cell, OnceCell, RefCell};
use std::fmt;
use std::future::pending;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::rc::{Rc, Weak};
use std::time::Duration;
use tokio::io::{Interest, Ready};
use tokio::sync::Notify;
use tokio::time::Instant;

/// Bytes taken from a socket at once; one buffer serves all connections.
pub(super) const READ_SIZE: usize = 64 * 1024;

/// Bytes sent at once, before others have their turn.
const FLUSHED: usize = 256 * 1024;

thread_local! {
    static READ_BUFFER: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ_SIZE].into_boxed_slice());
}

/// What a connection costs when it holds nothing, in bytes: OpenSSL's state and our own.
const CONNECTION_BYTES: usize = 48 * 1024;

/// Without progress for so long, what waits to be sent is what the peer does not read.
const TIME_TO_READ: Duration = Duration::from_millis(250);

/// How a connection is cut.
fn cutter(connection: &Weak<RemoteConnection>) -> impl Fn(OverBudget) + 'static {
    let connection = Weak::clone(connection);
    move |over| {
        if let Some(connection) = connection.upgrade() {
            connection.cut(over);
        }
    }
}

/// Why a connection ends.
#[derive(Debug)]
pub(super) enum EndReason {
    /// The peer closed it.
    ClosedByPeer,
    /// The executor closed it.
    ClosedByExecutor,
    /// The TLS session failed, or what it carried was no message.
    Session(SessionError),
    /// The socket failed.
    Socket(io::Error),
    /// Receiving failed.
    Receive(io::Error),
    /// Sending failed.
    Send(io::Error),
    /// It fills queues, or its own is full.
    Excess(Excess),
    /// It had not finished its handshake, and newcomers needed its place.
    Evicted,
    /// The handshake took longer than this.
    HandshakeOverdue(Duration),
    /// A message that has begun is not complete, and in this time only so many bytes of it came.
    MessageOverdue(Duration, usize),
    /// Peers of its class hold too much memory, and most of it is its own.
    OverBudget(OverBudget),
    /// Nothing of what waits to be sent was taken for this time.
    Stalled(Duration),
}

impl EndReason {
    /// Was the peer's certificate refused, or missed?
    pub(super) fn refuses_certificate(&self) -> bool {
        matches!(
            self,
            Self::Session(SessionError::Tls(TlsError::CertificateRefused(_) | TlsError::CertificateMissing))
        )
    }
}

impl fmt::Display for EndReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ClosedByPeer => f.write_str("the peer closed it"),
            Self::ClosedByExecutor => f.write_str("the executor closed it"),
            Self::Session(problem) => problem.fmt(f),
            Self::Socket(problem) => write!(f, "its socket failed: {problem}"),
            Self::Receive(problem) => write!(f, "receiving failed: {problem}"),
            Self::Send(problem) => write!(f, "sending failed: {problem}"),
            Self::Excess(excess) => excess.fmt(f),
            Self::Evicted => {
                f.write_str("it had to make room for newcomers, and its handshake was not finished")
            }
            Self::HandshakeOverdue(limit) => {
                write!(f, "it did not finish the TLS handshake within {limit:?}")
            }
            Self::MessageOverdue(time, bytes) => {
                write!(f, "it did not finish a message, {bytes} bytes of which came within {time:?}")
            }
            Self::OverBudget(over) => over.fmt(f),
            Self::Stalled(limit) => write!(f, "it has not read what was sent to it for {limit:?}"),
        }
    }
}

/// A remote peer's socket and session.
pub(super) struct RemoteConnection {
    socket: Socket,
    address: SocketAddr,
    session: RefCell<ServerSession>,
    /// Why the connection is to end, until its task has seen it.
    ending: Cell<Option<EndReason>>,
    /// Is the peer not to be read for now?
    hold: Hold,
    /// Something for the task to look at: an end, or output that the socket would not take at once.
    attention: Notify,
    /// When the oldest byte that still waits to be sent last made progress.
    stalled_since: Cell<Option<Instant>>,
    memory: Rc<Memory>,
    /// Of the memory that the connection holds. Another one once the peer is authenticated.
    account: RefCell<Account<Source>>,
    /// Bytes of a message that waits to be read beside the loop.
    beside_bytes: Cell<usize>,
    /// Is it cut? Then nothing more is queued.
    is_cut: Cell<bool>,
    /// Does the peer know, or will know at once, that what was read has come? Whatever is sent tells it.
    acknowledged: Cell<bool>,
    /// How the peer was authenticated.
    credential: OnceCell<Box<Tls>>,
}

/// What the hub does with it.
impl RemoteConnection {
    /// Queues a reply; how much waits then. The hub flushes when its turn is over.
    pub(super) fn send_reply(&self, token: RequestToken, reply: &Reply) -> usize {
        if !self.is_cut.get() {
            self.session.borrow_mut().send_reply(token, reply);
            self.report();
        }
        self.queued_bytes()
    }

    /// Queues a notification; how much waits then.
    pub(super) fn send_notification(&self, notification: &EncodedNotification) -> usize {
        if !self.is_cut.get() {
            self.session.borrow_mut().send_notification(notification);
            self.report();
        }
        self.queued_bytes()
    }

    /// How many bytes wait to be sent.
    pub(super) fn queued_bytes(&self) -> usize {
        self.session.borrow().queued_bytes()
    }

    /// Has its task read nothing more, or read on.
    pub(super) fn hold(&self, held: bool) {
        if self.hold.set(held) && !held {
            self.attention.notify_one();
        }
    }

    /// Is the peer not to be read for now?
    pub(super) fn is_held(&self) -> bool {
        self.hold.is_held()
    }

    /// The same for what is read beside the loop.
    pub(super) fn hold_beside(&self) -> &Hold {
        &self.hold
    }

    /// Ends the connection after what is queued, as far as the socket takes it at once. The first reason counts.
    pub(super) fn close(&self, reason: EndReason) {
        let first = self.ending.take().unwrap_or(reason);
        self.ending.set(Some(first));
        self.attention.notify_one();
    }

    /// Tells the budget what the connection holds, which may cut it or others.
    pub(super) fn report(&self) {
        let (received, queued) = {
            let session = self.session.borrow();
            (session.received_bytes(), session.queued_bytes())
        };
        // A peer whose socket has not been tried yet, or not for long, may read as fast as it can.
        let is_stalled = self.stalled_since.get().is_some_and(|since| instant_now() - since > TIME_TO_READ);
        let (unread, fresh) = if is_stalled { (queued, 0) } else { (0, queued) };
        let own = CONNECTION_BYTES + received + self.beside_bytes.get() + unread;
        self.account.borrow().report(Held { own, fresh });
    }

    /// Gives back at once what the connection holds, and ends it.
    fn cut(&self, over: OverBudget) {
        self.is_cut.set(true);
        // Reports are made while no session is borrowed.
        if let Ok(mut session) = self.session.try_borrow_mut() {
            session.abandon();
        }
        self.close(EndReason::OverBudget(over));
    }

    /// Sends what the socket takes, and not much at once; the rest waits for the task.
    pub(super) fn flush(&self) {
        self.send(FLUSHED);
    }

    fn send(&self, most: usize) {
        self.send_queued(most);
        self.report();
    }

    fn send_queued(&self, most: usize) {
        let mut session = self.session.borrow_mut();
        let mut left = most;
        while !session.output().is_empty() {
            if left == 0 {
                return self.attention.notify_one();
            }
            match self.socket.write(session.output()) {
                Ok(sent) => {
                    left = left.saturating_sub(sent);
                    session.sent(sent);
                    self.stalled_since.set(None);
                    self.acknowledged.set(true);
                }
                Err(problem) if problem.kind() == ErrorKind::Interrupted => {}
                Err(problem) if problem.kind() == ErrorKind::WouldBlock => {
                    if self.stalled_since.get().is_none() {
                        self.stalled_since.set(Some(instant_now()));
                        self.attention.notify_one();
                    }
                    return;
                }
                Err(problem) => return self.close(EndReason::Send(problem)),
            }
        }
        self.stalled_since.set(None);
    }

    /// Tells a peer that has sent something that it has come, unless something was sent to it since. Peers that write
    /// header and payload separately send the second when the first is acknowledged.
    pub(super) fn acknowledge(&self) {
        if !self.acknowledged.replace(true) {
            tcp::acknowledge_at_once(&self.socket);
        }
    }

    /// Says goodbye behind what is queued, as far as the socket takes it at once.
    pub(super) fn say_goodbye(&self) {
        self.session.borrow_mut().close();
        self.send(usize::MAX);
    }
}

/// What its task does with it.
impl RemoteConnection {
    pub(super) fn new(
        socket: Socket,
        address: SocketAddr,
        context: &ServerContext,
        memory: Rc<Memory>,
    ) -> Rc<Self> {
        Rc::new_cyclic(|connection| Self {
            account: RefCell::new(memory.unauthenticated.open(address.ip().into(), cutter(connection))),
            memory,
            beside_bytes: Cell::new(0),
            is_cut: Cell::new(false),
            socket,
            address,
            session: RefCell::new(ServerSession::new(context)),
            ending: Cell::new(None),
            hold: Hold::default(),
            attention: Notify::new(),
            stalled_since: Cell::new(None),
            acknowledged: Cell::new(true),
            credential: OnceCell::new(),
        })
    }

    /// The handshake is finished.
    pub(super) fn authenticated(self: &Rc<Self>, how: Tls) {
        let _ = self.credential.set(Box::new(how));
        let account = self.memory.remote.open(self.address.ip().into(), cutter(&Rc::downgrade(self)));
        // The old one is closed when nothing is borrowed.
        let old = self.account.replace(account);
        drop(old);
    }

    /// Did the peer break the handshake off, for a reason that with certificates is most often one of two?
    pub(super) fn was_broken_off(&self, reason: &EndReason) -> bool {
        matches!(reason, EndReason::Receive(_)) && self.session.borrow().expects_certificate()
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// How the peer was authenticated, if it is.
    pub(super) fn credential(&self) -> Option<&Tls> {
        self.credential.get().map(|how| &**how)
    }

    /// The order to end it, if there is one.
    pub(super) fn take_ending(&self) -> Option<EndReason> {
        self.ending.take()
    }

    /// Waits until it is to be looked at for another reason than its socket.
    pub(super) async fn attention(&self) {
        self.attention.notified().await;
    }

    /// Waits until its socket takes what waits to be sent, or has something to read. Of a peer that is held nothing is
    /// read, its end included.
    pub(super) async fn ready(&self) -> io::Result<Ready> {
        let queued = !self.session.borrow().output().is_empty();
        let interest = match self.is_held() {
            true if queued => Interest::WRITABLE,
            true => return pending().await,
            false if queued => Interest::READABLE | Interest::WRITABLE,
            false => Interest::READABLE,
        };
        self.socket.ready(interest).await
    }

    /// Waits until its socket takes what waits to be sent; for ever if nothing waits.
    pub(super) async fn writable(&self) -> io::Result<Ready> {
        if self.session.borrow().output().is_empty() {
            return pending().await;
        }
        self.socket.ready(Interest::WRITABLE).await
    }

    /// Hands what has come at the socket to the session, once; how much that was, and nothing at the end.
    pub(super) fn receive(&self) -> io::Result<usize> {
        READ_BUFFER.with_borrow_mut(|buffer| {
            let size = self.socket.read(buffer)?;
            if size > 0 {
                self.session.borrow_mut().receive(buffer.get(..size).unwrap_or_default());
                self.acknowledged.set(false);
            }
            Ok(size)
        })
    }

    /// The latest read has emptied the socket: the runtime is to wait for more, without a read that finds nothing.
    pub(super) fn expect_nothing(&self) {
        self.socket.expect_nothing();
    }

    /// What the session made of the bytes next. A large message is to be read before this is called again.
    pub(super) fn step(&self) -> Option<ServerStep> {
        self.session.borrow_mut().step()
    }

    /// A message of so many bytes waits to be read beside the loop; zero: it has been read.
    pub(super) fn reads_beside(&self, bytes: usize) {
        self.beside_bytes.set(bytes);
        self.report();
    }

    /// How many bytes of text the latest message was that was not large.
    pub(super) fn message_bytes(&self) -> usize {
        self.session.borrow().message_bytes()
    }

    /// Tells the peer that nothing more comes; it can still be heard.
    pub(super) fn shut_down_writing(&self) {
        self.socket.shut_down_writing();
    }

    /// Has a message begun that is not complete?
    pub(super) fn mid_message(&self) -> bool {
        self.session.borrow().mid_message()
    }

    /// When the oldest byte that still waits to be sent last made progress; None: nothing waits.
    pub(super) fn stalled_since(&self) -> Option<Instant> {
        self.stalled_since.get()
    }
}
