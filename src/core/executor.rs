// SPDX-License-Identifier: LGPL-2.1-or-later
//! The executor: which resources are registered, and what may be asked about them.
//! How operations run is in [`super::queue`], how they repeat and end early in [`super::recurring`].
use super::context::Context;
use super::operation::{Operation, OperationKey, State};
use super::queue::{Run, Slot};
use super::timers::Timer;
use super::{LogLevel, PeerId, RunId};
use crate::model::{
    Agent, CallId, DeviceState, Execute, RecurringOperation, Resource, ResourceId, ResourceOperations, errno,
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
    /// Of a fence device.
    pub(super) device: DeviceState,
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
    /// Is there a fencer on this node? Elsewhere fence devices are refused like any agent that cannot run.
    pub(super) fences: bool,
    last_key: u64,
}

impl Executor {
    /// Without resources. `fences`: there is a fencer on this node.
    pub(super) fn new(fences: bool) -> Self {
        Self { fences, ..Self::default() }
    }

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
            device: DeviceState::default(),
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

#[cfg(test)]
mod tests {
    use crate::core::testing::{Bench, agent, cancel, execute, operation, register, unregister};
    use crate::core::{DaemonKind, Effect, Input, PeerId, RequestToken};
    use crate::model::{Request, RequestMessage, ResourceId};

    #[test]
    fn registering_is_answered_then_told_to_all_named() {
        let mut bench = Bench::remoted();
        bench.remote(1);
        bench.remote(2);
        let expected = ["reply 1 0", "tell 1,2 registered r1 0"];
        assert_eq!(bench.ask(1, register("r1")), expected);
        assert_eq!(bench.ask(1, register("r1")), expected, "the same again changes nothing");
        let info = Request::ResourceInfo(Some(ResourceId::new("r1")));
        assert_eq!(bench.ask(2, info), ["reply 2 0 r1 ocf:heartbeat:Dummy"]);
    }

    #[test]
    fn registering_without_a_name_is_refused() {
        let mut bench = Bench::remoted();
        bench.remote(1);
        let request =
            Request::RegisterResource { resource_id: None, agent: agent("x"), drop_recurring: false };
        assert_eq!(bench.ask(1, request), ["reply 1 -22"]);
    }

    #[test]
    fn the_same_agent_in_other_letters_replaces_nothing() {
        let mut bench = Bench::with_r1();
        bench.ask(1, execute("r1", "monitor", 100));
        bench.exits(1, 0);
        let again = |name| Request::RegisterResource {
            resource_id: Some(ResourceId::new("r1")),
            agent: agent(name),
            drop_recurring: false,
        };
        assert_eq!(bench.ask(1, again("dummy")).len(), 2);
        assert_eq!(
            bench.ask(1, again("Other")),
            ["reply 1 0", "tell 1 r1 monitor/100 #3 0 Cancelled deleted=1", "tell 1 registered r1 0"]
        );
    }

    #[test]
    fn a_one_shot_outlives_its_resource_and_keeps_the_slot() {
        for replace in [false, true] {
            let mut bench = Bench::with_r1();
            bench.ask(1, execute("r1", "start", 0));
            bench.ask(1, execute("r1", "monitor", 0));
            let cancelled = "tell 1 r1 monitor/0 #4 0 Cancelled deleted=1";
            if replace {
                let request = Request::RegisterResource {
                    resource_id: Some(ResourceId::new("r1")),
                    agent: agent("Other"),
                    drop_recurring: false,
                };
                assert_eq!(bench.ask(1, request), ["reply 1 0", cancelled, "tell 1 registered r1 0"]);
            } else {
                let expected = ["reply 1 -115", cancelled, "tell 1 unregistered r1 -115"];
                assert_eq!(bench.ask(1, unregister("r1")), expected);
                bench.ask(1, register("r1"));
            }
            assert!(bench.ask(1, execute("r1", "stop", 0)).iter().all(|line| !line.starts_with("run")));
            bench.pass(2000);
            let lines = bench.exits(1, 0);
            assert_eq!(lines[0], "tell 1 r1 start/0 #3 0 Done deleted=1 exec=2000");
            assert_eq!(lines[1], "run 2 r1 stop/0");
        }
    }

    #[test]
    fn unregistering_answers_by_what_is_there() {
        let mut bench = Bench::with_r1();
        assert_eq!(bench.ask(1, Request::UnregisterResource(None)), ["reply 1 -19"]);
        assert_eq!(bench.ask(1, unregister("r9")), ["reply 1 0", "tell 1 unregistered r9 0"]);
        assert_eq!(bench.ask(1, unregister("r1")), ["reply 1 0", "tell 1 unregistered r1 0"]);
        assert_eq!(bench.ask(1, execute("r1", "start", 0)), ["reply 1 -19"]);
        assert_eq!(bench.ask(1, cancel("r1", "monitor", 1)), ["reply 1 -19"]);
    }

    #[test]
    fn what_is_not_known_is_refused() {
        let mut bench = Bench::with_r1();
        assert_eq!(bench.ask(1, Request::ResourceInfo(None)), ["reply 1 -19"]);
        let unknown = Some(ResourceId::new("r9"));
        assert_eq!(bench.ask(1, Request::ResourceInfo(unknown.clone())), ["reply 1 -19"]);
        assert_eq!(bench.ask(1, Request::RecurringOperations(unknown)), ["reply 1 -19"]);
        let mut nameless = operation("r1", "start", 0);
        nameless.resource_id = None;
        assert_eq!(bench.ask(1, Request::Execute(Box::new(nameless))), ["reply 1 -22"]);
    }

    #[test]
    fn recurring_operations_are_listed_once_they_have_begun() {
        let mut bench = Bench::with_r1();
        bench.ask(1, register("r2"));
        bench.ask(1, execute("r1", "start", 0));
        bench.ask(1, execute("r1", "monitor", 100));
        let all = Request::RecurringOperations(None);
        assert_eq!(bench.ask(1, all.clone()), ["reply 1 0 r1: r2:"], "still queued");
        bench.exits(1, 0);
        assert_eq!(bench.ask(1, all), ["reply 1 0 r1:monitor/100/0; r2:"]);
        let one = Request::RecurringOperations(Some(ResourceId::new("r2")));
        assert_eq!(bench.ask(1, one), ["reply 1 0 r2:"]);
    }

    #[test]
    fn who_leaves_takes_its_recurring_operations_along() {
        let mut bench = Bench::with_r1();
        let keep = Request::RegisterResource {
            resource_id: Some(ResourceId::new("keep")),
            agent: agent("Dummy"),
            drop_recurring: false,
        };
        bench.ask(1, keep);
        bench.local(2, true);
        for (peer, id, interval, run) in [(2, "r1", 100, 1), (2, "keep", 100, 2), (1, "r1", 200, 3)] {
            bench.ask(peer, execute(id, "monitor", interval));
            bench.exits(run, 0);
        }
        assert_eq!(bench.gone(2), ["tell 1 r1 monitor/100 #5 0 Cancelled"], "a local client: only its own");
        bench.remote(3);
        assert!(bench.gone(1).is_empty(), "a remote client, but not the last");
        assert!(bench.gone(3).is_empty(), "the last, but nobody is left to be told");
        bench.remote(4);
        let all = Request::RecurringOperations(None);
        assert_eq!(bench.ask(4, all), ["reply 4 0 keep:monitor/100/0; r1:"]);
    }

    #[test]
    fn local_clients_count_when_the_last_remote_one_leaves() {
        let mut bench = Bench::with_r1();
        bench.local(2, false);
        bench.ask(1, execute("r1", "monitor", 100));
        bench.exits(1, 0);
        assert!(bench.gone(1).is_empty());
        assert_eq!(bench.pass(100), ["run 2 r1 monitor/100"]);
    }

    #[test]
    fn there_is_an_end_to_what_one_may_queue() {
        let mut bench = Bench::new(DaemonKind::Execd);
        bench.remote(1);
        bench.ask(1, register("r1"));
        let mut last = Vec::new();
        for _ in 0..=super::MOST_OPERATIONS {
            let request = execute("r1", "start", 0);
            let incoming = RequestMessage { client_name: None, options: 0, request };
            last = bench.raw(Input::Request { peer: PeerId(1), token: RequestToken(0), incoming });
        }
        assert!(matches!(last.as_slice(), [Effect::Reply { reply, .. }] if reply.rc == -7), "{last:?}");
    }
}
