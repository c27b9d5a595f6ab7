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
mod budget;
mod chores;
mod client;
mod client_error;
mod commands;
mod completion;
mod context;
mod effect;
mod executor;
mod fencing;
mod held;
mod history;
mod input;
mod log_level;
mod look;
mod operation;
mod operation_key;
mod operations;
mod peers;
mod pending;
mod proxy;
mod recent;
mod refusal;
mod registration;
mod registrations;
mod requests;
mod resources;
mod server;
mod settings;
mod shutdown;
mod slots;
mod tally;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod timers;
mod times;
mod view;

pub use client::{
    Client, ClientCarrier, ClientOutput, ClientSettings, FromServer, Outgoing, REMOTE_LIMIT, RequestId,
};
pub use client_error::ClientError;
pub use commands::Commands;
pub use effect::{Audience, Effect, Relay};
pub use input::{Input, PeerId, PeerKind, RequestToken, RunId};
pub use log_level::LogLevel;
pub use resources::{Answer, Asker};
pub use server::Server;
pub use settings::{DaemonKind, Settings};
pub use view::{
    ClientKind, ClientView, Headcount, LastResult, LatestResult, OperationView, ResourceView, Stage, Summary,
};
