// SPDX-License-Identifier: LGPL-2.1-or-later
//! Bytes and XML to messages and back. Pure.
//!
//! * [`frame`]: the 40-byte header of messages inside TLS.
//! * [`xml`]: reading (strict, then lenient) and writing (always strict).
//! * [`names`]: every word of the protocol.
//! * [`codec`]: text to `model` messages and back, both directions.
//! * [`fencer`]: the few messages to and from the fencer.
//! * [`ipc`]: the header of local IPC, in its two incompatible layouts.
//! * `dbus` (feature `agents`): calls to the service manager.
#![forbid(unsafe_code)]
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::panic
)]

mod bytes;
pub mod codec;
#[cfg(feature = "agents")]
pub mod dbus;
pub mod fencer;
pub mod frame;
pub mod ipc;
pub mod names;
pub mod xml;

/// The largest message and the largest decompressed payload that we read or write, in bytes: upstream's own
/// limit since it has one.
pub const MAX_MESSAGE: usize = 20 * 1024 * 1024;
