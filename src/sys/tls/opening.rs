// SPDX-License-Identifier: LGPL-2.1-or-later
//! A server with several credentials: which of them a client is for.
//!
//! What the ClientHello offers decides between keys and certificates: a client that offers a pre-shared key (the extension
//! of TLS 1.3, or a PSK suite of TLS 1.2) is for a key, any other for the certificates. At TLS 1.3 the ClientHello also
//! proves which of two keys the client has. So the choice is made before the client was answered: another context, made
//! with one credential alone, gets the same bytes. Whatever is chosen demands its whole proof; nothing is mixed.
use super::context::{Context, ServerContext};
use super::proof::Proof;
use std::sync::Arc;

/// A longer first flight is not offered to a second credential. Those of real clients have less than 2 KiB.
const MOST_BYTES: usize = 16 * 1024;

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

    /// All that the client has sent.
    pub(super) fn seen(&self) -> &[u8] {
        &self.seen
    }

    /// May another context be used yet?
    pub(super) fn is_open(&self) -> bool {
        self.seen.len() <= MOST_BYTES
    }

    /// The context of the other kind, and its place: the client offers that.
    pub(super) fn of_the_other_kind(&mut self) -> Option<(usize, Arc<Context>)> {
        let kind = self.contexts.get(self.at).map(|context| is_key(context));
        let at = self.contexts.iter().position(|context| Some(is_key(context)) != kind)?;
        self.take(at)
    }

    /// The context with the next key, and its place: the client has not that of the one in use.
    pub(super) fn next_key(&mut self) -> Option<(usize, Arc<Context>)> {
        let at = self.at.checked_add(1)?;
        self.contexts.get(at).filter(|context| is_key(context))?;
        self.take(at)
    }

    fn take(&mut self, at: usize) -> Option<(usize, Arc<Context>)> {
        let context = self.contexts.get(at).filter(|_| self.is_open())?;
        self.at = at;
        Some((at, Arc::clone(context)))
    }
}
