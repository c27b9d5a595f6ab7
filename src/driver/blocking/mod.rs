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

#[cfg(feature = "agents")]
mod agents;
#[cfg(feature = "agents")]
mod bus;
mod check;
mod client;
mod dial;
mod failure;
#[cfg(feature = "agents")]
mod run;
mod target;
#[cfg(feature = "agents")]
mod units;

#[cfg(feature = "agents")]
pub use crate::agents::discovery::NoMetadata;
#[cfg(feature = "agents")]
pub use crate::agents::{Explained, Explanation, Shown, ShownValue, UnitAction, UnitPlan};
#[cfg(feature = "agents")]
pub use agents::NodeAgents;
pub use check::{Step, check};
pub use client::Client;
pub use failure::{Failure, Layer};
#[cfg(feature = "agents")]
pub use run::output_of;
pub use target::Target;
