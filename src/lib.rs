// SPDX-License-Identifier: LGPL-2.1-or-later
//! Pacemaker Remote in Rust.
//!
//! The layers, lowest first; each imports only those above it in this list (ARCHITECTURE.md has the map):
//!
//! * [`model`]: the field's vocabulary as types.
//! * [`wire`]: bytes and XML to messages and back. [`core`]: the protocol and the executor as state
//!   machines. [`agents`]: what an agent is started with and what its exit means. All three are pure.
//! * [`sys`]: every line of unsafe code. [`transport`]: credentials and sockets.
//! * [`session`]: TLS bytes to messages, both roles.
//! * [`driver`]: the only place that waits.
//! * [`daemon`]: what the daemons share. [`tool`]: `pcmk-remote`.
//!
//! With the feature `capi`, the module `capi` is the C interface (docs/c-abi-status.md says how much of it).

pub mod agents;
#[cfg(feature = "capi")]
pub mod capi;
pub mod core;
#[cfg(feature = "daemon")]
pub mod daemon;
pub mod driver;
pub mod model;
pub mod session;
pub mod sys;
pub mod tool;
pub mod transport;
pub mod wire;
