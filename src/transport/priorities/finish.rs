// SPDX-License-Identifier: LGPL-2.1-or-later
//! What a priority string comes to when all its words are read.
use super::sets::{Sets, insert};
use super::translation::{PriorityError, Translation};
use super::words::{self, Cipher, Exchange, Mac};
use crate::sys::tls::{Policy, TlsVersion};
use crate::sys::x509::Strictness;

impl Sets {
    pub(super) fn finish(mut self) -> Result<Translation, PriorityError> {
        if !self.with_certificates {
            for exchange in [Exchange::DhePsk, Exchange::Psk] {
                if !self.refused.contains(&exchange) {
                    insert(&mut self.exchanges, exchange);
                }
            }
        }
        if self.exchanges.is_empty() {
            return Err(PriorityError::NothingLeft("key exchange"));
        }
        if self.groups.as_ref().is_some_and(Vec::is_empty) {
            return Err(PriorityError::NothingLeft("key exchange group"));
        }
        if self.signatures.as_ref().is_some_and(Vec::is_empty) {
            return Err(PriorityError::NothingLeft("signature algorithm"));
        }
        if self.without_x509 {
            return Err(PriorityError::NothingLeft("type of certificates"));
        }
        self.narrow();
        if self.versions.is_empty() {
            return Err(PriorityError::NothingLeft("TLS version (1.2 or 1.3)"));
        }
        let tls12 = self.tls12_suites();
        let tls13 = self.tls13_suites();
        self.drop_version(TlsVersion::Tls12, tls12.is_empty(), "cipher");
        self.drop_version(TlsVersion::Tls13, tls13.is_empty(), "cipher");
        let pkcs1 = |signatures: &Vec<&str>| signatures.iter().all(|name| name.starts_with("rsa_pkcs1_"));
        self.drop_version(
            TlsVersion::Tls13,
            self.signatures.as_ref().is_some_and(pkcs1),
            "signature algorithm",
        );
        let (Some(min), Some(max)) = (self.versions.iter().min(), self.versions.iter().max()) else {
            return Err(PriorityError::NothingLeft("cipher suite"));
        };
        let policy = Policy {
            min: *min,
            max: *max,
            cipher_list: tls12.join(":"),
            ciphersuites: tls13.join(":"),
            groups: self.groups.map(|groups| groups.join(":")),
            signatures: self.signatures.filter(|_| self.with_certificates).map(|names| names.join(":")),
            plain_psk: self.exchanges.contains(&Exchange::Psk),
            server_precedence: self.server_precedence,
            // With a key the level has said its word by ciphers and groups.
            strictness: if self.with_certificates {
                self.strictness.unwrap_or_default().and(self.profile)
            } else {
                Strictness { security_level: self.profile.security_level, ..Strictness::default() }
            },
        };
        Ok(Translation { policy, notes: self.notes })
    }

    /// Leaves out what OpenSSL cannot be told to accept under a condition alone.
    fn narrow(&mut self) {
        if self.encrypt_then_mac {
            self.macs.retain(|mac| *mac == Mac::Aead);
            self.notes.push("'%FORCE_ETM': no cipher with CBC is offered".to_owned());
        }
        if self.session_hash && self.versions.contains(&TlsVersion::Tls12) {
            self.versions.retain(|version| *version != TlsVersion::Tls12);
            self.notes.push("'%FORCE_SESSION_HASH': TLS 1.2 is not offered".to_owned());
        }
    }

    fn drop_version(&mut self, version: TlsVersion, nothing_left: bool, of: &str) {
        if nothing_left && self.versions.contains(&version) {
            self.versions.retain(|other| *other != version);
            self.notes.push(format!("{version} is not offered: no {of} that works with it is left"));
        }
    }

    fn tls12_suites(&self) -> Vec<String> {
        let mut suites = Vec::new();
        for exchange in &self.exchanges {
            for cipher in &self.ciphers {
                suites
                    .extend(self.macs.iter().filter_map(|mac| words::tls12_suite(*exchange, *cipher, *mac)));
            }
        }
        suites
    }

    fn tls13_suites(&self) -> Vec<&'static str> {
        if !self.macs.contains(&Mac::Aead) {
            return Vec::new();
        }
        let suite = |cipher: &Cipher| words::tls13_suite(*cipher, self.with_certificates);
        self.ciphers.iter().filter_map(suite).collect()
    }
}
