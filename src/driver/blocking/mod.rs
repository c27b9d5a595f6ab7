// SPDX-License-Identifier: LGPL-2.1-or-later
//! A client that waits: one connection to a remote node's executor under poll(2), for tools.
//!
//! * `target`: where the node is and what proves who we are.
//! * `dial`: name, TCP, key. `link`: a socket and poll(2).
//! * `client`: TLS, sign-on, calls, notifications.
//! * `check`: the same way step by step, stopping before it is noticed.
//! * `failure`: which layer failed, and what to do about it.
#![allow(clippy::disallowed_methods, reason = "a driver: it reads the clock")]

mod check;
mod client;
mod dial;
mod failure;
mod link;
mod target;

pub use check::{Step, check};
pub use client::Client;
pub use failure::{Failure, Layer};
pub use target::Target;
