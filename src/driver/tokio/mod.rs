// SPDX-License-Identifier: LGPL-2.1-or-later
//! The daemons' driver: one thread, one owner of the core, nothing that blocks.
//!
//! [`Hub`] owns the core and carries out its effects. Everything that happens (a message, an agent's end, a
//! deadline) becomes an `Input`; connections are tasks of their own that only move bytes.

pub mod children;
pub mod clock;
pub mod connection;
pub mod deadline;
mod fencer;
pub mod hub;
pub mod ipc;
pub mod limits;
mod line_budget;
pub mod listener;
mod local_hub;
mod newcomers;
mod output;
pub mod schema_peer;
pub mod serve;
mod signals;
mod systemd;
pub mod waiting;
mod watch;

use super::{files, oom};
pub use crate::sys::qb::Transport as IpcTransport;
pub use hub::{Hooks, Hub};
pub use ipc::{IpcConfig, Servers};
pub use limits::Limits;
pub use serve::{Setup, serve};
pub use systemd::Units;
