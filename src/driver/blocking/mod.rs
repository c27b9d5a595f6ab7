// SPDX-License-Identifier: LGPL-2.1-or-later
//! What tools use: it waits, under poll(2). A client with one connection to a remote node's executor, and the
//! agents of the node on which we run.
//!
//! * `target`: where the node is and what proves who we are.
//! * `dial`: name, TCP, key.
//! * `client`: TLS, sign-on, calls, notifications.
//! * `check`: the same way step by step, stopping before it is noticed.
//! * `failure`: which layer failed, and what to do about it.
//! * `agents`: this node's agents. `run`: a process, to its end. `units`, `bus`: questions to systemd.
#![allow(clippy::disallowed_methods, reason = "a driver: it reads the clock")]

mod agents;
mod bus;
mod check;
mod client;
mod dial;
mod failure;
mod run;
mod target;
mod units;

pub use crate::agents::discovery::NoMetadata;
pub use crate::agents::{Explained, Explanation, Shown, ShownValue, UnitAction, UnitPlan};
pub use agents::NodeAgents;
pub use check::{Step, check};
pub use client::Client;
pub use failure::{Failure, Layer};
pub use run::output_of;
pub use target::Target;
