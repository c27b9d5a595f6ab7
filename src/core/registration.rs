// SPDX-License-Identifier: LGPL-2.1-or-later
//! A registered resource with the queue of its operations: first runs begin strictly in order, one at a time, and a
//! start delay holds up what follows. Repeats are not queued here, see [`super::slots`].
use super::budget::Charge;
use super::operation_key::{OperationKey, OperationName};
use super::view::LatestResult;
use crate::model::{Agent, DeviceState, Resource, ResourceId, Standard};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// One resource. An operation is in the queue, then active (on its first run, or about to be), and if it recurs it
/// stays known from then on.
#[derive(Debug)]
pub(super) struct Registration {
    resource: Arc<Resource>,
    drops_recurring: bool,
    /// For its names.
    charge: Charge,
    device: DeviceState,
    /// Waiting for their first run, by turn.
    queue: BTreeMap<OperationKey, OperationName>,
    active: Option<OperationKey>,
    /// Recurring operations whose first run has begun.
    recurring: BTreeMap<OperationKey, OperationName>,
    /// All in `queue` and `recurring`.
    by_name: BTreeMap<OperationName, BTreeSet<OperationKey>>,
    /// For those who look.
    latest: Option<Box<LatestResult>>,
}

/// What a registration knew of operations that are taken away, to be dropped little by little.
#[derive(Debug, Default)]
pub(super) struct Leftovers {
    recurring: BTreeMap<OperationKey, OperationName>,
    by_name: BTreeMap<OperationName, BTreeSet<OperationKey>>,
}

impl Leftovers {
    /// Drops what one operation has left.
    pub(super) fn shrink(&mut self) {
        self.recurring.pop_first();
        self.by_name.pop_first();
    }
}

impl Registration {
    /// Without operations. `drops_recurring`: the recurring operations of an owner that leaves end.
    pub(super) fn new(id: ResourceId, agent: Agent, drops_recurring: bool, charge: Charge) -> Self {
        Self {
            resource: Arc::new(Resource { id, agent }),
            drops_recurring,
            charge,
            device: DeviceState::default(),
            queue: BTreeMap::new(),
            active: None,
            recurring: BTreeMap::new(),
            by_name: BTreeMap::new(),
            latest: None,
        }
    }

    pub(super) const fn resource(&self) -> &Arc<Resource> {
        &self.resource
    }

    pub(super) const fn charge(&self) -> &Charge {
        &self.charge
    }

    pub(super) const fn drops_recurring(&self) -> bool {
        self.drops_recurring
    }

    /// Is an operation on its first run?
    pub(super) const fn is_busy(&self) -> bool {
        self.active.is_some()
    }

    /// Appends an operation, whose key has to be higher than those in the queue.
    pub(super) fn enqueue(&mut self, key: OperationKey, name: OperationName) {
        self.by_name.entry(name.clone()).or_default().insert(key);
        self.queue.insert(key, name);
    }

    /// The operation whose turn it is, unless another is active.
    pub(super) fn head(&self) -> Option<OperationKey> {
        if self.is_busy() { None } else { self.queue.first_key_value().map(|(key, _)| *key) }
    }

    /// The head of the queue is active from now on.
    pub(super) fn activate_head(&mut self) {
        let Some((key, name)) = self.queue.pop_first() else { return };
        self.active = Some(key);
        self.begun(key, name);
    }

    fn begun(&mut self, key: OperationKey, name: OperationName) {
        if name.recurs() {
            self.recurring.insert(key, name);
        } else {
            self.forget_name(key, &name);
        }
    }

    /// The queue need not wait for this operation any longer; true if it did.
    pub(super) fn deactivate(&mut self, key: OperationKey) -> bool {
        self.active.take_if(|active| *active == key).is_some()
    }

    /// Takes an operation out of every place.
    pub(super) fn remove(&mut self, key: OperationKey) {
        if let Some(name) = self.queue.remove(&key).or_else(|| self.recurring.remove(&key)) {
            self.forget_name(key, &name);
        }
        self.deactivate(key);
    }

    fn forget_name(&mut self, key: OperationKey, name: &OperationName) {
        if let Some(keys) = self.by_name.get_mut(name) {
            keys.remove(&key);
            if keys.is_empty() {
                self.by_name.remove(name);
            }
        }
    }

    /// The queued or recurring operation of this name whose turn comes first.
    pub(super) fn find(&self, name: &OperationName) -> Option<OperationKey> {
        self.by_name.get(name)?.first().copied()
    }

    /// Takes all recurring operations away, queued ones included: their keys in the order of their turns.
    pub(super) fn take_recurring(&mut self) -> (Vec<OperationKey>, Leftovers) {
        let by_name = self.by_name.split_off(&OperationName::first_that_recurs());
        let recurring = std::mem::take(&mut self.recurring);
        self.active.take_if(|active| recurring.contains_key(active));
        let mut keys: Vec<_> = by_name.values().flatten().copied().collect();
        keys.sort_unstable();
        if keys.len() < self.queue.len() / 16 {
            keys.iter().for_each(|key| drop(self.queue.remove(key)));
        } else {
            // To look at each is cheaper than to look for most.
            self.queue.retain(|_, name| !name.recurs());
        }
        (keys, Leftovers { recurring, by_name })
    }

    /// Is this operation queued or recurring here?
    pub(super) fn knows(&self, key: OperationKey) -> bool {
        self.queue.contains_key(&key) || self.recurring.contains_key(&key)
    }

    /// Recurring operations whose first run has begun.
    pub(super) fn recurring(&self) -> impl Iterator<Item = OperationKey> {
        self.recurring.keys().copied()
    }

    /// All that is queued or recurs.
    pub(super) fn queued_and_recurring(&self) -> impl Iterator<Item = OperationKey> {
        self.queue.keys().chain(self.recurring.keys()).copied()
    }

    /// All that is queued or recurs, and what is on its first run.
    pub(super) fn known(&self) -> impl Iterator<Item = OperationKey> {
        let one_shot = self.active.filter(|key| !self.recurring.contains_key(key));
        one_shot.into_iter().chain(self.recurring.keys().copied()).chain(self.queue.keys().copied())
    }

    /// How many that are.
    pub(super) fn known_count(&self) -> usize {
        let one_shots = self.active.is_some_and(|key| !self.recurring.contains_key(&key));
        self.queue.len().saturating_add(self.recurring.len()).saturating_add(usize::from(one_shots))
    }

    pub(super) fn latest(&self) -> Option<&LatestResult> {
        self.latest.as_deref()
    }

    pub(super) fn set_latest(&mut self, latest: LatestResult) {
        self.latest = Some(Box::new(latest));
    }

    /// The operation on its first run.
    pub(super) const fn active(&self) -> Option<OperationKey> {
        self.active
    }

    pub(super) fn is_fence_device(&self) -> bool {
        self.resource.agent.standard() == Some(Standard::Stonith)
    }

    /// What is known of the fence device.
    pub(super) const fn device(&self) -> DeviceState {
        self.device
    }

    pub(super) const fn set_device(&mut self, device: DeviceState) {
        self.device = device;
    }

    /// The fencer is gone: its devices may be too. Gives what recurs and what waits for a first run; all of that
    /// counts as begun.
    pub(super) fn fencer_lost(&mut self) -> Vec<OperationKey> {
        if self.device == DeviceState::Started {
            self.device = DeviceState::Doubtful;
        }
        let concerned = self.recurring.keys().chain(self.queue.keys()).copied().collect();
        for (key, name) in std::mem::take(&mut self.queue) {
            self.begun(key, name);
        }
        concerned
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::testing::agent;
    use crate::model::Interval;

    fn name(action: &str, interval: u32) -> OperationName {
        OperationName::new(&action.into(), Interval(interval))
    }

    fn keys<const N: usize>(numbers: [u64; N]) -> [OperationKey; N] {
        numbers.map(OperationKey::of)
    }

    /// With one-shots 1 and 4, and recurring operations 2 and 3, in the queue.
    fn registration() -> Registration {
        let mut registration = Registration::new(ResourceId::new("r1"), agent("x"), true, Charge::none());
        for (number, action, interval) in
            [(1, "start", 0), (2, "Monitor", 20), (3, "monitor", 10), (4, "start", 0)]
        {
            registration.enqueue(OperationKey::of(number), name(action, interval));
        }
        registration
    }

    fn all(registration: &Registration) -> Vec<OperationKey> {
        registration.queued_and_recurring().collect()
    }

    #[test]
    fn the_queue_moves_one_by_one_and_keeps_what_recurs() {
        let mut registration = registration();
        for (number, recurring) in [(1, vec![]), (2, vec![2]), (3, vec![2, 3]), (4, vec![2, 3])] {
            let [key] = keys([number]);
            assert_eq!(registration.head(), Some(key));
            registration.activate_head();
            assert_eq!((registration.head(), registration.active()), (None, Some(key)));
            assert!(!registration.deactivate(OperationKey::of(99)) && registration.is_busy());
            assert!(registration.deactivate(key));
            let expected: Vec<_> = recurring.into_iter().map(OperationKey::of).collect();
            assert_eq!(registration.recurring().collect::<Vec<_>>(), expected);
        }
        assert_eq!(registration.head(), None);
    }

    #[test]
    fn names_find_what_is_queued_or_recurs_but_no_one_shot_that_has_begun() {
        let mut registration = registration();
        let [one, two, three, four] = keys([1, 2, 3, 4]);
        assert_eq!(registration.find(&name("START", 0)), Some(one), "the first of two");
        registration.activate_head();
        assert_eq!(registration.find(&name("start", 0)), Some(four));
        assert_eq!(registration.find(&name("monitor", 10)), Some(three));
        assert_eq!(registration.find(&name("monitor", 30)), None);
        registration.remove(three);
        assert_eq!((registration.find(&name("monitor", 10)), all(&registration)), (None, vec![two, four]));
        assert!(registration.knows(two) && !registration.knows(three) && !registration.knows(one));
    }

    #[test]
    fn what_recurs_is_taken_away_at_once_wherever_it_was() {
        for begun in 0..4 {
            let mut registration = registration();
            for _ in 0..begun {
                registration.activate_head();
            }
            let (taken, mut leftovers) = registration.take_recurring();
            assert_eq!(taken, keys([2, 3]), "by turn, not by interval");
            assert!(!taken.iter().any(|key| registration.knows(*key)));
            assert_eq!(registration.find(&name("monitor", 10)), None);
            assert_eq!(registration.is_busy(), begun == 1, "a one-shot goes on");
            taken.iter().for_each(|_| leftovers.shrink());
            assert!(leftovers.recurring.is_empty() && leftovers.by_name.is_empty());
        }
    }

    #[test]
    fn what_is_removed_leaves_no_trace_wherever_it_was() {
        for begun in 0..4 {
            let mut registration = registration();
            for _ in 0..begun {
                registration.activate_head();
            }
            for key in keys([3, 1, 4, 2]) {
                registration.remove(key);
                assert!(!all(&registration).contains(&key) && registration.active() != Some(key));
            }
            assert!(registration.by_name.is_empty() && !registration.is_busy());
        }
    }

    #[test]
    fn a_lost_fencer_empties_the_queue_and_makes_a_started_device_doubtful() {
        for (before, after) in [
            (DeviceState::Started, DeviceState::Doubtful),
            (DeviceState::Stopped, DeviceState::Stopped),
            (DeviceState::Doubtful, DeviceState::Doubtful),
        ] {
            let mut registration = registration();
            registration.set_device(before);
            registration.activate_head();
            registration.deactivate(OperationKey::of(1));
            assert_eq!(registration.fencer_lost(), keys([2, 3, 4]));
            assert_eq!((registration.device(), registration.head()), (after, None));
            assert_eq!(all(&registration), keys([2, 3]));
            assert_eq!(registration.find(&name("start", 0)), None);
        }
    }
}
