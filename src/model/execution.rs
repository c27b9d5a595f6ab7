// SPDX-License-Identifier: LGPL-2.1-or-later
//! What the executor core asks a driver to run.
use super::{Agent, Interval, Millis, Params, ResourceId};
use std::sync::Arc;

/// One run of one action of a resource.
#[derive(Clone, Debug)]
pub struct Execution {
    /// The resource, as registered.
    pub resource_id: ResourceId,
    /// The agent, as registered.
    pub agent: Agent,
    /// The action as requested (`monitor`, even where the agent's standard calls it `status`).
    pub action: Arc<str>,
    /// Zero for an operation that does not recur.
    pub interval: Interval,
    /// Limit of the run, for words only: the core keeps the time and orders the kill. Zero: none.
    pub timeout: Millis,
    /// Parameters, meta-attributes included.
    pub params: Arc<Params>,
}

/// How much a kill takes along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KillScope {
    /// The agent and everything in its process group.
    Group,
    /// The agent's own process alone (`on-fail=block`: the administrator looks into the rest).
    Process,
}

/// An alert to be run once.
#[derive(Clone, Debug)]
pub struct Alert {
    /// The alert's name in the configuration.
    pub id: String,
    /// Program to run.
    pub path: String,
    /// Limit of the run; zero: none.
    pub timeout: Millis,
    /// Environment of the alert, verbatim.
    pub params: Params,
    /// Running number of the alert on this node, from 1.
    pub sequence: u32,
}
