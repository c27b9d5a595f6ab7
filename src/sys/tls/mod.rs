// SPDX-License-Identifier: LGPL-2.1-or-later
//! TLS 1.3 and 1.2 with a pre-shared key or with certificates, over memory: ciphertext in, ciphertext out, no descriptor.
//!
//! A [`ServerContext`] or [`ClientContext`] is made once from a [`Psk`] or a set of certificates, and a [`Policy`]; each
//! connection is a [`Stream`] made from it. Keys of more than 512 bytes go through `super::longpsk`; nobody here notices.
//!
//! * `psk`: keys and the identity that goes with them. `credential`, `proof`: a key, or certificates.
//! * `policy`: protocol versions, cipher suites, groups.
//! * `context`, `stream`: OpenSSL's SSL_CTX and SSL. `hello`, `opening`, `choice`: which of several contexts a
//!   client is for. `dh`: the group of a server at TLS 1.2.
//! * `callbacks`: where OpenSSL asks for the key, and about the peer's certificate. `pipe`: where it reads and writes.
//! * `error`: OpenSSL's error queue as one enum.

mod callbacks;
mod choice;
mod context;
mod credential;
mod dh;
mod error;
mod hello;
mod opening;
mod pipe;
mod policy;
mod proof;
mod psk;
mod stream;
#[cfg(test)]
mod tests;

pub use context::{ClientContext, ServerContext};
pub use credential::Credential;
pub use error::TlsError;
pub use policy::{Policy, TlsVersion};
pub use psk::{IDENTITY, InvalidKey, MAX_KEY_LEN, Psk};
pub use stream::{MAX_RECORD_LEN, Progress, Received, Stream};
