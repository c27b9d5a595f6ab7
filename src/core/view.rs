// SPDX-License-Identifier: LGPL-2.1-or-later
//! What can be looked at from outside without changing anything: clients, counters, and resources page by page.
use super::PeerId;
use crate::model::{
    Agent, CallId, ClientId, ExecStatus, Interval, Millis, Moment, Now, OcfExit, Resource, ResourceId,
};
use std::sync::Arc;

/// How a client of the executor reached it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientKind {
    /// Over TLS.
    Remote,
    /// Over local IPC, as root or the cluster's user.
    Local,
    /// Over local IPC, as a user who may sign on and no more.
    Unprivileged,
}

/// A client of the executor.
#[derive(Clone, Debug)]
pub struct ClientView {
    /// Its connection.
    pub peer: PeerId,
    /// Its identity on the wire.
    pub client_id: ClientId,
    /// What it calls itself, shortened, if it has said so.
    pub name: Option<Box<str>>,
    /// How it reached the executor.
    pub kind: ClientKind,
    /// When it was connected.
    pub since: Now,
    /// Does it carry messages of local clients, as the connection of a cluster's controller does?
    pub is_provider: bool,
}

/// How much of everything there is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Clients of the executor.
    pub clients: usize,
    /// Local clients whose messages a provider carries.
    pub proxied: usize,
    /// Registered resources.
    pub resources: usize,
    /// Accepted operations that are not over: queued, in flight or recurring.
    pub operations: usize,
    /// Runs of operations in flight.
    pub in_flight: usize,
    /// Alerts in flight.
    pub alerts: usize,
    /// Bytes that names and parameters hold.
    pub parameter_bytes: usize,
    /// Has the way out begun?
    pub is_shutting_down: bool,
    /// How many results there were, by execution status and exit code.
    pub results: Vec<(ExecStatus, OcfExit, u64)>,
    /// How many requests were refused, by reason.
    pub refusals: Vec<(&'static str, u64)>,
}

/// What changes seldom of a [`Summary`], and costs nothing to look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Headcount {
    /// Clients of the executor.
    pub clients: usize,
    /// Registered resources.
    pub resources: usize,
    /// Has the way out begun?
    pub is_shutting_down: bool,
}

/// Where an operation stands. Times are what the monotonic clock showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// It waits for its turn among the first runs of its resource; a start delay passes at this moment.
    Queued(Moment),
    /// It is due since then, and waits for another run of the same resource to end.
    Blocked(Moment),
    /// It runs since then.
    Running(Moment),
    /// It recurs, and is due then.
    Resting(Moment),
    /// It recurs, but is not repeated, since its agent could not be prepared.
    Dormant,
}

/// A result. Of one operation, without its reason; of a resource, with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastResult {
    /// Exit code as it was told.
    pub exit: OcfExit,
    /// Execution status as it was told.
    pub status: ExecStatus,
    /// When the run ended, in seconds since 1970.
    pub ended_s: u64,
}

/// The latest result of a resource, and of which operation it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LatestResult {
    /// The action.
    pub action: Arc<str>,
    /// Its interval.
    pub interval: Interval,
    /// Its number.
    pub call_id: CallId,
    /// The result.
    pub result: LastResult,
    /// Why, shortened.
    pub reason: Option<Box<str>>,
    /// How much later than due the run began.
    pub lateness: Millis,
}

/// An operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperationView {
    /// The action.
    pub action: Arc<str>,
    /// Zero: it does not recur.
    pub interval: Interval,
    /// Zero: none.
    pub timeout: Millis,
    /// The number that its results bear.
    pub call_id: CallId,
    /// Where it stands.
    pub stage: Stage,
    /// The result of its latest run.
    pub last: Option<LastResult>,
    /// How much later than due its latest run began.
    pub lateness: Option<Millis>,
}

/// A resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceView {
    /// Name and agent.
    pub resource: Arc<Resource>,
    /// Its operations in the order of their turns.
    pub operations: Vec<OperationView>,
    /// How many more there are.
    pub more_operations: usize,
    /// The latest result.
    pub latest: Option<LatestResult>,
}

impl ResourceView {
    /// The name.
    pub fn id(&self) -> &ResourceId {
        &self.resource.id
    }

    /// The agent.
    pub fn agent(&self) -> &Agent {
        &self.resource.agent
    }
}

/// What peers and agents say may be megabytes: its beginning.
pub(super) fn shortened(text: &str) -> Box<str> {
    const MOST: usize = 200;
    if text.len() <= MOST {
        return text.into();
    }
    let end = (0..=MOST).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    format!("{}...", text.get(..end).unwrap_or_default()).into()
}
