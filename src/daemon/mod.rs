// SPDX-License-Identifier: LGPL-2.1-or-later
//! What the daemons share beside the protocol: configuration, logging, PID 1 mode.
//!
//! In the order a main function needs them: [`environment`], [`pid1`], [`startup`] (file mode), [`cli`],
//! [`config`], [`logging`], [`startup`] (the rest), then the driver; [`notify`] when it listens;
//! [`watchdog`] and [`schemas`] while it runs.
#![forbid(unsafe_code)]

pub mod agent_environment;
pub mod cli;
pub mod config;
pub mod environment;
pub mod exit;
mod hooks;
pub mod logging;
pub mod notify;
pub mod pid1;
pub mod remoted;
pub mod schemas;
pub mod startup;
pub mod timespec;
pub mod watchdog;
