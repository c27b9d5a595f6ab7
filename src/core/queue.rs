// SPDX-License-Identifier: LGPL-2.1-or-later
//! Whose turn it is. Two gates lie between an operation and its run:
//! the queue of its resource (first runs only, strictly in order, a start delay holds up what follows), and
//! the slot of the resource's name (every run, one at a time, those that come too early are blocked in order).
use super::context::Context;
use super::executor::Executor;
use super::operation::{OperationKey, State};
use super::timers::Timer;
use super::{Effect, RunId, fencing};
use crate::model::{KillScope, Millis, ResourceId, RunResult};
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
    /// What it is for; no longer known once that was cancelled.
    pub(super) operation: OperationKey,
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
        operation.started_at.get_or_insert(context.now);
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
        self.runs.insert(run, Run { resource_id, operation: key, killed: false, scope });
        let limit_from = operation.limit_from(context.now.mono);
        let execution = Box::new(operation.execution());
        let (timeout, effect) = match self.device_of(&execution) {
            Some(device) => (fencing::limit(execution.timeout), Effect::Fence { run, execution, device }),
            None => (execution.timeout, Effect::Run { run, execution }),
        };
        if timeout > Millis(0) {
            context.timers.set(Timer::RunLimit(run), limit_from.after(timeout));
        }
        context.emit(effect);
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
        result: RunResult,
        context: &mut Context<'_>,
    ) -> Option<RunResult> {
        let Some(ended) = self.runs.remove(&run) else { return Some(result) };
        context.timers.clear(Timer::RunLimit(run));
        self.complete(ended.operation, result, ended.killed, context);
        self.release(&ended.resource_id, run, context);
        None
    }

    /// Reports a run and decides what becomes of its operation; nothing if that was cancelled.
    pub(super) fn complete(
        &mut self,
        key: OperationKey,
        result: RunResult,
        killed: bool,
        context: &mut Context<'_>,
    ) {
        let Some(operation) = self.operations.get_mut(&key) else { return };
        let unprepared = result.unprepared;
        let mut outcome = operation.record(result, killed, context.now);
        if operation.is_unsettled_probe(&outcome) {
            match operation.follow_up_delay(context.now.mono) {
                Some(delay) => return self.follow_up(key, delay, context),
                None => outcome = operation.still_pending(outcome),
            }
        }
        let exit = (outcome.exit, outcome.status);
        operation.tell(outcome, context);
        let id = operation.resource.id.clone();
        if let Some(entry) = self.resources.get_mut(&id) {
            fencing::remember(entry, &operation.action, exit);
        }
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

#[cfg(test)]
mod tests {
    use crate::core::testing::{Bench, cancel, execute, killed, operation, register};
    use crate::model::{Execute, Millis, Params, Request};
    use std::sync::Arc;

    fn with(id: &str, action: &str, interval: u32, change: impl FnOnce(&mut Execute)) -> Request {
        let mut execute = operation(id, action, interval);
        change(&mut execute);
        Request::Execute(Box::new(execute))
    }

    #[test]
    fn the_reply_comes_before_the_run_and_the_result_after() {
        let mut bench = Bench::with_r1();
        assert_eq!(bench.ask(1, execute("r1", "start", 0)), ["reply 1 3", "run 1 r1 start/0"]);
        bench.pass(1500);
        assert_eq!(bench.exits(1, 0), ["tell 1 r1 start/0 #3 0 Done exec=1500"]);
    }

    #[test]
    fn one_at_a_time_in_order_and_resources_apart() {
        let mut bench = Bench::with_r1();
        bench.ask(1, register("r2"));
        assert_eq!(bench.ask(1, execute("r1", "start", 0)), ["reply 1 4", "run 1 r1 start/0"]);
        assert_eq!(bench.ask(1, execute("r1", "monitor", 0)), ["reply 1 5"]);
        assert_eq!(bench.ask(1, execute("r1", "promote", 0)), ["reply 1 6"]);
        assert_eq!(bench.ask(1, execute("r2", "start", 0)), ["reply 1 7", "run 2 r2 start/0"]);
        bench.pass(10);
        assert_eq!(bench.exits(1, 0), ["tell 1 r1 start/0 #4 0 Done exec=10", "run 3 r1 monitor/0"]);
        let lines = bench.exits(3, 0);
        assert_eq!(lines, ["tell 1 r1 monitor/0 #5 0 Done queue=10", "run 4 r1 promote/0"]);
    }

    #[test]
    fn a_start_delay_holds_up_the_queue_and_counts_as_queueing() {
        let mut bench = Bench::with_r1();
        let delayed = with("r1", "start", 0, |op| op.start_delay = Millis(1500));
        assert_eq!(bench.ask(1, delayed), ["reply 1 3"]);
        assert_eq!(bench.ask(1, execute("r1", "monitor", 0)), ["reply 1 4"]);
        assert!(bench.pass(1499).is_empty());
        assert_eq!(bench.pass(1), ["run 1 r1 start/0"]);
        let expected = ["tell 1 r1 start/0 #3 0 Done run=1 queue=1500", "run 2 r1 monitor/0"];
        assert_eq!(bench.exits(1, 0), expected);
    }

    #[test]
    fn a_delay_runs_from_arrival_even_behind_others() {
        let mut bench = Bench::with_r1();
        bench.ask(1, execute("r1", "start", 0));
        bench.ask(1, with("r1", "monitor", 0, |op| op.start_delay = Millis(100)));
        bench.pass(100);
        assert_eq!(bench.exits(1, 0)[1], "run 2 r1 monitor/0");
    }

    #[test]
    fn a_cancelled_head_lets_the_next_one_run_after_the_reply() {
        let mut bench = Bench::with_r1();
        bench.ask(1, with("r1", "start", 0, |op| op.start_delay = Millis(100)));
        bench.ask(1, execute("r1", "monitor", 0));
        bench.pass(50);
        assert_eq!(
            bench.ask(1, cancel("r1", "START", 0)),
            ["reply 1 0", "tell 1 r1 start/0 #3 0 Cancelled", "run 1 r1 monitor/0"]
        );
        assert!(bench.pass(100).is_empty(), "its delay is forgotten");
    }

    #[test]
    fn too_long_a_run_is_killed_once_and_reported_as_timeout_when_it_is_gone() {
        let mut bench = Bench::with_r1();
        bench.ask(1, with("r1", "start", 0, |op| op.timeout = Millis(2000)));
        assert!(bench.pass(1999).is_empty());
        assert_eq!(bench.pass(1), ["kill 1 Group"]);
        assert!(bench.pass(60_000).is_empty());
        let mut result = killed();
        result.outcome.output = Some("text".into());
        let reason = "start did not complete within 2s and was killed; its process was gone only 1m later";
        assert_eq!(
            bench.ends(1, result),
            [format!("tell 1 r1 start/0 #3 1 Timeout change=62 exec=62000 why={reason:?} out=\"text\"")]
        );
    }

    #[test]
    fn a_timeout_says_what_came_before_the_run() {
        let mut bench = Bench::with_r1();
        bench.ask(1, execute("r1", "monitor", 0));
        bench.ask(
            1,
            with("r1", "start", 0, |op| {
                op.timeout = Millis(2000);
                op.start_delay = Millis(500);
            }),
        );
        bench.pass(1500);
        bench.exits(1, 0);
        bench.pass(2000);
        let reason = "start did not complete within 2s and was killed; before that it had waited 1.500s for its \
                      turn, of which 500ms are its start delay";
        let told = bench.ends(2, killed());
        assert!(told[0].contains(&format!("{reason:?}")), "{told:?}");
    }

    #[test]
    fn no_timeout_no_kill_and_an_early_end_disarms_it() {
        let mut bench = Bench::with_r1();
        bench.ask(1, execute("r1", "start", 0));
        assert!(bench.pass(1_000_000).is_empty());
        bench.exits(1, 0);
        bench.ask(1, with("r1", "stop", 0, |op| op.timeout = Millis(20)));
        bench.exits(2, 0);
        assert!(bench.pass(1000).is_empty());
    }

    #[test]
    fn with_on_fail_block_only_the_agent_dies() {
        for (policy, scope) in [("BLOCK", "Process"), ("restart", "Group")] {
            let mut bench = Bench::with_r1();
            let params = Params::from_iter([("CRM_meta_on_fail", policy)]);
            let request = with("r1", "start", 0, |op| {
                op.timeout = Millis(20);
                op.params = Arc::new(params);
            });
            bench.ask(1, request);
            assert_eq!(bench.pass(20), [format!("kill 1 {scope}")]);
        }
    }

    #[test]
    fn repeats_and_queued_operations_share_the_slot_in_order() {
        let mut bench = Bench::with_r1();
        for (run, interval) in [(1, 100), (2, 150)] {
            bench.ask(1, execute("r1", "monitor", interval));
            bench.exits(run, 0);
        }
        assert_eq!(bench.pass(100), ["run 3 r1 monitor/100"]);
        assert!(bench.pass(50).is_empty(), "the other is blocked");
        assert_eq!(bench.ask(1, execute("r1", "promote", 0)), ["reply 1 5"], "so is this, behind it");
        assert_eq!(bench.exits(3, 0)[1], "run 4 r1 monitor/150");
        assert_eq!(bench.exits(4, 0)[1], "run 5 r1 promote/0");
    }

    #[test]
    fn a_stray_end_of_a_run_is_ignored() {
        let mut bench = Bench::with_r1();
        assert!(bench.exits(99, 0).is_empty());
    }
}
