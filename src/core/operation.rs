// SPDX-License-Identifier: LGPL-2.1-or-later
//! One operation of the executor, from request to (last) result.
use super::budget::{Budget, Charge};
use super::completion::{explain_phases, level_of, timed_out};
use super::context::Context;
use super::history::History;
use super::operation_key::OperationName;
use super::pending::{Pending, undecided};
use super::recent::Recent;
use super::refusal::Refusal;
use super::registration::Registration;
use super::slots::Turn;
use super::times::Times;
use super::view::{LatestResult, OperationView, Stage};
use super::{Audience, PeerId, RunId, fencing};
use crate::model::{
    CallId, Completion, DeviceState, ExecStatus, Execute, Execution, Interval, KillScope, Millis, Moment,
    Notification, Notify, Now, OcfExit, Outcome, Params, RecurringOperation, Resource, ResourceId, RunResult,
};
use std::sync::Arc;

/// Where an operation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// In the queue of its resource. `delayed`: it may not start yet.
    Queued { delayed: bool },
    /// Due, but another run of the same resource is in flight.
    Blocked(Turn),
    /// In flight.
    Running(RunId),
    /// Recurring, and waiting for its interval to pass.
    Resting,
    /// Recurring, but its agent could not even be prepared: kept, not repeated.
    Dormant,
}

/// What becomes of an operation after a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum After {
    /// Nothing was told: it is to be queued again, and to begin after this time.
    LookAgain(Millis),
    /// It is over.
    Over,
    /// It is to run again after this time.
    Rest(Interval),
    /// It is kept, but not repeated.
    Dormant,
}

/// An accepted operation.
#[derive(Debug)]
pub(super) struct Operation {
    resource: Arc<Resource>,
    /// The client that asked first; a merged duplicate does not change it.
    owner: PeerId,
    /// Has a provider asked for it? Only then do providers hear of it: a controller takes each result for one of the
    /// cluster's own and writes it into its configuration, and fails when there are many.
    of_cluster: bool,
    /// For its texts and parameters.
    charge: Charge,
    /// Does it end when its owner leaves?
    ends_with_owner: bool,
    call_id: CallId,
    user_data: Option<String>,
    action: Arc<str>,
    interval: Interval,
    timeout: Millis,
    start_delay: Millis,
    params: Arc<Params>,
    notify: Notify,
    state: State,
    /// Was the resource unregistered or replaced meanwhile?
    resource_deleted: bool,
    times: Times,
    history: History,
    pending: Pending,
    recent: Recent,
}

impl Operation {
    pub(super) fn new(
        request: Execute,
        registration: &Registration,
        owner: PeerId,
        charge: Charge,
        call_id: CallId,
        now: Now,
    ) -> Self {
        Self {
            resource: registration.resource().clone(),
            owner,
            of_cluster: false,
            charge,
            ends_with_owner: request.interval.recurs() && registration.drops_recurring(),
            call_id,
            user_data: request.user_data,
            action: request.action,
            interval: request.interval,
            timeout: request.timeout,
            start_delay: request.start_delay,
            params: request.params,
            notify: request.notify,
            state: State::Queued { delayed: request.start_delay > Millis(0) },
            recent: Recent::due_after(now, request.start_delay),
            resource_deleted: false,
            times: Times::arrived(now),
            history: History::default(),
            pending: Pending::default(),
        }
    }

    pub(super) const fn state(&self) -> State {
        self.state
    }

    pub(super) const fn charge(&self) -> &Charge {
        &self.charge
    }

    /// Counts the user data that is to take the place of its own.
    ///
    /// # Errors
    /// There is no room for it.
    pub(super) fn charge_user_data(&mut self, new: Option<&str>, budget: &mut Budget) -> Result<(), Refusal> {
        let length = |text: Option<&str>| text.map_or(0, str::len);
        budget.change(&mut self.charge, length(self.user_data.as_deref()), length(new))
    }

    pub(super) fn resource_id(&self) -> &ResourceId {
        &self.resource.id
    }

    pub(super) fn name(&self) -> OperationName {
        OperationName::new(&self.action, self.interval)
    }

    pub(super) const fn recurs(&self) -> bool {
        self.interval.recurs()
    }

    pub(super) const fn start_delay(&self) -> Millis {
        self.start_delay
    }

    pub(super) const fn owner(&self) -> PeerId {
        self.owner
    }

    /// This client has asked for it, too.
    pub(super) fn asked_by(&mut self, peer: PeerId, context: &Context) {
        self.of_cluster |= context.peers().provides(peer);
    }

    /// The client whose leaving ends it, if one's does.
    pub(super) fn ends_with(&self) -> Option<PeerId> {
        self.ends_with_owner.then_some(self.owner)
    }

    /// Is it neither in flight nor about to be?
    pub(super) const fn is_waiting(&self) -> bool {
        matches!(self.state, State::Queued { .. } | State::Resting)
    }

    /// Its start delay has passed.
    pub(super) const fn delay_passed(&mut self) {
        self.state = State::Queued { delayed: false };
    }

    /// It leaves the queue, for its first run.
    pub(super) fn leave_queue(&mut self, now: Now) {
        self.times.begin(now);
    }

    /// Another run of its resource is in flight.
    pub(super) const fn block(&mut self, turn: Turn) {
        self.state = State::Blocked(turn);
    }

    /// It is in flight.
    pub(super) fn begin(&mut self, run: RunId, now: Now) {
        self.state = State::Running(run);
        self.recent.begin(now.mono);
    }

    /// The run that it waited for has begun, at `since`; when its limit is over, if it has one.
    pub(super) fn started(&mut self, since: Moment, now: Now) -> Option<Moment> {
        self.recent.begin(since);
        if !self.pending.is_looking_again() {
            self.times.begin_late(since, now);
        }
        (self.timeout > Millis(0)).then(|| self.limit_from(since).after(self.timeout))
    }

    /// Its resource is not known any longer.
    pub(super) const fn resource_deleted(&mut self) {
        self.resource_deleted = true;
    }

    /// It takes the number and the user data of a second request for the same, whose result is told in any case; true
    /// when it would not run soon by itself.
    pub(super) fn merge(&mut self, call_id: CallId, user_data: Option<String>, now: Now) -> bool {
        self.call_id = call_id;
        self.user_data = user_data;
        self.history.forget_what_was_told();
        let is_idle = matches!(self.state, State::Resting | State::Dormant);
        if is_idle {
            self.recent.rest(now, Millis(0));
        }
        is_idle
    }

    /// Reports a run and says what comes next. `killed`: because its time was up.
    pub(super) fn ended(&mut self, result: RunResult, killed: bool, context: &mut Context) -> After {
        let unprepared = result.unprepared;
        let mut outcome = self.judge(result, killed, context.now());
        if self.is_undecided_probe(&outcome) {
            let spent = self.times.ran(context.now().mono);
            if let Some(delay) = self.pending.look_again(self.timeout, spent) {
                self.state = State::Queued { delayed: true };
                self.recent.rest(context.now(), delay);
                return After::LookAgain(delay);
            }
            outcome = undecided(&self.action, self.timeout, outcome);
        }
        self.recent.end(&outcome, context.now());
        context.tally_mut().ended(&outcome);
        self.tell(outcome, context);
        if !self.interval.recurs() {
            return After::Over;
        }
        self.times.forget();
        if unprepared {
            self.state = State::Dormant;
            return After::Dormant;
        }
        self.state = State::Resting;
        self.recent.rest(context.now(), self.interval.into());
        After::Rest(self.interval)
    }

    /// Reports that it was cancelled, with the exit of its last run if it was at rest.
    pub(super) fn cancelled(mut self, context: &mut Context) {
        let exit = match self.state {
            State::Resting | State::Dormant => self.history.last_exit(),
            State::Queued { .. } | State::Blocked(_) | State::Running(_) => OcfExit::OK,
        };
        let outcome = Outcome::new(exit, ExecStatus::Cancelled);
        context.tally_mut().ended(&outcome);
        self.tell(outcome, context);
    }

    /// What the last result says about a fence device.
    pub(super) fn device_change(&self) -> Option<DeviceState> {
        fencing::device_after(&self.action, self.history.last_told()?)
    }

    /// Takes in how a run ended and says what to report.
    fn judge(&mut self, result: RunResult, killed: bool, now: Now) -> Outcome {
        let unprepared = result.unprepared;
        let exit = result.raw_exit.unwrap_or(result.outcome.exit.0);
        let pending = result.outcome.status == ExecStatus::Pending;
        let overdue = |spent| self.timeout > Millis(0) && spent >= self.timeout;
        let (outcome, exit) = if killed {
            let mut outcome = timed_out(&self.action, self.timeout, result);
            explain_phases(&mut outcome, &self.times, (self.timeout, self.start_delay), now);
            (outcome, OcfExit::ERROR.0)
        } else if self.pending.found(pending && self.interval.recurs(), now.mono).is_some_and(overdue) {
            (undecided(&self.action, self.timeout, result.outcome), OcfExit::ERROR.0)
        } else {
            (result.outcome, exit)
        };
        self.history.record(exit, outcome.exit, unprepared, now.epoch_s);
        outcome
    }

    /// Is this the result of a probe that has to look again? Not if its resource is gone: what it would look at is
    /// not known then.
    fn is_undecided_probe(&self, outcome: &Outcome) -> bool {
        let looks = ["monitor", "status"].iter().any(|action| self.action.eq_ignore_ascii_case(action));
        outcome.status == ExecStatus::Pending && looks && !self.interval.recurs() && !self.resource_deleted
    }

    /// Tells the clients that are to hear of it.
    fn tell(&mut self, outcome: Outcome, context: &mut Context) {
        let news = self.history.tell(&outcome);
        if self.notify.changes_only && !news {
            return;
        }
        if !self.interval.recurs() || news {
            context.log(level_of(&outcome), || self.describe_result(&outcome));
        }
        let audience = match self.notify.origin_only {
            true => Audience::Only(self.owner),
            false if self.of_cluster => Audience::Named,
            false => Audience::NamedOthers,
        };
        if context.has_receivers(&audience) {
            let completion = self.completion(outcome, context.now());
            context.notify(audience, Notification::Completed(Box::new(completion)));
        }
    }

    fn completion(&self, outcome: Outcome, now: Now) -> Completion {
        Completion {
            call_id: self.call_id,
            resource_id: self.resource.id.clone(),
            action: self.action.clone(),
            interval: self.interval,
            timeout: self.timeout,
            start_delay: self.start_delay,
            user_data: self.user_data.clone(),
            outcome,
            resource_deleted: self.resource_deleted,
            run_time_s: self.times.began_s(),
            rc_change_s: self.history.rc_change_s(),
            exec_time: self.times.ran(now.mono),
            queue_time: self.times.waited(),
            params: self.params.clone(),
        }
    }

    fn describe_result(&self, outcome: &Outcome) -> String {
        let mut text = format!(
            "resource {} action {} interval {} call {}: exit {}, {:?}",
            self.resource.id, self.action, self.interval, self.call_id, outcome.exit.0, outcome.status
        );
        if let Some(reason) = &outcome.reason {
            text.push_str(": ");
            text.push_str(reason);
        }
        text
    }

    /// From when on the limit of a run that begins `now` counts: a second look of a probe has only the time
    /// that the first ones left.
    pub(super) fn limit_from(&self, now: Moment) -> Moment {
        if self.pending.is_looking_again() { self.times.began_at().unwrap_or(now) } else { now }
    }

    /// What a kill of this operation takes along: with `on-fail=block` the administrator wants to look at
    /// what the agent started, so only the agent dies.
    pub(super) fn kill_scope(&self) -> KillScope {
        match self.params.get("CRM_meta_on_fail") {
            Some(policy) if policy.eq_ignore_ascii_case("block") => KillScope::Process,
            _ => KillScope::Group,
        }
    }

    /// The order for a driver.
    pub(super) fn execution(&self) -> Execution {
        Execution {
            resource_id: self.resource.id.clone(),
            agent: self.resource.agent.clone(),
            action: self.action.clone(),
            interval: self.interval,
            timeout: self.timeout,
            params: self.params.clone(),
        }
    }

    const fn stage(&self) -> Stage {
        match self.state {
            State::Queued { .. } => Stage::Queued(self.recent.due()),
            State::Blocked(_) => Stage::Blocked(self.recent.due()),
            State::Running(_) => Stage::Running(self.recent.began()),
            State::Resting => Stage::Resting(self.recent.due()),
            State::Dormant => Stage::Dormant,
        }
    }

    /// As those see it who look.
    pub(super) fn view(&self) -> OperationView {
        OperationView {
            action: self.action.clone(),
            interval: self.interval,
            timeout: self.timeout,
            call_id: self.call_id,
            stage: self.stage(),
            last: self.recent.last().cloned(),
            lateness: self.recent.lateness(),
        }
    }

    /// The result of the run that has just ended, whose reason is handed over.
    pub(super) fn latest(&mut self) -> Option<LatestResult> {
        Some(LatestResult {
            reason: self.recent.take_reason(),
            action: self.action.clone(),
            interval: self.interval,
            call_id: self.call_id,
            result: self.recent.last()?.clone(),
            lateness: self.recent.lateness().unwrap_or(Millis(0)),
        })
    }

    /// As listings of recurring operations show it.
    pub(super) fn describe(&self) -> RecurringOperation {
        RecurringOperation { action: self.action.clone(), interval: self.interval, timeout: self.timeout }
    }
}
