// SPDX-License-Identifier: LGPL-2.1-or-later
//! The task of one remote peer: moves bytes from its socket through its session into the hub's inbox, and keeps its
//! deadlines.
use super::clock::instant_now;
use super::connection::{EndReason, READ_SIZE, RemoteConnection};
use super::inbox::Inbox;
use super::limits::Limits;
use super::peer_certificates::PeerCertificates;
use super::reclaim;
use super::waiting::WaitingPlace;
use crate::core::{Input, PeerId};
use crate::driver::hub::{Arrival, NewPeer};
use crate::log_notice;
use crate::session::ServerEvent;
use crate::sys::x509::About;
use log::warn;
use std::future::pending;
use std::io::{self, ErrorKind};
use std::rc::Rc;
use std::time::Duration;
use tokio::io::Ready;
use tokio::task::yield_now;
use tokio::time::{Instant, sleep_until};

/// Reads in a row before other peers get a turn. The second one is for the payload of a header that came alone.
const READS_PER_TURN: usize = 2;

/// How long, and for how many reads, a peer is listened to that was refused.
const SEE_OFF_TIME: Duration = Duration::from_secs(1);
const SEE_OFF_READS: u32 = 8;

/// What a turn of reading came to.
enum Turn {
    /// Everything was read.
    Empty,
    /// There is more, and others are to have their turn first.
    More,
    /// The connection has to end, for this reason.
    End(EndReason),
}

/// Waits until a connection that is not authenticated has to make room for another.
async fn evicted(place: Option<&WaitingPlace>) {
    match place {
        Some(place) => place.evicted().await,
        None => pending().await,
    }
}

/// What the task waits for beside the socket.
struct Deadlines {
    handshake: Option<Instant>,
    /// Since when, and how many bytes of it have come since.
    message: Option<(Instant, usize)>,
}

/// See the module's documentation.
pub(super) struct ConnectionTask {
    connection: Rc<RemoteConnection>,
    inbox: Inbox,
    limits: Limits,
    peer: Option<PeerId>,
    /// Held until the handshake is finished.
    place: Option<WaitingPlace>,
    certificates: Rc<PeerCertificates>,
    deadlines: Deadlines,
    /// Does the session hold messages for which the inbox had no room, or that wait until the peer is read again?
    undelivered: bool,
    /// The peer has ended the connection. What it has asked is answered first.
    ended: bool,
}

impl ConnectionTask {
    pub(super) fn new(
        connection: Rc<RemoteConnection>,
        inbox: Inbox,
        limits: Limits,
        place: WaitingPlace,
        certificates: Rc<PeerCertificates>,
    ) -> Self {
        let handshake = Some(place.deadline(limits.handshake));
        Self {
            connection,
            inbox,
            limits,
            peer: None,
            place: Some(place),
            certificates,
            deadlines: Deadlines { handshake, message: None },
            undelivered: false,
            ended: false,
        }
    }

    /// Serves the connection from its beginning to its end.
    pub(super) async fn run(mut self) {
        let reason = self.move_bytes().await;
        self.end(&reason);
        if self.peer.is_none() && reason.refuses_certificate() {
            self.see_off().await;
        }
    }

    /// Lets a peer read why it was refused: at TLS 1.3 it may have sent a message by then, and to close a socket with
    /// something unread destroys what was sent to it. The place among the waiting is held meanwhile.
    async fn see_off(&self) {
        let limit = instant_now() + SEE_OFF_TIME;
        self.connection.shut_down_writing();
        for _ in 0..SEE_OFF_READS {
            tokio::select! {
                biased;
                () = evicted(self.place.as_ref()) => return,
                ready = self.connection.ready() => {
                    let ended = match ready {
                        Ok(_) => self.connection.receive(),
                        Err(problem) => Err(problem),
                    };
                    match ended {
                        Ok(0) => return,
                        Err(problem) if problem.kind() != ErrorKind::WouldBlock => return,
                        _ => {}
                    }
                }
                () = sleep_until(limit) => return,
            }
        }
    }

    /// Moves bytes until the connection has to end; why it has to.
    async fn move_bytes(&mut self) -> EndReason {
        let connection = Rc::clone(&self.connection);
        loop {
            if let Some(reason) = connection.take_ending() {
                return reason;
            }
            if connection.is_held() {
                self.deadlines.message = None; // It is not its fault that its message is not read.
            }
            let deadline = self.deadline();
            // A producer whose consumers have enough to do is not read: this is where it waits.
            let turn = if self.ended && !connection.is_held() {
                return EndReason::ClosedByPeer;
            } else if self.undelivered && !connection.is_held() {
                self.deliver(0)
            } else {
                tokio::select! {
                    biased;
                    () = evicted(self.place.as_ref()) => Turn::End(EndReason::Evicted),
                    ready = connection.ready() => self.ready(ready),
                    () = connection.attention() => Turn::Empty,
                    () = sleep_until(deadline.unwrap_or_else(instant_now)), if deadline.is_some() => {
                        self.overdue().map_or(Turn::Empty, Turn::End)
                    }
                }
            };
            match turn {
                Turn::Empty => {}
                // Nothing else would make a task pause whose socket always has more.
                Turn::More => yield_now().await,
                Turn::End(reason) => return reason,
            }
        }
    }

    /// Sends and reads what the socket is ready for.
    fn ready(&mut self, ready: io::Result<Ready>) -> Turn {
        match ready {
            Ok(ready) => {
                if ready.is_writable() {
                    self.connection.flush();
                    if let Some(peer) = self.peer {
                        self.inbox.put(Arrival::Drained(peer));
                    }
                }
                let readable = ready.is_readable() || ready.is_read_closed();
                if readable && !self.connection.is_held() { self.read() } else { Turn::Empty }
            }
            Err(problem) => Turn::End(EndReason::Socket(problem)),
        }
    }

    /// Reads what is there, but not for ever.
    fn read(&mut self) -> Turn {
        for _ in 0..READS_PER_TURN {
            match self.connection.receive() {
                Ok(0) => return self.ended_by_peer(),
                Ok(size) => match self.deliver(size) {
                    // A peer that writes header and payload separately has sent the second by now: it was acknowledged.
                    Turn::Empty if size == READ_SIZE || self.connection.mid_message() => {}
                    Turn::Empty => {
                        self.connection.expect_nothing();
                        return Turn::Empty;
                    }
                    other => return other,
                },
                Err(problem) if problem.kind() == ErrorKind::WouldBlock => return Turn::Empty,
                Err(problem) if problem.kind() == ErrorKind::Interrupted => {}
                Err(problem) => return Turn::End(EndReason::Receive(problem)),
            }
        }
        Turn::More
    }

    /// The hub first takes in what the peer has sent, and may hold it for that.
    fn ended_by_peer(&mut self) -> Turn {
        if self.peer.is_none() {
            return Turn::End(EndReason::ClosedByPeer);
        }
        self.ended = true;
        Turn::More
    }

    /// Puts what the session made of the bytes into the inbox, `received` of which are new. The hub acknowledges
    /// messages, with its answer in most cases.
    fn deliver(&mut self, received: usize) -> Turn {
        let mut messages = false;
        loop {
            let held = self.connection.is_held();
            self.undelivered = held || self.inbox.is_full();
            if self.undelivered {
                return if held { Turn::Empty } else { Turn::More };
            }
            let Some((event, bytes)) = self.connection.next_event() else { break };
            match event {
                ServerEvent::Handshaken { version, cipher, certificate, credential } => {
                    self.authenticated(version, cipher, certificate.as_deref(), credential);
                }
                ServerEvent::Message { token, incoming } => {
                    if let Some(peer) = self.peer {
                        self.deadlines.message = None;
                        self.inbox.message(Input::Request { peer, token, incoming }, bytes);
                        messages = true;
                    }
                }
                ServerEvent::Undecodable(problem) => {
                    warn!("Ignored a message from {}: {problem}", self.connection.address());
                }
                ServerEvent::Unsendable(problem) => warn!("To {}: {problem}", self.connection.address()),
                ServerEvent::Closed => return self.ended_by_peer(),
                ServerEvent::Failed(problem) => return Turn::End(EndReason::Session(problem)),
            }
        }
        self.connection.flush();
        if !messages {
            self.connection.acknowledge();
        }
        self.expect_message(received);
        Turn::Empty
    }

    fn authenticated(&mut self, version: &str, cipher: &str, certificate: Option<&About>, credential: usize) {
        self.connection.authenticated();
        self.place = None;
        self.deadlines.handshake = None;
        let peer = self.inbox.new_peer();
        self.peer = Some(peer);
        let address = self.connection.address();
        match certificate {
            Some(certificate) => {
                log_notice!(
                    "Connection from {address}, authenticated ({version}, {cipher}) as {}",
                    certificate.subject
                );
                self.certificates.look_at(address.ip(), certificate);
            }
            None => {
                let how = if credential == 0 { "" } else { " with the second key" };
                log_notice!("Connection from {address}, authenticated ({version}, {cipher}){how}");
            }
        }
        self.inbox.put(Arrival::Joined(peer, NewPeer::Remote(Rc::clone(&self.connection))));
    }

    /// Keeps the time limit of a message that has begun and is not complete.
    fn expect_message(&mut self, received: usize) {
        if self.peer.is_none() || !self.connection.mid_message() {
            self.deadlines.message = None;
            return;
        }
        let (since, before) = self.deadlines.message.unwrap_or_else(|| (instant_now(), 0));
        let received = before.saturating_add(received);
        let progress = received >= self.limits.message_progress();
        self.deadlines.message = Some(if progress { (instant_now(), 0) } else { (since, received) });
    }

    /// The earliest moment at which the peer is late with something.
    fn deadline(&self) -> Option<Instant> {
        let limits = &self.limits;
        let message = self.deadlines.message.map(|(since, _)| since + limits.message);
        let stalled = self.connection.stalled_since().map(|since| since + limits.stalled);
        [self.deadlines.handshake, message, stalled].into_iter().flatten().min()
    }

    /// What the peer is late with.
    fn overdue(&self) -> Option<EndReason> {
        let now = instant_now();
        let Limits { handshake, stalled, .. } = self.limits;
        if self.deadlines.handshake.is_some_and(|deadline| deadline <= now) {
            return Some(EndReason::HandshakeOverdue(handshake));
        }
        if let Some((since, received)) = self.deadlines.message
            && since + self.limits.message <= now
        {
            return Some(EndReason::MessageOverdue(now - since, received));
        }
        let is_stalled = self.connection.stalled_since().is_some_and(|since| since + stalled <= now);
        is_stalled.then_some(EndReason::Stalled(stalled))
    }

    /// Logs the end. The hub says goodbye, behind the answers to what the peer still sent, or else this does.
    fn end(&self, reason: &EndReason) {
        reclaim::peer_left();
        let address = self.connection.address();
        if let Some(peer) = self.peer {
            match reason {
                EndReason::OverBudget(_) => warn!("Connection with {address} ended: {reason}"),
                _ => log_notice!("Connection with {address} ended: {reason}"),
            }
            return self.inbox.put(Arrival::Left(peer));
        }
        if let Some(place) = &self.place {
            place.log_end(address, reason);
        }
        self.connection.say_goodbye();
    }
}
