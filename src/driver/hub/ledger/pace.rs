// SPDX-License-Identifier: LGPL-2.1-or-later
//! How fast a peer may have operations run whose results the cluster is told, though it did not ask for them. A
//! controller writes each result into its configuration, with a fail-count and a new transition if it is not the expected
//! one, however fast it reads. At 50 a second on a busy machine its CIB manager cuts it off, and it restarts. Bytes do not
//! show that: the controller's queue is empty all the time.
use crate::core::PeerId;
use crate::model::{Millis, Moment};
use std::collections::{BTreeMap, BTreeSet};

/// Between two operations of a peer, on average.
const EACH: Millis = Millis(100);
/// So far may it be ahead: twenty at once.
const AHEAD: Millis = Millis(2_000);
/// How long it waits when it is.
const PAUSE: Millis = Millis(200);

#[derive(Debug, Default)]
pub(super) struct Paces {
    /// Who carries a cluster's messages.
    providers: BTreeSet<PeerId>,
    /// When a peer would have asked for what it has asked for, had it kept the pace.
    paid_until: BTreeMap<PeerId, Moment>,
    /// Who waits, and until when.
    waiting: BTreeMap<PeerId, Moment>,
}

impl Paces {
    pub(super) fn add_provider(&mut self, peer: PeerId) {
        self.providers.insert(peer);
        self.paid_until.remove(&peer);
    }

    pub(super) fn gone(&mut self, peer: PeerId) {
        self.providers.remove(&peer);
        self.paid_until.remove(&peer);
        self.waiting.remove(&peer);
    }

    /// Counts an operation of a peer; false: it is to wait instead.
    pub(super) fn may_run(&mut self, peer: PeerId, now: Moment) -> bool {
        if self.providers.is_empty() || self.providers.contains(&peer) {
            return true;
        }
        let paid_until = self.paid_until.entry(peer).or_insert(now);
        if *paid_until > now.after(AHEAD) {
            self.waiting.insert(peer, now.after(PAUSE));
            return false;
        }
        *paid_until = (*paid_until).max(now).after(EACH);
        true
    }

    /// The earliest moment at which a peer need not wait any more.
    pub(super) fn deadline(&self) -> Option<Moment> {
        self.waiting.values().min().copied()
    }

    /// A peer that has waited long enough.
    pub(super) fn take_due(&mut self, now: Moment) -> Option<PeerId> {
        let due = self.waiting.iter().find(|(_, at)| **at <= now).map(|(peer, _)| *peer)?;
        self.waiting.remove(&due);
        Some(due)
    }
}
