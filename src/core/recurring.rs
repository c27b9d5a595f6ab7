// SPDX-License-Identifier: LGPL-2.1-or-later
//! Operations that repeat: the next run, a second request for the same, and the ways to end one early.
use super::context::Context;
use super::executor::Executor;
use super::operation::{Operation, OperationKey, State};
use super::timers::Timer;
use super::{LogLevel, PeerId};
use crate::model::{CallId, Cancel, ExecStatus, Execute, Interval, OcfExit, Outcome, ResourceId, errno};

impl Executor {
    /// The interval of an operation has passed since its last run.
    pub(super) fn interval_passed(&mut self, key: OperationKey, context: &mut Context<'_>) {
        self.submit(key, context);
    }

    /// A recurring operation that is there already takes only the number and the user data of a second
    /// request; its next result is told in any case, and comes soon: it does not wait for its interval.
    pub(super) fn merge_duplicate(
        &mut self,
        id: &ResourceId,
        request: &Execute,
        call_id: CallId,
        context: &mut Context<'_>,
    ) -> bool {
        let Some(key) = self.find(id, &request.action, request.interval) else { return false };
        let Some(operation) = self.operations.get_mut(&key) else { return false };
        operation.call_id = call_id;
        operation.user_data.clone_from(&request.user_data);
        operation.last_told = None;
        let idle = matches!(operation.state, State::Resting | State::Dormant);
        context.log(LogLevel::Info, || {
            format!("{} of {id} every {} is there already: merged", request.action, request.interval)
        });
        if idle {
            context.timers.clear(Timer::Interval(key));
            self.due.push(key);
        }
        true
    }

    /// The queued or recurring operation of a resource that action and interval name.
    fn find(&self, id: &ResourceId, action: &str, interval: Interval) -> Option<OperationKey> {
        let entry = self.resources.get(id)?;
        let matches = |key: &&OperationKey| {
            self.operations.get(key).is_some_and(|operation| operation.matches(action, interval))
        };
        entry.queue.iter().chain(&entry.recurring).find(matches).copied()
    }

    /// Ends a queued or recurring operation; the answer is the reply's rc.
    pub(super) fn cancel(&mut self, cancel: &Cancel, context: &mut Context<'_>) -> i32 {
        let (Some(id), Some(action)) = (&cancel.resource_id, &cancel.action) else { return -errno::EINVAL };
        if !self.resources.contains_key(id) {
            return -errno::ENODEV;
        }
        match self.find(id, action, cancel.interval) {
            Some(key) => {
                self.cancel_operation(key, context);
                0
            }
            None => -errno::EOPNOTSUPP,
        }
    }

    /// Ends all recurring operations of a resource, queued ones included; `owner`: only this client's.
    pub(super) fn cancel_all_recurring(
        &mut self,
        id: &ResourceId,
        owner: Option<PeerId>,
        context: &mut Context<'_>,
    ) {
        let Some(entry) = self.resources.get(id) else { return };
        let concerned = |key: &&OperationKey| {
            self.operations.get(key).is_some_and(|operation| {
                operation.interval.recurs() && owner.is_none_or(|owner| operation.owner == owner)
            })
        };
        let keys: Vec<_> = entry.recurring.iter().chain(&entry.queue).filter(concerned).copied().collect();
        for key in keys {
            self.cancel_operation(key, context);
        }
    }

    /// Ends an operation and tells so at once. A run in flight is killed; its end, whenever it comes, only
    /// frees the slot.
    pub(super) fn cancel_operation(&mut self, key: OperationKey, context: &mut Context<'_>) {
        let Some(mut operation) = self.detach(key, context) else { return };
        let exit = match operation.state {
            State::Resting | State::Dormant => operation.last_exit,
            State::Queued { .. } | State::Blocked | State::Running(_) => OcfExit::OK,
        };
        operation.tell(Outcome::new(exit, ExecStatus::Cancelled), context);
    }

    /// Takes an operation out of every place that knows it.
    pub(super) fn detach(&mut self, key: OperationKey, context: &mut Context<'_>) -> Option<Operation> {
        let operation = self.operations.remove(&key)?;
        let id = &operation.resource.id;
        if let Some(entry) = self.resources.get_mut(id) {
            entry.queue.retain(|other| *other != key);
            entry.recurring.retain(|other| *other != key);
        }
        match operation.state {
            State::Queued { .. } => context.timers.clear(Timer::StartDelay(key)),
            State::Resting | State::Dormant => context.timers.clear(Timer::Interval(key)),
            State::Blocked => {
                if let Some(slot) = self.slots.get_mut(id) {
                    slot.blocked.retain(|other| *other != key);
                }
            }
            State::Running(run) => {
                context.timers.clear(Timer::RunLimit(run));
                if let Some(in_flight) = self.runs.get_mut(&run) {
                    in_flight.operation = None;
                    in_flight.kill(run, context);
                }
            }
        }
        self.deactivate(id, key);
        self.stir(id);
        Some(operation)
    }
}
