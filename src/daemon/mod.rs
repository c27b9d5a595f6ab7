// SPDX-License-Identifier: LGPL-2.1-or-later
//! What the daemons share beside the protocol: configuration and logging.
//!
//! `course` is the main function of both; in the order that it needs them: the driver's PID 1 mode, [`startup`] (file mode), [`cli`],
//! [`config`], [`logging`], [`startup`] (the rest), then the driver; [`notify`] when it listens;
//! [`watchdog`] and [`schemas`] while it runs.
#![forbid(unsafe_code)]

pub mod agent_environment;
pub mod cli;
pub mod config;
mod course;
pub mod execd;
pub mod exit;
mod hooks;
pub mod logging;
pub mod notify;
pub mod remoted;
pub mod schemas;
pub mod startup;
pub mod watchdog;
