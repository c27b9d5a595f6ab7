// SPDX-License-Identifier: LGPL-2.1-or-later
//! The executor: which resources are registered, and what may be asked about them.
//! How operations run is in [`super::queue`], how they repeat and end early in [`super::recurring`].
use super::context::Context;
use super::operation::{Operation, OperationKey, State};
use super::queue::{Run, Slot};
use super::timers::Timer;
use super::{LogLevel, PeerId, RunId};
use crate::model::{
    Agent, CallId, Execute, RecurringOperation, Resource, ResourceId, ResourceOperations, errno,
};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// More than any cluster has: stops a client that registers or queues without end before memory does.
pub(super) const MOST_RESOURCES: usize = 100_000;
pub(super) const MOST_OPERATIONS: usize = 100_000;

/// A registered resource with its operations.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) resource: Arc<Resource>,
    /// Cancel the recurring operations of an owner that leaves?
    pub(super) drop_recurring: bool,
    /// Waiting for their first run, oldest first.
    pub(super) queue: VecDeque<OperationKey>,
    /// On its first run, or about to be; repeats are not counted here.
    pub(super) active: Option<OperationKey>,
    /// Recurring operations whose first run has begun.
    pub(super) recurring: Vec<OperationKey>,
}

/// All resources, operations and runs.
#[derive(Debug, Default)]
pub(super) struct Executor {
    pub(super) resources: BTreeMap<ResourceId, Entry>,
    pub(super) operations: BTreeMap<OperationKey, Operation>,
    /// By the resource's name: a run outlives the registration that it began under.
    pub(super) slots: BTreeMap<ResourceId, Slot>,
    pub(super) runs: BTreeMap<RunId, Run>,
    /// Resources whose queue may move at the end of this step.
    pub(super) stirred: Vec<ResourceId>,
    /// Recurring operations to be run at the end of this step without waiting for their interval.
    pub(super) due: Vec<OperationKey>,
    last_key: u64,
}

impl Executor {
    /// Makes a resource known; the answer is the reply's rc.
    pub(super) fn register(
        &mut self,
        resource_id: Option<ResourceId>,
        agent: Agent,
        drop_recurring: bool,
        context: &mut Context<'_>,
    ) -> i32 {
        let Some(id) = resource_id else { return -errno::EINVAL };
        match self.resources.get(&id) {
            Some(known) if known.resource.agent.same_as(&agent) => return 0,
            Some(_) => {
                context.log(LogLevel::Info, || format!("resource {id} is replaced: now {agent}"));
                self.remove(&id, context);
            }
            None if self.resources.len() >= MOST_RESOURCES => return -errno::E2BIG,
            None => context.log(LogLevel::Info, || format!("resource {id} registered: {agent}")),
        }
        let entry = Entry {
            resource: Arc::new(Resource { id: id.clone(), agent }),
            drop_recurring,
            queue: VecDeque::new(),
            active: None,
            recurring: Vec::new(),
        };
        self.resources.insert(id, entry);
        0
    }

    /// Forgets a resource; the answer is the reply's rc, which says whether something still runs.
    pub(super) fn unregister(&mut self, resource_id: Option<&ResourceId>, context: &mut Context<'_>) -> i32 {
        let Some(id) = resource_id else { return -errno::ENODEV };
        let Some(entry) = self.resources.get(id) else { return 0 };
        let rc = if entry.active.is_some() { -errno::EINPROGRESS } else { 0 };
        context.log(LogLevel::Info, || format!("resource {id} unregistered"));
        self.remove(id, context);
        rc
    }

    /// Takes a resource away: what is queued or recurs is cancelled, a one-shot that has begun goes on.
    fn remove(&mut self, id: &ResourceId, context: &mut Context<'_>) {
        let Some(entry) = self.resources.get(id) else { return };
        let doomed: Vec<_> = entry.queue.iter().chain(&entry.recurring).copied().collect();
        for key in doomed.iter().chain(&entry.active) {
            if let Some(operation) = self.operations.get_mut(key) {
                operation.resource_deleted = true;
            }
        }
        for key in doomed {
            self.cancel_operation(key, context);
        }
        self.resources.remove(id);
    }

    pub(super) fn resource(&self, id: &ResourceId) -> Option<&Resource> {
        self.resources.get(id).map(|entry| &*entry.resource)
    }

    /// Recurring operations of one resource or of all; None when that one is not known.
    pub(super) fn recurring_operations(&self, id: Option<&ResourceId>) -> Option<Vec<ResourceOperations>> {
        match id {
            Some(id) => self.resources.get(id).map(|entry| vec![self.operations_of(entry)]),
            None => Some(self.resources.values().map(|entry| self.operations_of(entry)).collect()),
        }
    }

    fn operations_of(&self, entry: &Entry) -> ResourceOperations {
        let operations = entry.recurring.iter().filter_map(|key| self.operations.get(key));
        let describe = |operation: &Operation| RecurringOperation {
            action: operation.action.clone(),
            interval: operation.interval,
            timeout: operation.timeout,
        };
        ResourceOperations {
            resource_id: entry.resource.id.clone(),
            operations: operations.map(describe).collect(),
        }
    }

    /// Accepts an operation; the answer is the reply's rc.
    pub(super) fn execute(
        &mut self,
        request: Execute,
        owner: PeerId,
        call_id: CallId,
        context: &mut Context<'_>,
    ) -> i32 {
        let Some(id) = request.resource_id.clone() else { return -errno::EINVAL };
        let Some(entry) = self.resources.get(&id) else { return -errno::ENODEV };
        let resource = entry.resource.clone();
        if request.action.eq_ignore_ascii_case("stop") {
            self.cancel_all_recurring(&id, None, context);
        }
        if request.interval.recurs() && self.merge_duplicate(&id, &request, call_id, context) {
            return call_id.0;
        }
        if self.operations.len() >= MOST_OPERATIONS {
            return -errno::E2BIG;
        }
        self.last_key = self.last_key.saturating_add(1);
        let key = OperationKey(self.last_key);
        let operation = Operation::new(request, resource, owner, call_id, context.now);
        if let State::Queued { delayed: true } = operation.state {
            self.arm_start_delay(key, operation.start_delay, context);
        }
        self.operations.insert(key, operation);
        if let Some(entry) = self.resources.get_mut(&id) {
            entry.queue.push_back(key);
        }
        self.stir(&id);
        call_id.0
    }

    /// A client left: stops the recurring operations that it asked for (`owner` None: everybody's) where
    /// the resource was registered so.
    pub(super) fn drop_recurring(&mut self, owner: Option<PeerId>, context: &mut Context<'_>) {
        let affected = self.resources.iter().filter(|(_, entry)| entry.drop_recurring);
        let ids: Vec<_> = affected.map(|(id, _)| id.clone()).collect();
        for id in ids {
            self.cancel_all_recurring(&id, owner, context);
        }
    }

    /// Before the process ends: recurring operations stop, without a word to anybody; what has begun and
    /// does not recur is left to itself.
    pub(super) fn abandon(&mut self, context: &mut Context<'_>) {
        let recurring: Vec<_> = self
            .operations
            .iter()
            .filter(|(_, operation)| operation.interval.recurs())
            .map(|(key, _)| *key)
            .collect();
        for key in recurring {
            self.detach(key, context);
        }
        for key in self.operations.keys() {
            context.timers.clear(Timer::StartDelay(*key));
        }
        for run in self.runs.keys() {
            context.timers.clear(Timer::RunLimit(*run));
        }
        self.resources.clear();
        self.operations.clear();
        self.slots.clear();
        self.stirred.clear();
        self.due.clear();
    }
}
