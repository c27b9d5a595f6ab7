// SPDX-License-Identifier: LGPL-2.1-or-later
//! Which producer has caused what waits for each consumer, and so which producers are read.
//!
//! Whatever a peer's input puts into a queue is charged to that peer: what a session asks is charged at its provider, pokes
//! and news of registrations and results at everyone who is told, replies at the peer itself. Who has too much in one queue
//! is held: it is not read until half of that is taken.
//!
//! * A session waits for its provider, and so do all sessions of a provider together.
//! * Who tells others cannot be made to wait for one of them that does not read. While held, such producers go on in
//!   turn, a little at a time ([`TRICKLE`], [`TRICKLE_RATE`]), and the consumer is cut off by time ([`DEAF`], [`SLOW`]).
//! * Where a queue reaches its bound all the same, the producer that filled it is cut off.
//!
//! Nothing here waits or sends: what is to be done comes out as [`Order`]s.
mod consumer;
#[cfg(test)]
mod tests;

pub(super) use consumer::Cause;

use crate::core::PeerId;
use crate::model::{Millis, Moment};
use consumer::{Consumer, Pressure, SHARED};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;

/// Bytes that may wait for one consumer.
pub(super) const BOUND: usize = 64 * 1024 * 1024;
/// Less than this is no reason to cut a producer off.
const GUILT: usize = 1024 * 1024;
/// A message longer than this waits while any consumer is under pressure.
const LARGE: usize = 64 * 1024;
/// Between two messages of producers that are held.
const TRICKLE: Millis = Millis(100);
/// Bytes a second that they may add to a queue.
const TRICKLE_RATE: usize = 64 * 1024;
/// A consumer for which producers are held, and which takes nothing for this time, is cut off.
const DEAF: Millis = Millis(10_000);
/// So is one for which they have been held all of this time.
const SLOW: Millis = Millis(60_000);

/// Why a peer is cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Excess {
    /// It has filled the queue of another peer: so many bytes.
    Filled(usize),
    /// So many bytes wait for it, which is too much.
    QueueFull(usize),
    /// It holds others up, and has taken nothing, or too little, for this time.
    HoldsUp(Millis),
}

impl fmt::Display for Excess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Filled(bytes) => {
                write!(f, "it has sent faster than another peer reads: {bytes} bytes of it wait there")
            }
            Self::QueueFull(bytes) => write!(f, "it does not read: {bytes} bytes wait to be sent"),
            Self::HoldsUp(time) => write!(f, "it holds others up: it has read too little for {time}"),
        }
    }
}

/// What is to be done about a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// Read nothing more from it.
    Hold(PeerId),
    /// Read from it again.
    Release(PeerId),
    /// Disconnect it.
    Cut(PeerId, Excess),
}

#[derive(Debug, Default)]
struct Producer {
    /// For how many reasons it is held.
    holds: usize,
    /// May it go on with one message all the same?
    permit: bool,
    /// Does a large message of it wait?
    large: bool,
    provider: Option<PeerId>,
    /// It is gone, and reads nothing more: what waits for it does not keep what it has sent from being taken in.
    leaving: bool,
}

/// See the module's documentation.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    consumers: BTreeMap<PeerId, Consumer>,
    /// Sessions, and those that are held.
    producers: BTreeMap<PeerId, Producer>,
    /// Consumers for which others than sessions are held.
    pressed: BTreeSet<PeerId>,
    /// Consumers whose queue has grown much and is to be settled at once.
    swollen: Vec<PeerId>,
    /// Who is held and may go on at times, in turn.
    turns: VecDeque<PeerId>,
    next_permit: Option<Moment>,
    /// The most that one queue has grown by since [`Ledger::begin`].
    grown: usize,
    orders: VecDeque<Order>,
}

impl Ledger {
    /// A local client of a proxied server, and who serves it.
    pub(super) fn add_session(&mut self, peer: PeerId, provider: PeerId) {
        self.producers.entry(peer).or_default().provider = Some(provider);
        let consumer = self.consumers.entry(provider).or_default();
        consumer.sessions.insert(peer);
        if consumer.sessions_held {
            self.hold(peer);
        }
    }

    /// A peer that carries sessions.
    pub(super) fn add_provider(&mut self, peer: PeerId) {
        self.consumers.entry(peer).or_default().is_provider = true;
    }

    /// A peer is gone, or is cut off.
    pub(super) fn gone(&mut self, peer: PeerId) {
        if let Some(provider) = self.producers.remove(&peer).and_then(|producer| producer.provider)
            && let Some(consumer) = self.consumers.get_mut(&provider)
        {
            consumer.sessions.remove(&peer);
        }
        self.pressed.remove(&peer);
        if let Some(consumer) = self.consumers.remove(&peer) {
            let sessions = if consumer.sessions_held { consumer.sessions } else { BTreeSet::new() };
            consumer.holding.into_iter().chain(sessions).for_each(|held| self.release(held));
        }
        for consumer in self.consumers.values_mut() {
            consumer.disown(peer);
        }
        self.turns.retain(|other| *other != peer);
        self.release_large();
    }

    /// What waits for a peer has changed to `queued` bytes; what is new is of this cause.
    pub(super) fn note(&mut self, consumer: PeerId, cause: Cause, queued: usize) {
        let entry = match self.consumers.get_mut(&consumer) {
            Some(entry) => entry,
            None if queued == 0 => return,
            None => self.consumers.entry(consumer).or_default(),
        };
        let before = entry.queued;
        let swollen = entry.note(cause, queued);
        self.grown = self.grown.max(queued.saturating_sub(before));
        if swollen {
            self.swollen.push(consumer);
        }
    }

    /// Consumers that are to be flushed and settled before anything else is taken in.
    pub(super) fn take_swollen(&mut self) -> Option<PeerId> {
        self.swollen.pop()
    }

    /// A peer has been flushed, and `queued` bytes still wait: decides who is read.
    pub(super) fn settle(&mut self, peer: PeerId, queued: usize, now: Moment) {
        let Some(consumer) = self.consumers.get_mut(&peer) else { return };
        let progress = consumer.shrink(queued);
        if consumer.is_idle() {
            return;
        }
        consumer.count();
        let wanted = consumer.judge(peer);
        let before = std::mem::replace(&mut consumer.holding, wanted.clone());
        let mark = if consumer.sessions_held { SHARED / 2 } else { SHARED };
        let hold_sessions = consumer.session_bytes > mark;
        let turned = std::mem::replace(&mut consumer.sessions_held, hold_sessions) != hold_sessions;
        let sessions = if turned { consumer.sessions.clone() } else { BTreeSet::new() };
        let presses = wanted.iter().any(|held| *held != peer && !consumer.sessions.contains(held));
        consumer.pressure = presses.then(|| {
            let mut pressure = consumer.pressure.unwrap_or(Pressure { since: now, progress: now });
            if progress {
                pressure.progress = now;
            }
            pressure
        });
        self.press(peer, presses, now);
        wanted.difference(&before).for_each(|held| self.hold(*held));
        before.difference(&wanted).for_each(|held| self.release(*held));
        for session in sessions {
            if hold_sessions { self.hold(session) } else { self.release(session) }
        }
        self.bound(peer);
    }

    fn press(&mut self, peer: PeerId, presses: bool, now: Moment) {
        if presses {
            self.pressed.insert(peer);
            self.next_permit.get_or_insert(now.after(TRICKLE));
        } else if self.pressed.remove(&peer) {
            self.release_large();
        }
    }

    /// Where too much waits, the producer that filled it is cut off; the consumer only when no other peer is to blame.
    fn bound(&mut self, peer: PeerId) {
        let Some(consumer) = self.consumers.get_mut(&peer) else { return };
        let bound = if consumer.has_cut { 2 * BOUND } else { BOUND };
        let queued = consumer.queued;
        if queued <= BOUND {
            return;
        }
        let largest = consumer.largest(peer).filter(|(_, share)| *share >= GUILT);
        consumer.has_cut |= largest.is_some();
        let victim = largest.map(|(producer, share)| (producer, Excess::Filled(share)));
        let own = (queued > bound).then_some((peer, Excess::QueueFull(queued)));
        if let Some((peer, excess)) = victim.or(own) {
            self.consumers.values_mut().for_each(|consumer| consumer.disown(peer));
            self.orders.push_back(Order::Cut(peer, excess));
        }
    }

    /// May the next message of a client of the executor, so long, be taken in? Otherwise it is held, and its release is
    /// ordered later.
    pub(super) fn may_step(&mut self, peer: PeerId, bytes: usize) -> bool {
        if self.pressed.is_empty() && self.producers.is_empty() {
            return true;
        }
        let is_held = |producer: &Producer| (producer.holds > 0, producer.permit);
        let (held, permit) = self.producers.get(&peer).map_or((false, false), is_held);
        if held || permit {
            return permit;
        }
        let waits = bytes > LARGE && self.pressed.iter().any(|consumer| *consumer != peer);
        if waits {
            self.hold(peer);
            self.producers.entry(peer).or_default().large = true;
        }
        !waits
    }

    /// A message is about to be taken in.
    pub(super) const fn begin(&mut self) {
        self.grown = 0;
    }

    /// A message of this peer has been taken in: if it went on by permit, it is held again.
    pub(super) fn stepped(&mut self, peer: PeerId, now: Moment) {
        if self.next_permit.is_none() {
            return;
        }
        let Some(producer) = self.producers.get_mut(&peer) else { return };
        if std::mem::take(&mut producer.permit) {
            let cost = u64::try_from(self.grown.saturating_mul(1000) / TRICKLE_RATE).unwrap_or(u64::MAX);
            let cost = Millis(cost).max(TRICKLE);
            self.next_permit = self.next_permit.max(Some(now.after(cost)));
            let freed = std::mem::take(&mut producer.large);
            if producer.holds > usize::from(freed) {
                self.orders.push_back(Order::Hold(peer));
            }
            if freed {
                self.release(peer);
            }
        }
    }

    /// When [`Ledger::tick`] is due, if it is.
    pub(super) fn deadline(&self) -> Option<Moment> {
        let permit = self.next_permit.filter(|_| !self.turns.is_empty());
        self.pressed.iter().filter_map(|peer| self.patience(*peer)).map(|(at, _)| at).chain(permit).min()
    }

    /// When a consumer's time is over that holds others up, unless others depend on it.
    fn patience(&self, peer: PeerId) -> Option<(Moment, Millis)> {
        let consumer = self.consumers.get(&peer).filter(|consumer| !consumer.is_provider)?;
        let Pressure { since, progress } = consumer.pressure?;
        Some((progress.after(DEAF), DEAF).min((since.after(SLOW), SLOW)))
    }

    /// Cuts off who holds others up, and lets the next of those go on that are held.
    pub(super) fn tick(&mut self, now: Moment) {
        let overdue = |peer: &PeerId| {
            let (at, time) = self.patience(*peer)?;
            (at <= now).then_some((*peer, time))
        };
        for (peer, time) in self.pressed.iter().filter_map(overdue).collect::<Vec<_>>() {
            self.orders.push_back(Order::Cut(peer, Excess::HoldsUp(time)));
            self.pressed.remove(&peer);
        }
        if self.next_permit.is_some_and(|at| at <= now) {
            self.next_permit = if self.turns.is_empty() { None } else { Some(now.after(TRICKLE)) };
            self.permit();
        }
    }

    fn permit(&mut self) {
        for _ in 0..self.turns.len() {
            let Some(peer) = self.turns.pop_front() else { return };
            self.turns.push_back(peer);
            let deaf = self.consumers.get(&peer).is_some_and(|own| own.holding.contains(&peer));
            if let Some(producer) = self.producers.get_mut(&peer).filter(|one| !one.permit)
                && (!deaf || producer.leaving)
            {
                producer.permit = true;
                return self.orders.push_back(Order::Release(peer));
            }
        }
    }

    /// A peer is gone but for messages that have not been taken in: even if it is held for what waits for itself, it
    /// goes on at a trickle.
    pub(super) fn leaving(&mut self, peer: PeerId, now: Moment) {
        if let Some(producer) = self.producers.get_mut(&peer).filter(|producer| producer.holds > 0) {
            producer.leaving = true;
            self.next_permit.get_or_insert(now.after(TRICKLE));
        }
    }

    /// The next thing to be done.
    pub(super) fn next_order(&mut self) -> Option<Order> {
        self.orders.pop_front()
    }

    /// Is this peer held?
    pub(super) fn is_held(&self, peer: PeerId) -> bool {
        self.producers.get(&peer).is_some_and(|producer| producer.holds > 0 && !producer.permit)
    }

    fn hold(&mut self, peer: PeerId) {
        let producer = self.producers.entry(peer).or_default();
        producer.holds += 1;
        if producer.holds == 1 {
            self.orders.push_back(Order::Hold(peer));
            if producer.provider.is_none() {
                self.turns.push_back(peer);
            }
        }
    }

    fn release(&mut self, peer: PeerId) {
        let Some(producer) = self.producers.get_mut(&peer).filter(|producer| producer.holds > 0) else {
            return;
        };
        producer.holds -= 1;
        if producer.holds == 0 {
            producer.permit = false;
            self.orders.push_back(Order::Release(peer));
            if producer.provider.is_none() {
                self.producers.remove(&peer);
                self.turns.retain(|other| *other != peer);
            }
        }
    }

    /// Large messages need not wait when no consumer is under pressure.
    fn release_large(&mut self) {
        if self.pressed.is_empty() {
            let waiting = self.producers.iter_mut().filter(|(_, producer)| producer.large);
            let peers: Vec<_> = waiting.map(|(peer, producer)| (producer.large = false, *peer).1).collect();
            peers.into_iter().for_each(|peer| self.release(peer));
        }
    }
}
