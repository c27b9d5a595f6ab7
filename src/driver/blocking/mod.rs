// SPDX-License-Identifier: LGPL-2.1-or-later
//! For programs that wait, under poll(2): a client with one connection to an executor, and the agents of the node on
//! which we run.
//!
//! * `target`: where a remote node is and what proves who we are.
//! * `client`: [`driver::client`](super::client), waited for: calls and notifications.
//! * `check`: the way to a remote node step by step, stopping before it is noticed.
//! * `agents`: this node's agents. `run`: a process, to its end. `units`, `bus`: questions to systemd.
#![allow(clippy::disallowed_methods, reason = "a driver: it reads the clock")]

mod agents;
mod bus;
mod check;
mod client;
mod run;
mod target;
mod units;

pub use crate::agents::discovery::NoMetadata;
pub use crate::agents::{Explained, Explanation, Shown, ShownValue, UnitAction, UnitPlan};
pub use crate::driver::client::{CallProblem, ClientError, KeyProblem, Problem, Stage};
pub use crate::model::site::REMOTE_PORT;
pub use agents::NodeAgents;
pub use check::{Step, check};
pub use client::Client;
pub use run::output_of;
pub use target::Target;
