// SPDX-License-Identifier: LGPL-2.1-or-later
//! Pre-shared keys of more than the 512 bytes that libssl takes.
//!
//! libssl is given a random 64-byte *handle* as "the key". A small OpenSSL provider, built into this process,
//! offers the two key derivations that a PSK ever enters (TLS13-KDF and TLS1-PRF). It passes everything on to
//! OpenSSL's own, except that it puts the real key in the handle's place. Where the provider is not in use
//! the handle is an ordinary wrong key: the handshake fails, nothing is weakened.
//!
//! * `bindings`: what openssl-sys does not declare.
//! * `registry`: handles and their keys.
//! * `provider`: the provider and its library context.

mod bindings;
mod provider;
mod registry;

pub(super) use bindings::SSL_CTX_new_ex;
pub(super) use provider::{PROPERTY_QUERY, library_context};
pub(super) use registry::LongKey;

/// Why long keys cannot be used in this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unavailable(pub(super) &'static str);
