// SPDX-License-Identifier: LGPL-2.1-or-later
//! Operations that end before their time, of which there may be very many at once: with their resource, by a stop, with
//! the client that asked for them, or because the fencer is gone. Some end in the step that causes it, the others in
//! steps of their own ([`crate::core::chores`]). Until then they are not found, and do not run.
use super::Executor;
use crate::core::PeerId;
use crate::core::chores::{Cause, OF_ONE_STEP};
use crate::core::context::Context;
use crate::core::operation::Operation;
use crate::core::operation_key::OperationKey;
use crate::core::registration::Registration;
use crate::core::timers::Timer;
use crate::model::{ResourceId, RunResult};

impl Executor {
    /// Takes a resource away: what is queued or recurs is cancelled, a one-shot that has begun goes on.
    pub(super) fn remove(&mut self, id: &ResourceId, context: &mut Context) {
        let Some(registration) = self.registrations.remove(id) else { return };
        let active = registration.active().and_then(|key| self.operations.get_mut(key));
        if let Some(operation) = active {
            operation.resource_deleted();
        }
        context.budget().release(registration.charge());
        let cancelled = registration.queued_and_recurring().collect();
        self.end_all(cancelled, Cause::Unregistered(Box::new(registration)), context);
    }

    /// A client left: stops the recurring operations that it asked for (`owner` None: everybody's) where
    /// the resource was registered so.
    pub(in crate::core) fn drop_recurring(&mut self, owner: Option<PeerId>, context: &mut Context) {
        let keys = self.operations.take_ending_with(owner);
        self.end_all(keys, Cause::Left(owner), context);
    }

    /// Ends operations: some now, and if there are many, the others in steps of their own.
    pub(super) fn end_all(&mut self, keys: Vec<OperationKey>, cause: Cause, context: &mut Context) {
        self.chores.add(keys, cause, self.operations.last());
        self.work(context);
    }

    /// Is there work that was left to further steps?
    pub(in crate::core) fn has_work(&self) -> bool {
        !self.chores.is_empty()
    }

    /// Does a part of the work that was left to further steps.
    pub(in crate::core) fn work(&mut self, context: &mut Context) {
        for _ in 0..OF_ONE_STEP {
            let Some((key, cause)) = self.chores.next() else { return };
            match cause {
                Cause::Unregistered(registration) => {
                    registration.remove(key);
                    if let Some(operation) = self.operations.get_mut(key) {
                        operation.resource_deleted();
                    }
                    self.cancel_operation(key, context);
                }
                Cause::Stopped(leftovers) => {
                    leftovers.shrink();
                    self.cancel_operation(key, context);
                }
                Cause::Left(_) => self.cancel_operation(key, context),
                Cause::FencerLost(result) => {
                    let result = RunResult::clone(result);
                    self.fail_waiting(key, result, context);
                }
            }
        }
    }

    /// Is it among what is left to further steps, to be cancelled? It does not run any more, nor is it found.
    pub(super) fn is_ending(&self, key: OperationKey, operation: &Operation) -> bool {
        if self.chores.is_empty() || !operation.recurs() {
            return false;
        }
        let registration = self.registrations.get(operation.resource_id());
        !registration.is_some_and(|registration| registration.knows(key))
            || operation.ends_with().is_some_and(|owner| self.chores.has_left(owner, key))
    }

    /// The fencer is gone, and with it perhaps its devices: whatever recurs or waits for a first run fails, so
    /// that the cluster hears of it now and not when an interval has passed.
    pub(in crate::core) fn fencer_lost(&mut self, result: &RunResult, context: &mut Context) {
        let devices = self.registrations.iter_mut().filter(|registration| registration.is_fence_device());
        let concerned = devices.flat_map(Registration::fencer_lost).collect();
        self.end_all(concerned, Cause::FencerLost(Box::new(result.clone())), context);
    }

    /// Fails an operation that neither runs nor is about to.
    fn fail_waiting(&mut self, key: OperationKey, result: RunResult, context: &mut Context) {
        if self.operations.get(key).is_some_and(Operation::is_waiting) {
            context.disarm(Timer::StartDelay(key));
            self.complete(key, result, false, context);
        }
    }
}
