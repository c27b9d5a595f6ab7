// SPDX-License-Identifier: LGPL-2.1-or-later
//! A connection without a socket: TLS bytes to messages, and back.
//!
//! * `channel`: what both roles share: TLS, frames, record layout.
//! * `server`, `client`: messages of either role. `probe`: a client that stops before it is noticed.
//! * `local_client`: a client of the executor on the same node, without its connection.
//! * `fencer`: orders for the fencer as its local client.
//! * `schema_fetch`: the transfer of schemas as a local client of the configuration daemon sees it.
#![forbid(unsafe_code)]

mod channel;
mod client;
mod error;
mod fencer;
mod local_client;
mod probe;
mod schema_fetch;
mod server;
mod tls_stream;

#[cfg(test)]
mod tests;

pub use channel::EncodedMessage;
pub use client::{ClientEvent, ClientSession, ClientStep};
pub use error::SessionError;
pub use fencer::{FencerSession, FencerStep, Ticket, whole_seconds};
pub use local_client::{LocalClientSession, LocalRequest};
pub use probe::{Probe, ProbeProgress};
pub use schema_fetch::{SchemaFetch, SchemaFile, SchemaStep};
pub use server::{EncodedNotification, LargeMessage, ServerEvent, ServerSession, ServerStep};
