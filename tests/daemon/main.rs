// SPDX-License-Identifier: LGPL-2.1-or-later
//! The real pacemaker-remoted under everything that can go wrong, beside a client that must notice nothing.
//!
//! Each test has a network, IPC and mount namespace of its own (see `place`), so that the daemon finds the paths,
//! names and the port that it always uses, and root is needed. Where a limit of the daemon is longer than a test
//! should be, `short` serves with shorter ones in a thread of this process.
#![allow(clippy::disallowed_methods, reason = "tests start programs and keep time limits")]

mod agents;
mod bystander;
mod certificates;
mod clock;
mod demands;
mod documents;
mod examples;
mod execd;
mod files;
mod flood;
mod handshake;
mod keys;
mod memory;
mod messages;
mod node;
mod peer;
mod place;
mod reasons;
mod remedies;
mod rotation;
mod schemas;
mod service_manager;
mod short;
mod shutdown;
mod stalled;
mod startup;
mod status;
