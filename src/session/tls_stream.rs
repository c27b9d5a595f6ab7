// SPDX-License-Identifier: LGPL-2.1-or-later
//! What a channel needs of TLS. Behind a trait object, so that OpenSSL is reached from where a stream is made and from
//! nowhere else: a daemon that makes none is linked without it, and has none of its tables in memory.
use crate::sys::tls::{Progress, Received, Stream, TlsError};
use crate::sys::x509::About;
use std::fmt::Debug;

/// See [`Stream`], whose methods these are.
pub(super) trait TlsStream: Debug + Send {
    fn feed(&mut self, ciphertext: &[u8]);
    fn handshake(&mut self) -> Result<Progress, TlsError>;
    fn read(&mut self, take: &mut dyn FnMut(&[u8])) -> Result<Received, TlsError>;
    fn write_record(&mut self, plaintext: &[u8]) -> Result<(), TlsError>;
    fn output(&self) -> &[u8];
    fn sent(&mut self, count: usize);
    fn has_partial_record(&self) -> bool;
    fn shutdown(&mut self);
    /// Version and cipher suite.
    fn describe(&self) -> (&'static str, &'static str);
    fn uses_certificates(&self) -> bool;
    fn peer_certificate(&self) -> Option<About>;
    fn credential_place(&self) -> usize;
}

impl TlsStream for Stream {
    fn feed(&mut self, ciphertext: &[u8]) {
        self.feed(ciphertext);
    }

    fn handshake(&mut self) -> Result<Progress, TlsError> {
        self.handshake()
    }

    fn read(&mut self, take: &mut dyn FnMut(&[u8])) -> Result<Received, TlsError> {
        self.read(take)
    }

    fn write_record(&mut self, plaintext: &[u8]) -> Result<(), TlsError> {
        self.write_record(plaintext)
    }

    fn output(&self) -> &[u8] {
        self.output()
    }

    fn sent(&mut self, count: usize) {
        self.sent(count);
    }

    fn has_partial_record(&self) -> bool {
        self.has_partial_record()
    }

    fn shutdown(&mut self) {
        self.shutdown();
    }

    fn describe(&self) -> (&'static str, &'static str) {
        (self.version().name(), self.cipher())
    }

    fn uses_certificates(&self) -> bool {
        self.uses_certificates()
    }

    fn peer_certificate(&self) -> Option<About> {
        self.peer_certificate()
    }

    fn credential_place(&self) -> usize {
        self.credential_place()
    }
}
