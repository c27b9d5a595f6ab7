// SPDX-License-Identifier: LGPL-2.1-or-later
//! What a context is made with: a key or certificates, never both.
use super::psk::Psk;
use crate::sys::x509::CertificateSet;

/// What one side of a connection proves itself with, and by which it judges the other.
#[derive(Clone, Copy, Debug)]
pub enum Credential<'a> {
    /// A pre-shared key.
    Key(&'a Psk),
    /// A certificate with its private key, and the authorities that are trusted.
    Certificates(&'a CertificateSet),
}

impl<'a> From<&'a Psk> for Credential<'a> {
    fn from(key: &'a Psk) -> Self {
        Self::Key(key)
    }
}

impl<'a> From<&'a CertificateSet> for Credential<'a> {
    fn from(set: &'a CertificateSet) -> Self {
        Self::Certificates(set)
    }
}
