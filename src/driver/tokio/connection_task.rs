// SPDX-License-Identifier: LGPL-2.1-or-later
//! The task of one remote peer: moves bytes from its socket through its session into the hub's inbox, and keeps its
//! deadlines.
use super::alarm::Alarm;
use super::bulk::Bulk;
use super::clock::instant_now;
use super::connection::{EndReason, READ_SIZE, RemoteConnection};
use super::gate::Account;
use super::inbox::Inbox;
use super::limits::Limits;
use super::peer_certificates::PeerCertificates;
use super::reclaim;
use super::turns::{Turn, Turns};
use super::waiting::WaitingPlace;
use crate::core::{Input, PeerId};
use crate::driver::hub::{Arrival, NewPeer};
use crate::driver::status::Tls;
use crate::log_notice;
use crate::session::{ServerEvent, ServerStep, SessionError};
use crate::sys::tls::TlsError;
use crate::sys::x509::About;
use log::warn;
use std::future::pending;
use std::io::{self, ErrorKind};
use std::rc::Rc;
use std::time::Duration;
use tokio::io::Ready;
use tokio::sync::oneshot::Receiver;
use tokio::time::{Instant, sleep_until};

/// How long, and for how many reads, a peer is listened to that was refused.
const SEE_OFF_TIME: Duration = Duration::from_secs(1);
const SEE_OFF_READS: u32 = 8;

/// What reading came to.
enum Outcome {
    /// Everything was read, or the time for it is over: then the socket is ready still, or something undelivered.
    Done,
    /// The connection has to end, for this reason.
    End(EndReason),
}

/// What a connection goes on with.
enum Progress<'a> {
    /// The socket is ready.
    Ready(io::Result<Ready>, Turn<'a>),
    /// There is room in the inbox.
    Room(Turn<'a>),
    /// A message was read beside the loop.
    Read(ServerEvent, usize),
}

/// A message that is being read beside the loop, and how many bytes of text it will be.
type Reading = Receiver<(ServerEvent, usize)>;

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
    turns: Rc<Turns>,
    /// What of the loop's time it has used. Those that are not authenticated have one account together.
    account: Account,
    limits: Limits,
    peer: Option<PeerId>,
    /// Held until the handshake is finished.
    place: Option<WaitingPlace>,
    certificates: Rc<PeerCertificates>,
    deadlines: Deadlines,
    /// May the session hold messages for which there was no room in the inbox, or no time, or that wait until the peer
    /// is read again?
    undelivered: bool,
    bulk: Bulk,
    /// What it has used of the time beside the loop.
    bulk_account: Account,
    /// Until this is over nothing more is read.
    reading: Option<Reading>,
}

impl ConnectionTask {
    pub(super) fn new(
        connection: Rc<RemoteConnection>,
        inbox: Inbox,
        (turns, bulk): (Rc<Turns>, Bulk),
        limits: Limits,
        place: WaitingPlace,
        certificates: Rc<PeerCertificates>,
    ) -> Self {
        let account = place.account();
        let handshake = Some(place.deadline(limits.handshake));
        Self {
            connection,
            inbox,
            turns,
            account,
            limits,
            peer: None,
            place: Some(place),
            certificates,
            deadlines: Deadlines { handshake, message: None },
            undelivered: false,
            bulk,
            bulk_account: Account::default(),
            reading: None,
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
        let (connection, turns) = (Rc::clone(&self.connection), Rc::clone(&self.turns));
        let mut alarm = Alarm::default();
        loop {
            if let Some(reason) = connection.take_ending() {
                return reason;
            }
            if connection.is_held() {
                self.deadlines.message = None; // It is not its fault that its message is not read.
            }
            let deadline = self.deadline();
            let mut reading = self.reading.take();
            // Deadlines come first: a peer that always has something to be read does not escape them.
            let outcome = tokio::select! {
                biased;
                () = evicted(self.place.as_ref()) => Outcome::End(EndReason::Evicted),
                () = alarm.ring(deadline) => {
                    self.overdue().map_or(Outcome::Done, Outcome::End)
                }
                progress = self.progress(&mut reading, &connection, &turns) => {
                    if let Progress::Read(..) = progress {
                        reading = None;
                    }
                    self.proceed(progress)
                }
                () = connection.attention() => Outcome::Done,
            };
            self.reading = self.reading.take().or(reading);
            if let Outcome::End(reason) = outcome {
                return reason;
            }
        }
    }

    /// Waits until something can be read or sent, or put into the inbox, and it is this connection's turn. A producer
    /// whose consumers have enough to do is not read, nor is one whose message is being read beside the loop: this is
    /// where it waits.
    async fn progress<'a>(
        &self,
        reading: &mut Option<Reading>,
        connection: &RemoteConnection,
        turns: &'a Turns,
    ) -> Progress<'a> {
        let ready = if let Some(reading) = reading {
            tokio::select! {
                biased;
                read = reading => match read {
                    // Without a wait behind it, in which it would be lost.
                    Ok((event, bytes)) => return Progress::Read(event, bytes),
                    Err(_) => None,
                },
                ready = connection.writable() => Some(ready),
            }
        } else if self.undelivered && !connection.is_held() {
            tokio::select! {
                biased;
                () = self.room() => None,
                ready = connection.writable() => Some(ready),
            }
        } else {
            Some(connection.ready().await)
        };
        let turn = turns.turn(&self.account).await;
        match ready {
            Some(ready) => Progress::Ready(ready, turn),
            None => Progress::Room(turn),
        }
    }

    async fn room(&self) {
        if let Some(peer) = self.peer {
            self.inbox.room(peer).await;
        }
    }

    fn proceed(&mut self, progress: Progress<'_>) -> Outcome {
        match progress {
            Progress::Ready(Ok(ready), turn) => {
                if ready.is_writable() {
                    self.connection.flush();
                    if let Some(peer) = self.peer {
                        self.inbox.put(Arrival::Drained(peer));
                    }
                }
                let readable = ready.is_readable() || ready.is_read_closed();
                if readable && !self.connection.is_held() { self.read(&turn) } else { Outcome::Done }
            }
            Progress::Ready(Err(problem), _) => Outcome::End(EndReason::Socket(problem)),
            Progress::Room(turn) => self.deliver(0, &turn),
            Progress::Read(event, bytes) => {
                self.connection.reads_beside(0);
                self.undelivered = true;
                self.happened(event, bytes).map_or(Outcome::Done, Outcome::End)
            }
        }
    }

    /// Reads what is there, as far as the turn's time reaches.
    fn read(&mut self, turn: &Turn<'_>) -> Outcome {
        loop {
            match self.connection.receive() {
                Ok(0) => return Outcome::End(EndReason::ClosedByPeer),
                Ok(size) => {
                    if let Outcome::End(reason) = self.deliver(size, turn) {
                        return Outcome::End(reason);
                    }
                    if self.undelivered {
                        return Outcome::Done;
                    }
                    // A peer that writes header and payload separately has sent the second by now: it was acknowledged.
                    if size < READ_SIZE && !self.connection.mid_message() {
                        self.connection.expect_nothing();
                        return Outcome::Done;
                    }
                }
                Err(problem) if problem.kind() == ErrorKind::WouldBlock => return Outcome::Done,
                Err(problem) if problem.kind() == ErrorKind::Interrupted => {}
                Err(problem) => return Outcome::End(EndReason::Receive(problem)),
            }
            if turn.is_over() {
                return Outcome::Done;
            }
        }
    }

    /// Puts what the session made of the bytes into the inbox, `received` of which are new: one message, and more as
    /// far as there is room and the turn's time reaches. The hub acknowledges messages, with its answer in most cases.
    fn deliver(&mut self, received: usize, turn: &Turn<'_>) -> Outcome {
        let mut messages = 0;
        loop {
            self.undelivered = self.connection.is_held()
                || self.peer.is_some_and(|peer| !self.inbox.has_room(peer))
                || (messages > 0 && self.connection.mid_message() && turn.is_over());
            if self.undelivered {
                return Outcome::Done;
            }
            match self.connection.step() {
                Some(ServerStep::Event(event)) => {
                    messages += usize::from(event.is_message());
                    if let Some(reason) = self.happened(event, self.connection.message_bytes()) {
                        return Outcome::End(reason);
                    }
                }
                Some(ServerStep::Large(large)) => {
                    self.deadlines.message = None;
                    self.undelivered = true;
                    self.connection.reads_beside(large.held_bytes());
                    let hold = self.connection.hold_beside();
                    self.reading = Some(self.bulk.submit(&self.bulk_account, hold, || large.decode()));
                    return Outcome::Done;
                }
                None => break,
            }
        }
        self.connection.flush();
        if messages == 0 {
            self.connection.acknowledge();
        }
        self.expect_message(received);
        Outcome::Done
    }

    /// Takes what the session tells; why the connection has to end, if it has to.
    fn happened(&mut self, event: ServerEvent, bytes: usize) -> Option<EndReason> {
        match event {
            ServerEvent::Handshaken { version, cipher, certificate, credential } => {
                self.authenticated(version, cipher, certificate.as_deref(), credential);
            }
            ServerEvent::Message { token, incoming } => {
                if let Some(peer) = self.peer {
                    self.deadlines.message = None;
                    self.inbox.message(Input::Request { peer, token, incoming }, bytes);
                }
            }
            ServerEvent::Undecodable(problem) => {
                warn!("Ignored a message from {}: {problem}", self.connection.address());
            }
            ServerEvent::Unsendable(problem) => warn!("To {}: {problem}", self.connection.address()),
            ServerEvent::Closed => return Some(EndReason::ClosedByPeer),
            ServerEvent::Failed(problem) => return Some(EndReason::Session(problem)),
        }
        None
    }

    fn authenticated(&mut self, version: &str, cipher: &str, certificate: Option<&About>, credential: usize) {
        let certificate_shown =
            certificate.map(|about| (about.subject.clone(), about.not_after.map(|end| end.0)));
        self.connection.authenticated(Tls::of(version, cipher, certificate_shown, credential));
        if let Some(place) = self.place.take() {
            place.accepted();
        }
        self.account = Account::default();
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
            let broken_off = EndReason::Session(SessionError::Tls(TlsError::EndedByPeer));
            let reason = if self.connection.was_broken_off(reason) { &broken_off } else { reason };
            place.log_end(address, reason);
        }
        self.connection.say_goodbye();
    }
}
