// SPDX-License-Identifier: LGPL-2.1-or-later
//! The daemons' driver: one thread, nothing that blocks; starts, which do, have a thread of their own (`starter`).
//!
//! `carrier` gives the [`Hub`](super::hub::Hub) its turns and carries its effects out. Everything that happens (a
//! message, an agent's end, a signal) is put into the hub's inbox by the task that sees it; none of them holds the hub.

mod alarm;
mod budget;
mod bulk;
mod carrier;
pub mod children;
mod clock;
mod connection;
mod connection_task;
mod errand;
mod familiar;
mod fencer;
mod gate;
mod inbox;
pub mod ipc;
mod limited;
mod limits;
mod line_budget;
mod listener;
mod local_peers;
mod memory;
mod newcomers;
mod output;
mod peer_certificates;
mod printed;
mod pulse;
mod questions;
mod reclaim;
mod serve;
mod shortage;
mod signals;
mod socket;
mod starter;
mod status;
mod systemd;
mod turns;
mod waiting;
mod watch;

pub use super::hub::Hooks;
pub use crate::sys::qb::Transport as IpcTransport;
pub use ipc::{IpcConfig, Servers};
pub use limits::Limits;
pub use listener::{RemoteSide, TlsListeners};
pub use memory::MemoryLimits;
pub use pulse::{Sign, Supervision};
pub use serve::{Setup, serve};
pub use starter::{Progress, Starter};
pub use status::StatusConfig;
pub use systemd::Units;
