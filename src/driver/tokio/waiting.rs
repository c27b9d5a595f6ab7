// SPDX-License-Identifier: LGPL-2.1-or-later
//! The connections whose handshake is not finished, and what is logged about them.
//!
//! There are two crowds with as many places each: connections that have said nothing, which cost a socket, and those that
//! have, which cost a TLS session. So a peer whose first bytes are there, as a genuine one's are at once, has to make room
//! for others of its kind only, however many silent ones come.
use super::clock::instant;
use super::connection::EndReason;
use super::gate::Account;
use super::limited::{LINES, Limited, PERIOD};
use super::limits::Limits;
use super::newcomers::{Newcomers, Source, Ticket};
use super::status::{Observed, Refused};
use crate::driver::clock::Clock;
use crate::model::Moment;
use log::{debug, warn};
use std::cell::RefCell;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::rc::{Rc, Weak};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

/// What a step of a handshake costs.
const HANDSHAKE: Duration = Duration::from_micros(200);

/// Connections whose handshake is not finished.
#[derive(Debug)]
pub(super) struct Waiting {
    clock: Clock,
    silent: Crowd,
    speaking: Crowd,
    /// About connections without a key.
    lines: Rc<Limited>,
    /// What all of them have used of the loop's time.
    account: Account,
    observed: Rc<Observed>,
}

type Crowd = RefCell<Newcomers<Rc<Notify>>>;

/// A place among the waiting; given back when dropped.
#[derive(Debug)]
pub(super) struct WaitingPlace {
    waiting: Rc<Waiting>,
    source: Source,
    since: Instant,
    ticket: Ticket,
    has_spoken: bool,
    evicted: Rc<Notify>,
}

impl Waiting {
    /// With the number of places that `limits` say.
    pub(super) fn new(clock: Clock, limits: &Limits, observed: Rc<Observed>) -> Rc<Self> {
        let crowd = || RefCell::new(Newcomers::new(limits.unauthenticated));
        Rc::new_cyclic(|waiting: &Weak<Self>| {
            let waiting = Weak::clone(waiting);
            let tell = move |count| {
                if let Some(waiting) = waiting.upgrade() {
                    waiting.tell_withheld(count);
                }
            };
            let lines = Limited::new(clock, tell);
            let account = Account::shared(HANDSHAKE);
            Self { clock, silent: crowd(), speaking: crowd(), lines, account, observed }
        })
    }

    /// A place for a connection from `address`, which has said nothing yet; others may lose theirs for it.
    pub(super) fn enter(self: &Rc<Self>, address: IpAddr) -> WaitingPlace {
        let (source, evicted) = (Source::from(address), Rc::new(Notify::new()));
        let now = self.clock.moment();
        let ticket = enter(&self.silent, source, now, &evicted);
        let since = instant(self.clock, now);
        WaitingPlace { waiting: Rc::clone(self), source, since, ticket, has_spoken: false, evicted }
    }

    /// Warns of something that a peer without a key has caused, unless there were many such lines.
    fn warn(&self, line: fmt::Arguments<'_>) {
        self.lines.warn(line);
    }

    fn tell_withheld(&self, count: u64) {
        let greatest = [&self.speaking, &self.silent].map(|crowd| crowd.borrow().greatest());
        let most = match greatest.into_iter().flatten().max_by_key(|(_, places)| *places) {
            Some((source, places)) => format!(" (most of those that wait now, {places}, are from {source})"),
            None => String::new(),
        };
        warn!(
            "{count} more connections were refused, or failed before they were authenticated, within {PERIOD:?}; only the \
             first {LINES} are logged one by one{most}"
        );
    }
}

/// Takes a place in a crowd, and tells those who lose theirs.
fn enter(crowd: &Crowd, source: Source, now: Moment, evicted: &Rc<Notify>) -> Ticket {
    let (ticket, losers) = crowd.borrow_mut().enter(source, now, Rc::clone(evicted));
    for loser in losers {
        loser.notify_one();
    }
    ticket
}

impl WaitingPlace {
    /// Waits until the connection has to make room for another.
    pub(super) async fn evicted(&self) {
        self.evicted.notified().await;
    }

    /// What all connections whose handshake is not finished have used of the loop's time.
    pub(super) fn account(&self) -> Account {
        self.waiting.account.clone()
    }

    /// Counts its end, since it was not authenticated.
    pub(super) fn refused(&self, reason: Refused) {
        self.waiting.observed.refused(reason);
    }

    /// The peer is authenticated.
    pub(super) fn accepted(&self) {
        self.waiting.observed.accepted();
    }

    /// See [`Waiting::warn`].
    pub(super) fn warn(&self, line: fmt::Arguments<'_>) {
        self.waiting.warn(line);
    }

    /// When the handshake must be finished, of which `limit` is the time from accept on.
    pub(super) fn deadline(&self, limit: Duration) -> Instant {
        self.since + limit
    }

    /// Waits until the connection's first byte has come. Its place is then among those that have said something.
    ///
    /// # Errors
    /// Why the connection has to end before.
    pub(super) async fn first_byte(&mut self, stream: &TcpStream, limit: Duration) -> Result<(), EndReason> {
        let mut byte = [0];
        tokio::select! {
            biased;
            peeked = stream.peek(&mut byte) => match peeked {
                Ok(0) => Err(EndReason::ClosedByPeer),
                Ok(_) => {
                    self.speak();
                    Ok(())
                }
                Err(problem) => Err(EndReason::Receive(problem)),
            },
            () = self.evicted() => Err(EndReason::Evicted),
            () = sleep_until(self.deadline(limit)) => Err(EndReason::HandshakeOverdue(limit)),
        }
    }

    /// Counts and logs the end of the connection, whose handshake was not finished.
    pub(super) fn log_end(&self, address: SocketAddr, reason: &EndReason) {
        self.refused(reason.into());
        match reason {
            EndReason::ClosedByPeer => debug!("{address} closed its connection before the handshake"),
            _ => self
                .warn(format_args!("Connection with {address} failed before it was authenticated: {reason}")),
        }
    }
}

impl WaitingPlace {
    fn crowd(&self) -> &Crowd {
        if self.has_spoken { &self.waiting.speaking } else { &self.waiting.silent }
    }

    fn speak(&mut self) {
        self.crowd().borrow_mut().leave(self.ticket);
        // An eviction from among the silent ones means nothing any more.
        self.evicted = Rc::new(Notify::new());
        self.has_spoken = true;
        self.ticket = enter(self.crowd(), self.source, self.waiting.clock.moment(), &self.evicted);
    }
}

impl Drop for WaitingPlace {
    fn drop(&mut self) {
        self.crowd().borrow_mut().leave(self.ticket);
    }
}
