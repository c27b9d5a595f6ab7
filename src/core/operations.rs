// SPDX-License-Identifier: LGPL-2.1-or-later
//! All operations that the executor has accepted and not finished with.
use super::PeerId;
use super::budget::Budget;
use super::operation::Operation;
use super::operation_key::OperationKey;
use super::refusal::Refusal;
use std::collections::{BTreeMap, BTreeSet};

/// More than any cluster has: stops a client that queues without end before memory does. Half as many again are left to
/// clients that have few.
pub(super) const MOST_OPERATIONS: usize = 100_000;

/// The table of operations.
#[derive(Debug)]
pub(super) struct Operations {
    operations: BTreeMap<OperationKey, Operation>,
    /// Counts operations, not bytes.
    places: Budget,
    /// Those that end with their owner.
    by_owner: BTreeMap<PeerId, BTreeSet<OperationKey>>,
    last_key: OperationKey,
}

impl Default for Operations {
    fn default() -> Self {
        Self {
            operations: BTreeMap::new(),
            places: Budget::new(MOST_OPERATIONS),
            by_owner: BTreeMap::new(),
            last_key: OperationKey::default(),
        }
    }
}

impl Operations {
    /// Is there room for one more of this owner's?
    ///
    /// # Errors
    /// When there is not.
    pub(super) fn check_room(&self, owner: PeerId) -> Result<(), Refusal> {
        if self.places.has_room(owner, 1) { Ok(()) } else { Err(Refusal::TooManyOperations) }
    }

    /// Takes an operation in.
    pub(super) fn add(&mut self, operation: Operation) -> OperationKey {
        let key = self.last_key.next();
        self.last_key = key;
        if let Some(owner) = operation.ends_with() {
            self.by_owner.entry(owner).or_default().insert(key);
        }
        self.places.take(operation.owner(), 1);
        self.operations.insert(key, operation);
        key
    }

    pub(super) fn remove(&mut self, key: OperationKey) -> Option<Operation> {
        let operation = self.operations.remove(&key)?;
        self.places.give_back(operation.owner(), 1);
        if let Some(owner) = operation.ends_with()
            && let Some(keys) = self.by_owner.get_mut(&owner)
        {
            keys.remove(&key);
            if keys.is_empty() {
                self.by_owner.remove(&owner);
            }
        }
        Some(operation)
    }

    /// Gives an operation the last turn, and with it a new key.
    pub(super) fn move_to_end(&mut self, key: OperationKey) -> Option<OperationKey> {
        self.remove(key).map(|operation| self.add(operation))
    }

    pub(super) fn get(&self, key: OperationKey) -> Option<&Operation> {
        self.operations.get(&key)
    }

    pub(super) fn get_mut(&mut self, key: OperationKey) -> Option<&mut Operation> {
        self.operations.get_mut(&key)
    }

    /// Those that end with their owner (None: anybody's), in the order of their turns. They are told once.
    pub(super) fn take_ending_with(&mut self, owner: Option<PeerId>) -> Vec<OperationKey> {
        let mut keys: Vec<_> = match owner {
            Some(owner) => self.by_owner.remove(&owner).into_iter().flatten().collect(),
            None => std::mem::take(&mut self.by_owner).into_values().flatten().collect(),
        };
        keys.sort_unstable();
        keys
    }

    /// The newest; zero if there was none yet.
    pub(super) const fn last(&self) -> OperationKey {
        self.last_key
    }

    pub(super) fn count(&self) -> usize {
        self.operations.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (OperationKey, &Operation)> {
        self.operations.iter().map(|(key, operation)| (*key, operation))
    }

    pub(super) fn clear(&mut self) {
        self.operations.clear();
        self.places = Budget::new(MOST_OPERATIONS);
        self.by_owner.clear();
    }
}
