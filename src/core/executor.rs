// SPDX-License-Identifier: LGPL-2.1-or-later
//! The executor: what may be asked about resources, and how an operation gets from one place to the next.
//!
//! Two gates lie between an operation and its run: the queue of its resource ([`super::registration`], first runs
//! only), and the slot of the resource's name ([`super::slots`], every run). The operation itself
//! ([`super::operation`]) knows what it reports and what comes after a run. Where many operations end at once is `ending`.
mod ending;
mod views;

use super::budget;
use super::chores::{Cause, Chores};
use super::context::Context;
use super::operation::{After, Operation, State};
use super::operation_key::{OperationKey, OperationName};
use super::operations::Operations;
use super::refusal::Refusal;
use super::registration::Registration;
use super::registrations::Registrations;
use super::slots::{Place, Slots};
use super::timers::Timer;
use super::{Effect, LogLevel, PeerId, RunId, fencing};
use crate::model::{
    Agent, CallId, Cancel, DeviceState, Execute, Execution, Millis, Moment, Resource, ResourceId,
    ResourceOperations, RunResult, Standard,
};

/// How a resource was forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unregistered {
    /// Nothing of it is left.
    Done,
    /// An operation that has begun goes on.
    StillRuns,
}

/// All resources, operations and runs.
#[derive(Debug)]
pub(super) struct Executor {
    registrations: Registrations,
    operations: Operations,
    slots: Slots,
    /// Recurring operations to be run at the end of this step without waiting for their interval.
    due: Vec<OperationKey>,
    chores: Chores,
    /// Is there a fencer on this node? Elsewhere fence devices are refused like any agent that cannot run.
    fences: bool,
}

impl Executor {
    /// Without resources. `fences`: there is a fencer on this node.
    pub(super) fn new(fences: bool) -> Self {
        Self {
            registrations: Registrations::default(),
            operations: Operations::default(),
            slots: Slots::default(),
            due: Vec::new(),
            chores: Chores::default(),
            fences,
        }
    }

    /// Makes a resource known. The same again changes nothing.
    ///
    /// # Errors
    /// Without a name, and when there are too many.
    pub(super) fn register(
        &mut self,
        id: Option<ResourceId>,
        agent: Agent,
        drops_recurring: bool,
        owner: PeerId,
        context: &mut Context,
    ) -> Result<(), Refusal> {
        let id = id.ok_or(Refusal::Incomplete)?;
        let Agent { standard, provider, name } = &agent;
        let names = [Some(id.as_str()), Some(standard), provider.as_deref(), Some(name)];
        let bytes = budget::cost(&names, None);
        match self.resource(&id) {
            Some(known) if known.agent.same_as(&agent) => return Ok(()),
            Some(_) => {
                context.log(LogLevel::Info, || format!("resource {id} is replaced: now {agent}"));
                self.remove(&id, context);
            }
            None => {
                self.registrations.check_room()?;
                context.log(LogLevel::Info, || format!("resource {id} registered: {agent}"));
            }
        }
        let charge = context.budget().charge(owner, bytes)?;
        self.registrations.add(Registration::new(id, agent, drops_recurring, charge));
        Ok(())
    }

    /// Forgets a resource, if it is known.
    ///
    /// # Errors
    /// Without a name.
    pub(super) fn unregister(
        &mut self,
        id: Option<&ResourceId>,
        context: &mut Context,
    ) -> Result<Unregistered, Refusal> {
        let id = id.ok_or(Refusal::UnknownResource)?;
        let Some(registration) = self.registrations.get(id) else { return Ok(Unregistered::Done) };
        let answer = if registration.is_busy() { Unregistered::StillRuns } else { Unregistered::Done };
        context.log(LogLevel::Info, || format!("resource {id} unregistered"));
        self.remove(id, context);
        Ok(answer)
    }

    pub(super) fn resource(&self, id: &ResourceId) -> Option<&Resource> {
        self.registrations.get(id).map(|registration| &**registration.resource())
    }

    /// Recurring operations of one resource or of all.
    ///
    /// # Errors
    /// When that one is not known.
    pub(super) fn recurring_operations(
        &self,
        id: Option<&ResourceId>,
    ) -> Result<Vec<ResourceOperations>, Refusal> {
        let describe = |registration: &Registration| ResourceOperations {
            resource_id: registration.resource().id.clone(),
            operations: registration
                .recurring()
                .filter_map(|key| Some((key, self.operations.get(key)?)))
                .filter(|(key, operation)| !self.is_ending(*key, operation))
                .map(|(_, operation)| operation.describe())
                .collect(),
        };
        match id {
            Some(id) => {
                let registration = self.registrations.get(id).ok_or(Refusal::UnknownResource)?;
                Ok(vec![describe(registration)])
            }
            None => Ok(self.registrations.iter().map(describe).collect()),
        }
    }

    /// Accepts an operation, or merges it with the recurring one that is there already.
    ///
    /// # Errors
    /// When its resource is not known, and when there are too many.
    pub(super) fn execute(
        &mut self,
        request: Execute,
        owner: PeerId,
        call_id: CallId,
        context: &mut Context,
    ) -> Result<CallId, Refusal> {
        let id = request.resource_id.clone().ok_or(Refusal::Incomplete)?;
        let registration = self.registrations.get_mut(&id).ok_or(Refusal::UnknownResource)?;
        if request.action.eq_ignore_ascii_case("stop") {
            let (recurring, leftovers) = registration.take_recurring();
            self.end_all(recurring, Cause::Stopped(leftovers), context);
        }
        let name = OperationName::new(&request.action, request.interval);
        if request.interval.recurs() && self.merge_duplicate(&name, &request, owner, call_id, context)? {
            return Ok(call_id);
        }
        self.operations.check_room(owner)?;
        let texts = [Some(&*request.action), request.user_data.as_deref()];
        let charge = context.budget().charge(owner, budget::cost(&texts, Some(&request.params)))?;
        let registration = self.registrations.get_mut(&id).ok_or(Refusal::UnknownResource)?;
        let mut operation = Operation::new(request, registration, owner, charge, call_id, context.now());
        operation.asked_by(owner, context);
        let delay = operation.start_delay();
        let key = self.operations.add(operation);
        registration.enqueue(key, name);
        if delay > Millis(0) {
            context.arm(Timer::StartDelay(key), context.now().mono.after(delay));
        }
        self.registrations.stir(&id);
        Ok(call_id)
    }

    /// A recurring operation that is there already takes only the number and the user data of a second
    /// request; its next result is told in any case, and comes soon: it does not wait for its interval.
    fn merge_duplicate(
        &mut self,
        name: &OperationName,
        request: &Execute,
        asker: PeerId,
        call_id: CallId,
        context: &mut Context,
    ) -> Result<bool, Refusal> {
        let Some(id) = &request.resource_id else { return Ok(false) };
        let Some(key) = self.find(id, name, context) else { return Ok(false) };
        let Some(operation) = self.operations.get_mut(key) else { return Ok(false) };
        operation.charge_user_data(request.user_data.as_deref(), context.budget())?;
        operation.asked_by(asker, context);
        let idle = operation.merge(call_id, request.user_data.clone(), context.now());
        context.log(LogLevel::Info, || {
            format!("{} of {id} every {} is there already: merged", request.action, request.interval)
        });
        if idle {
            context.disarm(Timer::Interval(key));
            self.due.push(key);
        }
        Ok(true)
    }

    /// The operation of this name. One that is about to end is ended first: it is not what is asked for.
    fn find(&mut self, id: &ResourceId, name: &OperationName, context: &mut Context) -> Option<OperationKey> {
        loop {
            let key = self.registrations.get(id)?.find(name)?;
            if !self.operations.get(key).is_some_and(|operation| self.is_ending(key, operation)) {
                return Some(key);
            }
            self.cancel_operation(key, context);
        }
    }

    /// Ends a queued or recurring operation.
    ///
    /// # Errors
    /// When there is no such operation.
    pub(super) fn cancel(&mut self, cancel: &Cancel, context: &mut Context) -> Result<(), Refusal> {
        let (Some(id), Some(action)) = (&cancel.resource_id, &cancel.action) else {
            return Err(Refusal::Incomplete);
        };
        self.registrations.get(id).ok_or(Refusal::UnknownResource)?;
        let name = OperationName::new(&action.as_str().into(), cancel.interval);
        let key = self.find(id, &name, context).ok_or(Refusal::UnknownOperation)?;
        self.cancel_operation(key, context);
        Ok(())
    }

    /// Ends an operation and tells so at once. A run in flight is killed; its end, whenever it comes, only
    /// frees the slot.
    fn cancel_operation(&mut self, key: OperationKey, context: &mut Context) {
        if let Some(operation) = self.detach(key, context) {
            operation.cancelled(context);
        }
    }

    /// Takes an operation out of every place that knows it.
    fn detach(&mut self, key: OperationKey, context: &mut Context) -> Option<Operation> {
        let operation = self.operations.remove(key)?;
        context.budget().release(operation.charge());
        let id = operation.resource_id();
        match operation.state() {
            State::Queued { .. } => context.disarm(Timer::StartDelay(key)),
            State::Resting | State::Dormant => context.disarm(Timer::Interval(key)),
            State::Blocked(turn) => self.slots.unblock(id, turn),
            State::Running(run) => {
                context.disarm(Timer::RunLimit(run));
                self.slots.kill(run, context);
            }
        }
        self.registrations.remove_operation(id, key);
        Some(operation)
    }

    /// A start delay is over.
    pub(super) fn start_delay_passed(&mut self, key: OperationKey) {
        if let Some(operation) = self.operations.get_mut(key) {
            operation.delay_passed();
            self.registrations.stir(operation.resource_id());
        }
    }

    /// The interval of an operation has passed since its last run.
    pub(super) fn interval_passed(&mut self, key: OperationKey, context: &mut Context) {
        self.submit(key, context);
    }

    /// Starts what may start.
    pub(super) fn run_ready(&mut self, context: &mut Context) {
        for key in std::mem::take(&mut self.due) {
            self.submit(key, context);
        }
        for id in self.registrations.take_stirred() {
            self.advance(&id, context);
        }
    }

    fn advance(&mut self, id: &ResourceId, context: &mut Context) {
        let Some(registration) = self.registrations.get_mut(id) else { return };
        let Some(key) = registration.head() else { return };
        let Some(operation) = self.operations.get(key) else { return };
        if operation.state() == (State::Queued { delayed: true }) || self.is_ending(key, operation) {
            return;
        }
        if let (Some(operation), Some(registration)) =
            (self.operations.get_mut(key), self.registrations.get_mut(id))
        {
            operation.leave_queue(context.now());
            registration.activate_head();
        }
        self.submit(key, context);
    }

    /// Runs the operation now, or as soon as the slot of its resource is free. False: it is over, or about to end.
    fn submit(&mut self, key: OperationKey, context: &mut Context) -> bool {
        if self.operations.get(key).is_none_or(|operation| self.is_ending(key, operation)) {
            return false;
        }
        let Some(operation) = self.operations.get_mut(key) else { return false };
        let scope = operation.kill_scope();
        let run = match self.slots.enter(operation.resource_id(), key, scope, context) {
            Place::Run(run) => run,
            Place::Blocked(turn) => {
                operation.block(turn);
                return true;
            }
        };
        operation.begin(run, context.now());
        let limit_from = operation.limit_from(context.now().mono);
        let execution = Box::new(operation.execution());
        let (timeout, effect) = match self.device_of(&execution) {
            Some(device) => (fencing::limit(execution.timeout), Effect::Fence { run, execution, device }),
            None => (execution.timeout, Effect::Run { run, execution }),
        };
        if timeout > Millis(0) {
            context.arm(Timer::RunLimit(run), limit_from.after(timeout));
        }
        context.emit(effect);
        true
    }

    /// What is known of the device, if this is one and can be run here.
    fn device_of(&self, execution: &Execution) -> Option<DeviceState> {
        let fences = self.fences && execution.agent.standard() == Some(Standard::Stonith);
        let known = || self.registrations.get(&execution.resource_id).map(Registration::device);
        fences.then(|| known().unwrap_or_default())
    }

    /// Is this run an operation's?
    pub(super) fn has_run(&self, run: RunId) -> bool {
        self.slots.has(run)
    }

    /// A run that had to wait for its start has begun.
    pub(super) fn started(&mut self, run: RunId, since: Moment, context: &mut Context) {
        let operation = self.slots.operation(run).and_then(|key| self.operations.get_mut(key));
        if let Some(limit) = operation.and_then(|operation| operation.started(since, context.now())) {
            context.arm(Timer::RunLimit(run), limit);
        }
    }

    /// Who asked for the operation of this run.
    pub(super) fn owner(&self, run: RunId) -> Option<PeerId> {
        self.operations.get(self.slots.operation(run)?).map(Operation::owner)
    }

    /// A run's time is up.
    pub(super) fn run_overdue(&mut self, run: RunId, context: &mut Context) {
        self.slots.kill(run, context);
    }

    /// A run has ended.
    pub(super) fn finished(&mut self, run: RunId, result: RunResult, context: &mut Context) {
        let Some(ended) = self.slots.ended(run) else { return };
        context.disarm(Timer::RunLimit(run));
        self.complete(ended.operation(), result, ended.was_killed(), context);
        let mut next = ended.next();
        while let Some(key) = next
            && !self.submit(key, context)
        {
            next = self.slots.next(ended.resource_id());
        }
    }

    /// Reports a run and does what comes next; nothing if its operation was cancelled.
    fn complete(&mut self, key: OperationKey, result: RunResult, killed: bool, context: &mut Context) {
        let Some(operation) = self.operations.get_mut(key) else { return };
        let after = operation.ended(result, killed, context);
        let id = operation.resource_id().clone();
        self.remember_latest(key);
        let Some(operation) = self.operations.get(key) else { return };
        if let Some(device) = operation.device_change()
            && let Some(registration) = self.registrations.get_mut(&id)
        {
            registration.set_device(device);
        }
        match after {
            After::LookAgain(delay) => self.look_again(&id, key, delay, context),
            After::Over => {
                if let Some(operation) = self.operations.remove(key) {
                    context.budget().release(operation.charge());
                }
            }
            After::Rest(interval) => {
                context.arm(Timer::Interval(key), context.now().mono.after(interval.into()));
            }
            After::Dormant => {}
        }
        self.registrations.deactivate(&id, key);
    }

    /// Keeps the result of the run that has just ended for those who look.
    fn remember_latest(&mut self, key: OperationKey) {
        let Some(operation) = self.operations.get_mut(key) else { return };
        let Some(latest) = operation.latest() else { return };
        if let Some(registration) = self.registrations.get_mut(operation.resource_id()) {
            registration.set_latest(latest);
        }
    }

    /// Puts a probe at the end of the queue of its resource.
    fn look_again(&mut self, id: &ResourceId, key: OperationKey, delay: Millis, context: &mut Context) {
        context.log(LogLevel::Debug, || format!("resource {id} is in transition: looking again in {delay}"));
        let Some(key) = self.operations.move_to_end(key) else { return };
        context.arm(Timer::StartDelay(key), context.now().mono.after(delay));
        if let (Some(operation), Some(registration)) =
            (self.operations.get(key), self.registrations.get_mut(id))
        {
            registration.enqueue(key, operation.name());
        }
    }

    /// Before the process ends: recurring operations stop, without a word to anybody; what has begun and
    /// does not recur is left to itself.
    pub(super) fn abandon(&mut self, context: &mut Context) {
        let recurring = self.operations.iter().filter(|(_, operation)| operation.recurs());
        for key in recurring.map(|(key, _)| key).collect::<Vec<_>>() {
            self.detach(key, context);
        }
        for (key, _) in self.operations.iter() {
            context.disarm(Timer::StartDelay(key));
        }
        for run in self.slots.abandon() {
            context.disarm(Timer::RunLimit(run));
        }
        self.registrations.clear();
        self.operations.clear();
        self.due.clear();
        self.chores = Chores::default();
    }
}
