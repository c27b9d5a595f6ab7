// SPDX-License-Identifier: LGPL-2.1-or-later
//! What is owed: answers to requests, and ends of runs.
use pcmk_remote_rs::core::{PeerId, RunId};
use pcmk_remote_rs::model::{Request, ResourceId};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Default)]
pub(super) struct Ledger {
    peers: BTreeSet<PeerId>,
    /// The hub has ordered their end.
    closing: BTreeSet<PeerId>,
    /// A hostile peer may give several requests the same number.
    open: BTreeMap<(PeerId, u32), u32>,
    runs: BTreeMap<RunId, Option<ResourceId>>,
    seen: BTreeSet<RunId>,
    busy: BTreeMap<ResourceId, RunId>,
}

impl Ledger {
    pub(super) fn joined(&mut self, peer: PeerId) {
        self.peers.insert(peer);
    }

    pub(super) fn is_there(&self, peer: PeerId) {
        assert!(self.peers.contains(&peer), "something for {peer:?}, which is gone");
    }

    pub(super) fn gone(&mut self, peer: PeerId) {
        self.peers.remove(&peer);
        self.open.retain(|(asker, _), _| *asker != peer);
    }

    pub(super) fn closing(&mut self, peer: PeerId) {
        self.is_there(peer);
        assert!(self.closing.insert(peer), "{peer:?} is closed twice");
        self.open.retain(|(asker, _), _| *asker != peer);
    }

    pub(super) fn asked(&mut self, peer: PeerId, token: u32, request: &Request) {
        if !matches!(request, Request::Check { .. }) && !self.closing.contains(&peer) {
            *self.open.entry((peer, token)).or_default() += 1;
        }
    }

    pub(super) fn answered(&mut self, peer: PeerId, token: u32) {
        self.is_there(peer);
        let count = self.open.get_mut(&(peer, token)).expect("an answer that was not asked for");
        *count -= 1;
        if *count == 0 {
            self.open.remove(&(peer, token));
        }
    }

    pub(super) fn nothing_is_open(&self) {
        assert!(self.open.is_empty(), "not answered: {:?}", self.open);
    }

    pub(super) fn starts(&mut self, run: RunId, resource_id: Option<&ResourceId>) {
        assert!(self.seen.insert(run), "{run:?} starts twice");
        self.runs.insert(run, resource_id.cloned());
        if let Some(other) = resource_id.and_then(|id| self.busy.insert(id.clone(), run)) {
            panic!("{run:?} and {other:?} of one resource at the same time");
        }
    }

    /// The end of a run, if it goes on.
    pub(super) fn ends(&mut self, run: RunId) -> bool {
        let Some(resource_id) = self.runs.remove(&run) else { return false };
        if let Some(resource_id) = resource_id {
            assert_eq!(self.busy.remove(&resource_id), Some(run));
        }
        true
    }

    /// The n-th of those that go on, counted around.
    pub(super) fn run(&self, number: usize) -> Option<RunId> {
        self.runs.keys().nth(number % self.runs.len().max(1)).copied()
    }
}
