// SPDX-License-Identifier: LGPL-2.1-or-later
//! One operation of the executor, from request to (last) result.
use super::{PeerId, RunId};
use crate::model::{
    CallId, ExecStatus, Execute, Execution, Interval, KillScope, Millis, Moment, Notify, Now, OcfExit,
    Params, Resource,
};
use std::sync::Arc;

/// The executor's own number for an operation; never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct OperationKey(pub(super) u64);

/// Where an operation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// In the queue of its resource. `delayed`: its start delay has not passed.
    Queued {
        /// May it not start yet?
        delayed: bool,
    },
    /// Due, but another run of the same resource is in flight.
    Blocked,
    /// In flight.
    Running(RunId),
    /// Recurring, and waiting for its interval to pass.
    Resting,
    /// Recurring, but its agent could not even be prepared: kept, not repeated.
    Dormant,
}

/// An accepted operation.
#[derive(Debug)]
pub(super) struct Operation {
    pub(super) resource: Arc<Resource>,
    /// Who asked first; a merged duplicate does not change it.
    pub(super) owner: PeerId,
    pub(super) call_id: CallId,
    pub(super) user_data: Option<String>,
    pub(super) action: Arc<str>,
    pub(super) interval: Interval,
    pub(super) timeout: Millis,
    pub(super) start_delay: Millis,
    pub(super) params: Arc<Params>,
    pub(super) notify: Notify,
    pub(super) state: State,
    /// Was the resource unregistered or replaced meanwhile?
    pub(super) resource_deleted: bool,
    /// Arrival; None from the second run of a recurring operation on.
    pub(super) queued_at: Option<Moment>,
    /// First start; None before it, and from the second run of a recurring operation on.
    pub(super) started_at: Option<Now>,
    /// When the exit code last changed, seconds since the epoch; 0: never.
    pub(super) rc_change_s: u64,
    /// Exit of the last run, translated; 0 before the first.
    pub(super) last_exit: OcfExit,
    /// What was last told of this operation; None: nothing since it was requested or merged.
    pub(super) last_told: Option<(OcfExit, ExecStatus)>,
    /// Since when every run of it has found the resource in transition; None: the last one did not.
    pub(super) pending_since: Option<Moment>,
    /// Does it look again at a resource that a probe found in transition? See [`super::pending`].
    pub(super) following_up: bool,
}

impl Operation {
    pub(super) fn new(
        request: Execute,
        resource: Arc<Resource>,
        owner: PeerId,
        call_id: CallId,
        now: Now,
    ) -> Self {
        Self {
            resource,
            owner,
            call_id,
            user_data: request.user_data,
            action: request.action,
            interval: request.interval,
            timeout: request.timeout,
            start_delay: request.start_delay,
            params: request.params,
            notify: request.notify,
            state: State::Queued { delayed: request.start_delay > Millis(0) },
            resource_deleted: false,
            queued_at: Some(now.mono),
            started_at: None,
            rc_change_s: 0,
            last_exit: OcfExit::OK,
            last_told: None,
            pending_since: None,
            following_up: false,
        }
    }

    /// Is this what a request for `action` at `interval` means?
    pub(super) fn matches(&self, action: &str, interval: Interval) -> bool {
        self.interval == interval && self.action.eq_ignore_ascii_case(action)
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
}
