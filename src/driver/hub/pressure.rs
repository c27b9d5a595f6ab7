// SPDX-License-Identifier: LGPL-2.1-or-later
//! Who is read: what the ledger decides of it is carried out here, between one message and the next.
use super::carrier::Carrier;
use super::inbox::Route;
use super::ledger::{Cause, Excess, Order};
use super::peers::Heard;
use super::{Hub, TURN};
use crate::core::{Input, PeerId, RunId};
use crate::model::{Now, Request};

/// What follows a step whose effects are carried out.
pub(super) enum Following {
    /// A message of this peer has been answered.
    Answered(PeerId),
    /// This peer is gone.
    Left(PeerId),
}

/// Whose input a peer's is.
pub(super) const fn cause<R, L>(peer: PeerId, route: &Route<R, L>) -> Cause {
    match route {
        Route::Proxied(_) => Cause::Session(peer),
        Route::Remote(_) | Route::Local(_) => Cause::Peer(peer),
        Route::Schemas => Cause::Executor,
    }
}

impl<C: Carrier> Hub<C> {
    /// A message has come. One of a peer that is held waits here, behind what has come before it.
    pub(super) fn message(&mut self, input: Input, bytes: usize, now: Now) {
        match input {
            // Each costs its provider what it is long: what has been read of a session before it was held is passed on.
            Input::Proxied { peer, .. } if self.peers.hear(peer) != Heard::No => {
                self.cause = Cause::Session(peer);
                self.step(input, now);
            }
            Input::Request { peer, .. } => match self.peers.hear(peer) {
                Heard::Now if self.ledger.may_step(peer, bytes) => self.answer(peer, input, now),
                Heard::Now | Heard::Later => self.peers.park(peer, input, bytes),
                Heard::No => {}
            },
            _ => {}
        }
    }

    /// What follows a step when its effects are carried out.
    pub(super) fn follow_up(&mut self, now: Now) {
        if self.effects.is_empty() {
            self.cause = Cause::Executor;
            match self.following.take() {
                Some(Following::Answered(peer)) => self.answered(peer, now),
                Some(Following::Left(peer)) => self.ledger.gone(peer),
                None => {}
            }
        }
        self.relieve(now);
    }

    fn answered(&mut self, peer: PeerId, now: Now) {
        self.ledger.stepped(peer, now.mono);
        self.relieve(now);
        if self.resuming != Some(peer) {
            return;
        }
        if self.peers.is_leaving(peer) && self.peers.first_parked(peer).is_none() {
            self.depart(peer, now);
        } else if !self.ledger.is_held(peer) {
            self.release(peer);
        }
    }

    fn answer(&mut self, peer: PeerId, input: Input, now: Now) {
        let provides = matches!(&input, Input::Request { incoming, .. }
            if matches!(incoming.request, Request::Register { is_provider: true, .. }));
        self.ledger.begin();
        self.cause = Cause::Peer(peer);
        self.following = Some(Following::Answered(peer));
        self.step(input, now);
        if provides && self.core.is_provider(peer) {
            self.ledger.add_provider(peer);
        }
    }

    /// Takes in one message of a peer that is not held any more, or that it has left if there is none.
    pub(super) fn resume(&mut self, peer: PeerId, now: Now) {
        let Some(bytes) = self.peers.first_parked(peer) else {
            if self.peers.is_leaving(peer) {
                self.depart(peer, now);
            }
            return;
        };
        if !self.ledger.may_step(peer, bytes) {
            return;
        }
        if let Some(input) = self.peers.unpark(peer) {
            self.resuming = Some(peer);
            self.answer(peer, input, now);
        }
    }

    /// A peer has come.
    pub(super) fn joined(&mut self, peer: PeerId) {
        if let Some(provider) = self.core.provider_of(peer) {
            self.ledger.add_session(peer, provider);
        }
    }

    /// A peer is gone. What of it is parked is taken in first.
    pub(super) fn left(&mut self, peer: PeerId, now: Now) {
        if self.peers.first_parked(peer).is_some() {
            self.peers.set_leaving(peer);
            self.ledger.leaving(peer, now.mono);
        } else {
            self.depart(peer, now);
        }
    }

    fn depart(&mut self, peer: PeerId, now: Now) {
        let Some(route) = self.peers.remove(peer) else { return };
        if let Route::Remote(remote) = &route {
            self.carrier.say_goodbye(remote);
        }
        self.cause = cause(peer, &route);
        self.following = Some(Following::Left(peer));
        self.step(Input::Disconnected(peer), now);
    }

    /// Whoever asked for what is run, as long as it is connected.
    pub(super) fn owner(&self, run: RunId) -> Cause {
        let owner = self.core.owner(run).filter(|peer| self.peers.is_open(*peer));
        owner.map_or(Cause::Executor, Cause::Peer)
    }

    /// A peer has taken some of what waited for it.
    pub(super) fn drained(&mut self, peer: PeerId, now: Now) {
        let queued = match self.peers.find(peer) {
            Some(Route::Remote(remote)) => self.carrier.flush(remote),
            Some(Route::Local(local)) => self.carrier.waiting(local),
            Some(Route::Proxied(_) | Route::Schemas) | None => return,
        };
        self.ledger.settle(peer, queued, now.mono);
    }

    /// Flushes the peers that were heard or sent to, for as long as a turn may take, and sees what is left.
    pub(super) fn flush(&mut self) {
        let (peers, carrier) = (&mut self.peers, &mut self.carrier);
        let until = peers.has_unflushed().then(|| carrier.moment() + TURN);
        while let Some((peer, remote)) = peers.next_unflushed() {
            let queued = carrier.flush(remote);
            let now = carrier.moment();
            self.ledger.settle(peer, queued, now);
            if until.is_some_and(|until| now >= until) {
                break;
            }
        }
        self.obey();
    }

    /// Sees at once what becomes of queues that have grown much, and does what that asks for.
    pub(super) fn relieve(&mut self, now: Now) {
        while let Some(peer) = self.ledger.take_swollen() {
            self.drained(peer, now);
        }
        self.obey();
    }

    fn obey(&mut self) {
        while let Some(order) = self.ledger.next_order() {
            match order {
                Order::Hold(peer) => {
                    if self.peers.is_leaving(peer) {
                        self.ledger.leaving(peer, self.carrier.moment());
                    }
                    self.hold(peer, true);
                }
                Order::Release(peer) => self.release(peer),
                Order::Cut(peer, excess) => self.cut(peer, excess),
            }
        }
    }

    /// What is parked goes first.
    fn release(&mut self, peer: PeerId) {
        if self.peers.first_parked(peer).is_some() {
            self.resumed.push_back(peer);
        } else {
            self.hold(peer, false);
        }
    }

    fn hold(&mut self, peer: PeerId, held: bool) {
        match self.peers.find(peer) {
            Some(Route::Remote(remote)) => self.carrier.hold(remote, held),
            Some(Route::Local(local) | Route::Proxied(local)) => self.carrier.hold_local(local, held),
            Some(Route::Schemas) | None => {}
        }
    }

    fn cut(&mut self, peer: PeerId, excess: Excess) {
        if self.peers.is_open(peer) {
            self.close(peer, Some(excess));
        }
    }
}
