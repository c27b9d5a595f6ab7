// SPDX-License-Identifier: LGPL-2.1-or-later
//! What a connection may be made of, in OpenSSL's words.
use crate::sys::x509::Strictness;
use std::fmt;

/// A protocol version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TlsVersion {
    /// TLS 1.2.
    Tls12,
    /// TLS 1.3.
    Tls13,
}

impl TlsVersion {
    /// As people write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tls12 => "TLS 1.2",
            Self::Tls13 => "TLS 1.3",
        }
    }
}

impl fmt::Display for TlsVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Bounds of what is offered and accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Oldest version.
    pub min: TlsVersion,
    /// Newest version.
    pub max: TlsVersion,
    /// TLS 1.2 cipher list, as for `openssl ciphers`. With a pre-shared key only PSK suites are of use.
    pub cipher_list: String,
    /// TLS 1.3 cipher suites. Only those with SHA-256 work with pre-shared keys.
    pub ciphersuites: String,
    /// Key exchange groups; None: OpenSSL's choice.
    pub groups: Option<String>,
    /// Signature algorithms of TLS with certificates; None: OpenSSL's choice.
    pub signatures: Option<String>,
    /// May TLS 1.3 do without a Diffie-Hellman exchange? Without it, who steals the key can read what was
    /// recorded earlier; some peers offer nothing else.
    pub plain_psk: bool,
    /// Does a server choose by its own order of suites, not by the client's?
    pub server_precedence: bool,
    /// How certificates are judged. For pre-shared keys the security level alone counts, from 3 on.
    pub strictness: Strictness,
}

impl Policy {
    /// The default for connections with certificates; [`Policy::default`] is for pre-shared keys.
    pub fn with_certificates() -> Self {
        Self {
            cipher_list:
                "ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AES:AESGCM:AES:DHE+AESGCM:DHE+CHACHA20:DHE+AES:!PSK:!aNULL"
                    .to_owned(),
            ciphersuites: "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256"
                .to_owned(),
            plain_psk: false,
            ..Self::default()
        }
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            min: TlsVersion::Tls12,
            max: TlsVersion::Tls13,
            cipher_list: "kDHEPSK:kPSK".to_owned(),
            ciphersuites: "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256".to_owned(),
            groups: None,
            signatures: None,
            plain_psk: true,
            server_precedence: false,
            strictness: Strictness::default(),
        }
    }
}
