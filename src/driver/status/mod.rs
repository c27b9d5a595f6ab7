// SPDX-License-Identifier: LGPL-2.1-or-later
//! What a daemon shows of itself: one JSON document for each connection to a local socket. `docs/status.md` describes
//! it; `docs/status.schema.json` is its schema.
mod document;
mod place;

pub use document::{
    Client, Count, Credential, Daemon, Document, Handshakes, Latest, Operation, Overview, Readers, Refusal,
    Resource, Result, Tls, VERSION,
};
pub use place::{DIRECTORY, socket_of};
