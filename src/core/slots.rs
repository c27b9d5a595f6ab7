// SPDX-License-Identifier: LGPL-2.1-or-later
//! The right to run something for a resource, one at a time, by the resource's name: a run outlives the registration
//! that it began under. What comes too early is blocked, and gets its turn in the order of coming.
use super::context::Context;
use super::operation_key::OperationKey;
use super::{Effect, RunId};
use crate::model::{KillScope, ResourceId};
use std::collections::BTreeMap;

/// A place among the blocked operations of a slot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Turn(u64);

/// What an operation that wants to run gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// It runs.
    Run(RunId),
    /// It waits for the run in flight.
    Blocked(Turn),
}

/// One resource's.
#[derive(Debug, Default)]
struct Slot {
    in_flight: Option<RunId>,
    blocked: BTreeMap<Turn, OperationKey>,
    last_turn: Turn,
}

/// A run in flight.
#[derive(Debug)]
struct Run {
    resource_id: ResourceId,
    /// What it is for; no longer known once that was cancelled.
    operation: OperationKey,
    /// Has its kill been ordered, for whatever reason?
    killed: bool,
    scope: KillScope,
}

/// What is left of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct EndedRun {
    resource_id: ResourceId,
    operation: OperationKey,
    killed: bool,
    next: Option<OperationKey>,
}

impl EndedRun {
    /// Whose slot is free.
    pub(super) const fn resource_id(&self) -> &ResourceId {
        &self.resource_id
    }

    /// What it was for; no longer known if that was cancelled.
    pub(super) const fn operation(&self) -> OperationKey {
        self.operation
    }

    /// Was its kill ordered?
    pub(super) const fn was_killed(&self) -> bool {
        self.killed
    }

    /// The operation that was blocked longest. It is not any more, and is to enter the slot now.
    pub(super) const fn next(&self) -> Option<OperationKey> {
        self.next
    }
}

/// All slots in use, and the runs in them.
#[derive(Debug, Default)]
pub(super) struct Slots {
    slots: BTreeMap<ResourceId, Slot>,
    runs: BTreeMap<RunId, Run>,
}

impl Slots {
    /// An operation wants to run; `scope` is what a kill of the run takes along.
    pub(super) fn enter(
        &mut self,
        id: &ResourceId,
        operation: OperationKey,
        scope: KillScope,
        context: &mut Context,
    ) -> Place {
        let slot = self.slots.entry(id.clone()).or_default();
        if slot.in_flight.is_some() {
            slot.last_turn.0 = slot.last_turn.0.saturating_add(1);
            slot.blocked.insert(slot.last_turn, operation);
            return Place::Blocked(slot.last_turn);
        }
        let run = context.next_run();
        slot.in_flight = Some(run);
        self.runs.insert(run, Run { resource_id: id.clone(), operation, killed: false, scope });
        Place::Run(run)
    }

    /// A blocked operation does not want to run any longer.
    pub(super) fn unblock(&mut self, id: &ResourceId, turn: Turn) {
        if let Some(slot) = self.slots.get_mut(id) {
            slot.blocked.remove(&turn);
        }
    }

    /// Is this run, or was it, an operation's?
    pub(super) fn has(&self, run: RunId) -> bool {
        self.runs.contains_key(&run)
    }

    pub(super) fn run_count(&self) -> usize {
        self.runs.len()
    }

    /// The operation of a run that is in flight.
    pub(super) fn operation(&self, run: RunId) -> Option<OperationKey> {
        self.runs.get(&run).map(|run| run.operation)
    }

    /// Orders the end of a run, once.
    pub(super) fn kill(&mut self, run: RunId, context: &mut Context) {
        if let Some(in_flight) = self.runs.get_mut(&run)
            && !std::mem::replace(&mut in_flight.killed, true)
        {
            context.emit(Effect::Kill { run, scope: in_flight.scope });
        }
    }

    /// A run has ended, and its slot is free.
    pub(super) fn ended(&mut self, run: RunId) -> Option<EndedRun> {
        let Run { resource_id, operation, killed, .. } = self.runs.remove(&run)?;
        if let Some(slot) = self.slots.get_mut(&resource_id) {
            slot.in_flight = None;
        }
        let next = self.next(&resource_id);
        Some(EndedRun { resource_id, operation, killed, next })
    }

    /// The operation that has been blocked longest, of a free slot. It is not any more, and is to enter the slot now.
    pub(super) fn next(&mut self, id: &ResourceId) -> Option<OperationKey> {
        let next = self.slots.get_mut(id)?.blocked.pop_first().map(|(_, key)| key);
        if next.is_none() {
            self.slots.remove(id);
        }
        next
    }

    /// Nothing is to run any more. Runs in flight are still known, as they will end.
    pub(super) fn abandon(&mut self) -> impl Iterator<Item = RunId> {
        self.slots.clear();
        self.runs.keys().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u64) -> OperationKey {
        OperationKey::of(number)
    }

    fn enter(slots: &mut Slots, id: &str, number: u64, context: &mut Context) -> Place {
        slots.enter(&ResourceId::new(id), key(number), KillScope::Group, context)
    }

    #[test]
    fn one_runs_and_the_others_wait_in_order_each_resource_for_itself() {
        let (mut slots, mut context) = (Slots::default(), Context::default());
        assert_eq!(enter(&mut slots, "a", 1, &mut context), Place::Run(RunId(1)));
        let Place::Blocked(second) = enter(&mut slots, "a", 9, &mut context) else { panic!("not blocked") };
        assert_eq!(enter(&mut slots, "b", 2, &mut context), Place::Run(RunId(2)));
        for number in [8, 3] {
            assert!(matches!(enter(&mut slots, "a", number, &mut context), Place::Blocked(_)));
        }
        slots.unblock(&ResourceId::new("a"), second);
        let ended = slots.ended(RunId(1)).unwrap();
        let resource_id = ResourceId::new("a");
        assert_eq!(ended, EndedRun { resource_id, operation: key(1), killed: false, next: Some(key(8)) });
        assert_eq!(enter(&mut slots, "a", 8, &mut context), Place::Run(RunId(3)));
        assert_eq!(slots.ended(RunId(3)).unwrap().next(), Some(key(3)));
        assert_eq!(slots.ended(RunId(3)), None, "it has ended");
    }

    #[test]
    fn a_run_is_killed_once_and_its_end_says_so() {
        let (mut slots, mut context) = (Slots::default(), Context::default());
        slots.enter(&ResourceId::new("a"), key(1), KillScope::Process, &mut context);
        for _ in 0..2 {
            slots.kill(RunId(1), &mut context);
        }
        slots.kill(RunId(7), &mut context);
        let [Effect::Kill { run: RunId(1), scope: KillScope::Process }] = context.effects_from(0) else {
            panic!("{:?}", context.effects_from(0))
        };
        assert!(slots.ended(RunId(1)).unwrap().was_killed());
        assert!(slots.slots.is_empty() && slots.runs.is_empty(), "nothing is left");
    }

    #[test]
    fn an_abandoned_run_is_still_known_but_nothing_follows_it() {
        let (mut slots, mut context) = (Slots::default(), Context::default());
        enter(&mut slots, "a", 1, &mut context);
        enter(&mut slots, "a", 2, &mut context);
        assert_eq!(slots.abandon().collect::<Vec<_>>(), [RunId(1)]);
        assert!(slots.has(RunId(1)));
        assert_eq!(slots.ended(RunId(1)).unwrap().next(), None);
    }
}
