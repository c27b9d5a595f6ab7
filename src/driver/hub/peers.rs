// SPDX-License-Identifier: LGPL-2.1-or-later
//! The peers that are connected, and which of them have something to be flushed.
use super::inbox::Route;
use crate::core::{Input, PeerId};
use std::collections::{BTreeMap, VecDeque};

#[derive(Debug)]
struct Peer<R, L> {
    route: Route<R, L>,
    /// Has the core ordered its end? What it sent before it knew is ignored.
    closing: bool,
    /// Is it among those to be flushed?
    unflushed: bool,
    /// Messages that arrived before it was held, and how long they are.
    parked: VecDeque<(Input, usize)>,
    /// Is it gone but for what is parked?
    leaving: bool,
}

/// What becomes of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// It is dropped.
    No,
    /// It is the peer's turn.
    Now,
    /// It belongs behind others of its peer that are parked.
    Later,
}

impl<R, L> Peer<R, L> {
    /// Puts a remote peer among those to be flushed.
    fn mark(&mut self, id: PeerId, unflushed: &mut VecDeque<PeerId>) {
        if matches!(self.route, Route::Remote(_)) && !std::mem::replace(&mut self.unflushed, true) {
            unflushed.push_back(id);
        }
    }
}

/// See the module's documentation.
#[derive(Debug)]
pub(super) struct Peers<R, L> {
    by_id: BTreeMap<PeerId, Peer<R, L>>,
    unflushed: VecDeque<PeerId>,
}

impl<R, L> Default for Peers<R, L> {
    fn default() -> Self {
        Self { by_id: BTreeMap::new(), unflushed: VecDeque::new() }
    }
}

impl<R, L> Peers<R, L> {
    pub(super) fn add(&mut self, id: PeerId, route: Route<R, L>) {
        let parked = VecDeque::new();
        self.by_id.insert(id, Peer { route, closing: false, unflushed: false, parked, leaving: false });
    }

    /// Forgets a peer; its route, if it was there.
    pub(super) fn remove(&mut self, id: PeerId) -> Option<Route<R, L>> {
        self.by_id.remove(&id).map(|peer| peer.route)
    }

    /// Is what this peer has sent to be heard? A remote peer is then among those to be flushed.
    pub(super) fn hear(&mut self, id: PeerId) -> Heard {
        let Some(peer) = self.by_id.get_mut(&id).filter(|peer| !peer.closing) else { return Heard::No };
        peer.mark(id, &mut self.unflushed);
        if peer.parked.is_empty() { Heard::Now } else { Heard::Later }
    }

    /// Keeps a message until the peer's turn comes.
    pub(super) fn park(&mut self, id: PeerId, input: Input, bytes: usize) {
        if let Some(peer) = self.by_id.get_mut(&id) {
            peer.parked.push_back((input, bytes));
        }
    }

    /// How long the oldest parked message of a peer is, if there is one.
    pub(super) fn first_parked(&self, id: PeerId) -> Option<usize> {
        self.by_id.get(&id)?.parked.front().map(|(_, bytes)| *bytes)
    }

    /// Takes the oldest parked message of a peer.
    pub(super) fn unpark(&mut self, id: PeerId) -> Option<Input> {
        self.by_id.get_mut(&id)?.parked.pop_front().map(|(input, _)| input)
    }

    /// The peer is gone, behind what of it is parked.
    pub(super) fn set_leaving(&mut self, id: PeerId) {
        if let Some(peer) = self.by_id.get_mut(&id) {
            peer.leaving = true;
        }
    }

    /// Is this peer gone but for what is parked?
    pub(super) fn is_leaving(&self, id: PeerId) -> bool {
        self.by_id.get(&id).is_some_and(|peer| peer.leaving)
    }

    /// The route to a peer, for anything but sending.
    pub(super) fn find(&self, id: PeerId) -> Option<&Route<R, L>> {
        self.by_id.get(&id).map(|peer| &peer.route)
    }

    /// Is this peer there, and has its end not been ordered?
    pub(super) fn is_open(&self, id: PeerId) -> bool {
        self.by_id.get(&id).is_some_and(|peer| !peer.closing)
    }

    /// The route to a peer, for sending. A remote peer is among those to be flushed from now on. The core knows which
    /// peers are connected, and sends to no other.
    pub(super) fn route(&mut self, id: PeerId) -> Option<&Route<R, L>> {
        let peer = self.by_id.get_mut(&id);
        debug_assert!(peer.is_some(), "something is sent to {id:?}, which is not connected");
        let peer = peer?;
        peer.mark(id, &mut self.unflushed);
        Some(&peer.route)
    }

    /// The core has ordered a peer's end; its route, if it is there.
    pub(super) fn closing(&mut self, id: PeerId) -> Option<&Route<R, L>> {
        let peer = self.by_id.get_mut(&id);
        debug_assert!(peer.is_some(), "{id:?} is to be closed, which is not connected");
        let peer = peer?;
        peer.closing = true;
        peer.parked.clear();
        Some(&peer.route)
    }

    /// Is there a remote peer that was heard or sent to and not flushed since?
    pub(super) fn has_unflushed(&self) -> bool {
        !self.unflushed.is_empty()
    }

    /// The next remote peer that is to be flushed, in the order in which they were heard or sent to.
    pub(super) fn next_unflushed(&mut self) -> Option<(PeerId, &R)> {
        let next = loop {
            let id = self.unflushed.pop_front()?;
            if let Some(peer) = self.by_id.get_mut(&id)
                && std::mem::take(&mut peer.unflushed)
            {
                break id;
            }
        };
        match self.by_id.get(&next).map(|peer| &peer.route) {
            Some(Route::Remote(remote)) => Some((next, remote)),
            _ => None,
        }
    }

    /// All remote peers.
    pub(super) fn remotes(&self) -> impl Iterator<Item = &R> {
        self.by_id.values().filter_map(|peer| match &peer.route {
            Route::Remote(remote) => Some(remote),
            _ => None,
        })
    }
}
