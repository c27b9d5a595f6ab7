// SPDX-License-Identifier: LGPL-2.1-or-later
//! Whose turn it is. Two gates lie between an operation and its run:
//! the queue of its resource (first runs only, strictly in order, a start delay holds up what follows), and
//! the slot of the resource's name (every run, one at a time, those that come too early are blocked in order).
use super::context::Context;
use super::executor::Executor;
use super::operation::{OperationKey, State};
use super::timers::Timer;
use super::{Effect, Finish, RunId};
use crate::model::{KillScope, Millis, ResourceId};
use std::collections::VecDeque;

/// The right to run something for a resource, by name.
#[derive(Debug, Default)]
pub(super) struct Slot {
    pub(super) in_flight: Option<RunId>,
    pub(super) blocked: VecDeque<OperationKey>,
}

/// A run in flight.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) resource_id: ResourceId,
    /// What it is for; None once that was cancelled.
    pub(super) operation: Option<OperationKey>,
    /// Has its kill been ordered, for whatever reason?
    pub(super) killed: bool,
    pub(super) scope: KillScope,
}

impl Executor {
    /// Notes that the queue of a resource may be able to move. It does at the end of the step, so that a
    /// reply goes out before the run that it announces.
    pub(super) fn stir(&mut self, id: &ResourceId) {
        if !self.stirred.contains(id) {
            self.stirred.push(id.clone());
        }
    }

    /// Starts what may start.
    pub(super) fn run_ready(&mut self, context: &mut Context<'_>) {
        for key in std::mem::take(&mut self.due) {
            self.submit(key, context);
        }
        for id in std::mem::take(&mut self.stirred) {
            self.advance(&id, context);
        }
    }

    fn advance(&mut self, id: &ResourceId, context: &mut Context<'_>) {
        let Some(entry) = self.resources.get_mut(id) else { return };
        if entry.active.is_some() {
            return;
        }
        let Some(&key) = entry.queue.front() else { return };
        let Some(operation) = self.operations.get_mut(&key) else { return };
        if operation.state == (State::Queued { delayed: true }) {
            return;
        }
        entry.queue.pop_front();
        entry.active = Some(key);
        operation.started_at = Some(context.now);
        if operation.interval.recurs() {
            entry.recurring.push(key);
        }
        self.submit(key, context);
    }

    pub(super) fn arm_start_delay(&self, key: OperationKey, delay: Millis, context: &mut Context<'_>) {
        context.timers.set(Timer::StartDelay(key), context.now.mono.after(delay));
    }

    pub(super) fn start_delay_passed(&mut self, key: OperationKey) {
        let Some(operation) = self.operations.get_mut(&key) else { return };
        operation.state = State::Queued { delayed: false };
        let id = operation.resource.id.clone();
        self.stir(&id);
    }

    /// Runs the operation now, or as soon as the slot of its resource is free.
    pub(super) fn submit(&mut self, key: OperationKey, context: &mut Context<'_>) {
        let Some(operation) = self.operations.get_mut(&key) else { return };
        let slot = self.slots.entry(operation.resource.id.clone()).or_default();
        if slot.in_flight.is_some() {
            operation.state = State::Blocked;
            slot.blocked.push_back(key);
            return;
        }
        let run = context.run_numbers.next();
        slot.in_flight = Some(run);
        operation.state = State::Running(run);
        let resource_id = operation.resource.id.clone();
        let scope = operation.kill_scope();
        self.runs.insert(run, Run { resource_id, operation: Some(key), killed: false, scope });
        if operation.timeout > Millis(0) {
            context.timers.set(Timer::RunLimit(run), context.now.mono.after(operation.timeout));
        }
        context.emit(Effect::Run { run, execution: Box::new(operation.execution()) });
    }

    /// A run's time is up; false when it is none of ours.
    pub(super) fn run_overdue(&mut self, run: RunId, context: &mut Context<'_>) -> bool {
        let Some(in_flight) = self.runs.get_mut(&run) else { return false };
        in_flight.kill(run, context);
        true
    }

    /// A run has ended; gives it back when it is none of ours.
    pub(super) fn finished(
        &mut self,
        run: RunId,
        finish: Finish,
        context: &mut Context<'_>,
    ) -> Option<Finish> {
        let Some(ended) = self.runs.remove(&run) else { return Some(finish) };
        context.timers.clear(Timer::RunLimit(run));
        if let Some(key) = ended.operation {
            self.complete(key, finish, ended.killed, context);
        }
        self.release(&ended.resource_id, run, context);
        None
    }

    /// Reports a run and decides what becomes of its operation.
    fn complete(&mut self, key: OperationKey, finish: Finish, killed: bool, context: &mut Context<'_>) {
        let Some(operation) = self.operations.get_mut(&key) else { return };
        let unprepared = finish.unprepared;
        let outcome = operation.record(finish, killed, context.now);
        operation.tell(outcome, context);
        let id = operation.resource.id.clone();
        if !operation.interval.recurs() {
            self.operations.remove(&key);
        } else if unprepared {
            operation.forget_times();
            operation.state = State::Dormant;
        } else {
            operation.forget_times();
            operation.state = State::Resting;
            let next = context.now.mono.after(operation.interval.into());
            context.timers.set(Timer::Interval(key), next);
        }
        self.deactivate(&id, key);
    }

    /// The queue of the resource need not wait for this operation any longer.
    pub(super) fn deactivate(&mut self, id: &ResourceId, key: OperationKey) {
        if let Some(entry) = self.resources.get_mut(id)
            && entry.active == Some(key)
        {
            entry.active = None;
            self.stir(id);
        }
    }

    /// Frees the slot and lets the next blocked operation run.
    fn release(&mut self, id: &ResourceId, run: RunId, context: &mut Context<'_>) {
        let Some(slot) = self.slots.get_mut(id) else { return };
        if slot.in_flight != Some(run) {
            return;
        }
        slot.in_flight = None;
        match slot.blocked.pop_front() {
            Some(next) => self.submit(next, context),
            None => drop(self.slots.remove(id)),
        }
    }
}

impl Run {
    /// Orders the end of a run, once.
    pub(super) fn kill(&mut self, run: RunId, context: &mut Context<'_>) {
        if !std::mem::replace(&mut self.killed, true) {
            context.emit(Effect::Kill { run, scope: self.scope });
        }
    }
}
