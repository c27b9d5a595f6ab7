// SPDX-License-Identifier: LGPL-2.1-or-later
//! A server with several credentials: which of them a client is for.
//!
//! What the ClientHello offers decides between keys and certificates: a client that offers a pre-shared key (the extension
//! of TLS 1.3, or a PSK suite of TLS 1.2) is for a key, any other for the certificates. At TLS 1.3 the ClientHello also
//! proves which of two keys the client has. So the choice is made before the client was answered: another context, made
//! with one credential alone, gets the same bytes. Whatever is chosen demands its whole proof; nothing is mixed.
use super::context::{Context, ServerContext};
use super::error::{Phase, TlsError};
use super::proof::Proof;
use super::stream::{Progress, Stream};
use libc::{c_int, c_uint};
use openssl_sys::*;
use std::ptr;
use std::sync::Arc;

unsafe extern "C" {
    // Not declared by openssl-sys.
    fn SSL_CIPHER_find(ssl: *mut SSL, code: *const libc::c_uchar) -> *const SSL_CIPHER;
    fn SSL_CIPHER_get_kx_nid(cipher: *const SSL_CIPHER) -> c_int;
}

/// The extension pre_shared_key of TLS 1.3.
const PRE_SHARED_KEY: c_uint = 41;
/// OpenSSL's numbers for key exchanges with a pre-shared key: ECDHE, DHE, RSA, plain.
const KEY_EXCHANGES: [c_int; 4] = [1040, 1041, 1042, 1043];
/// A longer first flight is not offered to a second credential. Those of real clients have less than 2 KiB.
const MOST_BYTES: usize = 16 * 1024;

/// Does the client offer a pre-shared key?
///
/// # Safety
/// To be called from the callback for a ClientHello of `ssl`.
pub(super) unsafe fn offers_key(ssl: *mut SSL) -> bool {
    // SAFETY: the caller's promise; the bytes live during the callback, and a suite's code has two of them.
    unsafe {
        let (mut bytes, mut length) = (ptr::null(), 0);
        if SSL_client_hello_get0_ext(ssl, PRE_SHARED_KEY, &raw mut bytes, &raw mut length) == 1 {
            return true;
        }
        let length = SSL_client_hello_get0_ciphers(ssl, &raw mut bytes);
        if bytes.is_null() {
            return false;
        }
        let suites = std::slice::from_raw_parts(bytes, length);
        suites.chunks_exact(2).any(|code| {
            let suite = SSL_CIPHER_find(ssl, code.as_ptr());
            !suite.is_null() && KEY_EXCHANGES.contains(&SSL_CIPHER_get_kx_nid(suite))
        })
    }
}

/// What is kept until the client was answered.
pub(super) struct Opening {
    contexts: Vec<Arc<Context>>,
    /// The one in use.
    at: usize,
    /// All that the client has sent.
    seen: Vec<u8>,
}

fn is_key(context: &Context) -> bool {
    matches!(context.proof, Proof::Key(_))
}

impl Opening {
    /// Of a new connection, which begins with the first context; None: there is no choice.
    pub(super) fn new(context: &ServerContext) -> Option<Self> {
        let contexts = context.0.clone();
        (contexts.len() > 1).then(|| Self { contexts, at: 0, seen: Vec::new() })
    }

    /// Are there keys and certificates?
    pub(super) fn has_both_kinds(&self) -> bool {
        self.contexts.iter().any(|context| is_key(context))
            && self.contexts.iter().any(|context| !is_key(context))
    }

    pub(super) fn feed(&mut self, ciphertext: &[u8]) {
        self.seen.extend_from_slice(ciphertext);
    }

    /// Goes on with the handshake of `stream`, with another of the contexts where that is the client's.
    pub(super) fn go_on(mut self: Box<Self>, stream: &mut Stream) -> Result<Progress, TlsError> {
        loop {
            let result = stream.advance();
            let next = match &result {
                Ok(Progress::Pending) if stream.is_for_another_kind() => self.of_the_other_kind(),
                Err(TlsError::WrongKey) if stream.phase == Phase::FirstFlight => self.next_key(),
                _ => None,
            };
            let Some(next) = next.filter(|_| self.seen.len() <= MOST_BYTES) else {
                let is_open = result == Ok(Progress::Pending) && stream.phase == Phase::FirstFlight;
                if is_open && self.seen.len() <= MOST_BYTES {
                    stream.opening = Some(self);
                }
                return result;
            };
            self.at = next;
            let Some(context) = self.contexts.get(next) else { return result };
            *stream = Stream::accepting(context, false)?;
            stream.place = next;
            stream.feed(&self.seen);
        }
    }

    fn of_the_other_kind(&self) -> Option<usize> {
        let kind = self.contexts.get(self.at).map(|context| is_key(context));
        self.contexts.iter().position(|context| Some(is_key(context)) != kind)
    }

    fn next_key(&self) -> Option<usize> {
        let next = self.at.checked_add(1)?;
        self.contexts.get(next).is_some_and(|context| is_key(context)).then_some(next)
    }
}
