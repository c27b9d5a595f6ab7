// SPDX-License-Identifier: LGPL-2.1-or-later
//! All registered resources, and which of their queues may move.
use super::operation_key::OperationKey;
use super::refusal::Refusal;
use super::registration::Registration;
use crate::model::ResourceId;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

/// More than any cluster has: stops a client that registers without end before memory does.
const MOST_RESOURCES: usize = 100_000;

/// The table of resources.
#[derive(Debug, Default)]
pub(super) struct Registrations {
    registrations: BTreeMap<ResourceId, Registration>,
    /// Resources whose queue may move at the end of this step, in the order in which that became so.
    stirred: Vec<ResourceId>,
    /// The same resources.
    is_stirred: BTreeSet<ResourceId>,
}

impl Registrations {
    /// Is there room for one more?
    ///
    /// # Errors
    /// When there is not.
    pub(super) fn check_room(&self) -> Result<(), Refusal> {
        if self.registrations.len() >= MOST_RESOURCES { Err(Refusal::TooManyResources) } else { Ok(()) }
    }

    pub(super) fn add(&mut self, registration: Registration) {
        self.registrations.insert(registration.resource().id.clone(), registration);
    }

    pub(super) fn remove(&mut self, id: &ResourceId) -> Option<Registration> {
        self.registrations.remove(id)
    }

    pub(super) fn get(&self, id: &ResourceId) -> Option<&Registration> {
        self.registrations.get(id)
    }

    pub(super) fn get_mut(&mut self, id: &ResourceId) -> Option<&mut Registration> {
        self.registrations.get_mut(id)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Registration> {
        self.registrations.values()
    }

    pub(super) fn count(&self) -> usize {
        self.registrations.len()
    }

    /// Those whose names come after this one.
    pub(super) fn after(&self, id: Option<&ResourceId>) -> impl Iterator<Item = &Registration> {
        let first = id.map_or(Bound::Unbounded, Bound::Excluded);
        self.registrations.range((first, Bound::Unbounded)).map(|(_, registration)| registration)
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Registration> {
        self.registrations.values_mut()
    }

    /// Notes that the queue of a resource may be able to move. It does at the end of the step, so that a
    /// reply goes out before the run that it announces.
    pub(super) fn stir(&mut self, id: &ResourceId) {
        if self.is_stirred.insert(id.clone()) {
            self.stirred.push(id.clone());
        }
    }

    /// The queues that may move; from now on none may.
    pub(super) fn take_stirred(&mut self) -> Vec<ResourceId> {
        self.is_stirred.clear();
        std::mem::take(&mut self.stirred)
    }

    /// The queue of the resource need not wait for this operation any longer.
    pub(super) fn deactivate(&mut self, id: &ResourceId, key: OperationKey) {
        if self.registrations.get_mut(id).is_some_and(|registration| registration.deactivate(key)) {
            self.stir(id);
        }
    }

    /// An operation is over before its time.
    pub(super) fn remove_operation(&mut self, id: &ResourceId, key: OperationKey) {
        if let Some(registration) = self.registrations.get_mut(id) {
            registration.remove(key);
        }
        self.stir(id);
    }

    pub(super) fn clear(&mut self) {
        self.registrations.clear();
        self.take_stirred();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_is_stirred_once_a_step_in_the_order_of_the_first_time() {
        let mut registrations = Registrations::default();
        let [a, b] = ["a", "b"].map(ResourceId::new);
        for id in [&b, &a, &b] {
            registrations.stir(id);
        }
        assert_eq!(registrations.take_stirred(), [b, a.clone()]);
        assert!(registrations.take_stirred().is_empty());
        registrations.stir(&a);
        assert_eq!(registrations.take_stirred(), [a]);
    }
}
