// SPDX-License-Identifier: LGPL-2.1-or-later
//! Work that a step leaves to the next ones, so that none takes long: operations that are to end, of which there may be
//! very many. What is found here has ended already as far as requests and timers are concerned.
use super::PeerId;
use super::operation_key::OperationKey;
use super::registration::{Leftovers, Registration};
use crate::model::RunResult;
use std::collections::{BTreeSet, VecDeque};

/// So many operations end in one step. With what is told and logged of them, that takes about a millisecond.
pub(super) const OF_ONE_STEP: usize = 100;

/// Why operations end.
#[derive(Debug)]
pub(super) enum Cause {
    /// Their resource was unregistered, or replaced.
    Unregistered(Box<Registration>),
    /// Their resource is stopped.
    Stopped(Leftovers),
    /// This client left; None: all left.
    Left(Option<PeerId>),
    /// The fencer is gone: they fail with this result.
    FencerLost(Box<RunResult>),
}

#[derive(Debug)]
struct Batch {
    keys: std::vec::IntoIter<OperationKey>,
    cause: Cause,
}

/// All such work, in the order in which it came up.
#[derive(Debug, Default)]
pub(super) struct Chores {
    batches: VecDeque<Batch>,
    /// Clients whose operations end.
    left: BTreeSet<PeerId>,
    /// Up to this one, all that end with their owner do.
    all_up_to: OperationKey,
}

impl Chores {
    /// `last`: the newest operation that there is.
    pub(super) fn add(&mut self, keys: Vec<OperationKey>, cause: Cause, last: OperationKey) {
        if keys.is_empty() {
            return;
        }
        match cause {
            Cause::Left(Some(peer)) => drop(self.left.insert(peer)),
            Cause::Left(None) => self.all_up_to = last,
            Cause::Unregistered(_) | Cause::Stopped(_) | Cause::FencerLost(_) => {}
        }
        self.batches.push_back(Batch { keys: keys.into_iter(), cause });
    }

    /// Is there none?
    pub(super) fn is_empty(&self) -> bool {
        self.batches.is_empty()
    }

    /// Does this operation end because its `owner` left?
    pub(super) fn has_left(&self, owner: PeerId, key: OperationKey) -> bool {
        key <= self.all_up_to || self.left.contains(&owner)
    }

    /// The next operation, and why it ends.
    pub(super) fn next(&mut self) -> Option<(OperationKey, &mut Cause)> {
        while self.batches.front_mut()?.keys.as_slice().is_empty() {
            match self.batches.pop_front()?.cause {
                Cause::Left(Some(peer)) => drop(self.left.remove(&peer)),
                Cause::Left(None) => self.all_up_to = OperationKey::default(),
                Cause::Unregistered(_) | Cause::Stopped(_) | Cause::FencerLost(_) => {}
            }
        }
        let batch = self.batches.front_mut()?;
        Some((batch.keys.next()?, &mut batch.cause))
    }
}
