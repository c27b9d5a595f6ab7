// SPDX-License-Identifier: LGPL-2.1-or-later
//! The protocol and the executor as state machines: inputs and the time in, effects out. Pure.
#![forbid(unsafe_code)]
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::panic
)]

mod alerts;
mod client;
mod completion;
mod context;
mod effect;
mod executor;
mod fencing;
mod input;
mod operation;
mod peers;
mod pending;
mod proxy;
mod queue;
mod recurring;
mod requests;
mod server;
mod shutdown;
#[cfg(test)]
mod testing;
mod timers;

pub use client::{
    Client, ClientCarrier, ClientError, ClientOutput, ClientSettings, FromServer, Outgoing, REMOTE_LIMIT,
    RequestId,
};
pub use effect::{Effect, Relay};
pub use server::{DaemonKind, Server, Settings};

/// How urgent a line in the log is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "the names are syslog's own")]
pub enum LogLevel {
    Error,
    Warning,
    Notice,
    Info,
    Debug,
}

pub use input::{Input, PeerId, PeerKind, RequestToken, RunId};
