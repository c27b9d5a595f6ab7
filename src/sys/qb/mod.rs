// SPDX-License-Identifier: LGPL-2.1-or-later
//! libqb's IPC, as server and as client.
//!
//! The servers of a thread share one [`Reactor`]: an epoll instance that the driver waits on, as one descriptor.
//! [`Reactor::dispatch`] lets libqb work and collects what happened as values ([`Event`]); nothing of ours runs
//! inside a callback except the accept policy, so that there is no re-entrancy to think about.
//!
//! What libqb would do to a daemon if left alone, and where it is prevented:
//!
//! * It waits for ever for a wake-up byte when a client has written messages to its ring but was stopped before
//!   it wrote their bytes to the socket. At the slowest rate libqb takes one message for each wake-up, and the
//!   byte for that one is there: see `Server::create`.
//! * It keeps a half-done authentication for ever: see [`Reactor::expire_handshakes`].
//! * It lets a client choose buffers of 2 GB, which are then allocated and filled, and gives buffers to users who
//!   cannot open them: the accept policy sees [`Candidate::buffer_size`] and [`Candidate::groups`].
//! * A client that truncates its rings makes the daemon's next access fault: see `sigbus`. That is as far as it
//!   goes: libqb trusts the other fields of the memory that it shares, so whoever may connect is trusted too.
//!
//! libqb logs nowhere in the daemons (`log` is for a C program that has set its log up). Its log hook formats into a buffer of no length when its own log was not set up
//! (2.0.6), and everything that matters is reported by value.
mod client;
mod connection;
#[cfg(feature = "capi")]
pub mod foreign;
#[cfg(feature = "capi")]
pub mod log;
mod reactor;
mod server;
mod sigbus;
mod trust;

#[rustfmt::skip]
#[allow(missing_docs, non_camel_case_types, non_upper_case_globals, dead_code, unreachable_pub, clippy::all)]
mod bindings;

pub use client::Client;
pub use connection::{Connection, ConnectionId, Sent};
pub use reactor::{Event, Reactor, Ready};
pub use server::{Candidate, CreateError, Grant, Server, ServerId, Settings, Transport};
pub use trust::{ConnectError, Holder, Trusted};

#[cfg(test)]
pub(crate) mod impostor;
#[cfg(test)]
pub(crate) mod tests;
