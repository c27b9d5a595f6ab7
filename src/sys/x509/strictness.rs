// SPDX-License-Identifier: LGPL-2.1-or-later
//! What is demanded of a peer's certificates.
use libc::c_int;
use std::fmt;
use std::str::FromStr;

/// What is demanded of a peer's certificates beyond a chain to an authority. Whatever is set has to be met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Strictness {
    /// OpenSSL's security level: 1 takes RSA of 1024 bits, 2 of 2048, 3 of 3072. It stands over our own certificate and the
    /// cipher suites, too.
    pub security_level: c_int,
    /// Bits that an RSA key of the chain must have; 0: as the level says.
    pub least_rsa_bits: c_int,
    /// Bits that a key of the chain on an elliptic curve must have, Ed25519 and Ed448 included; 0: as the level says.
    pub least_curve_bits: c_int,
    /// Host names or addresses of which the peer's own certificate must have one as subjectAltName; none: any will do.
    pub names: Vec<String>,
    /// Certificates of which the peer's own must be one; none: any will do.
    pub fingerprints: Vec<Fingerprint>,
    /// Must a server's certificate have the name or address that the client connects to?
    pub verify_host: bool,
    /// Does a wildcard in a certificate match no name?
    pub no_wildcards: bool,
    /// Must the chain keep to the algorithms of Suite B (RFC 6460)?
    pub suite_b: Option<SuiteB>,
    /// Must certificates that say what they are for (extendedKeyUsage) be for the peer's role?
    pub verify_purpose: bool,
    /// Must each certificate below the authority have a current revocation list that its issuer has signed?
    pub require_lists: bool,
}

impl Strictness {
    /// As GnuTLS's NORMAL: RSA of 1024 bits passes, signatures with SHA-1 or MD5 do not.
    pub const DEFAULT: Self = Self {
        security_level: 1,
        least_rsa_bits: 0,
        least_curve_bits: 0,
        names: Vec::new(),
        fingerprints: Vec::new(),
        verify_host: false,
        no_wildcards: false,
        suite_b: None,
        verify_purpose: false,
        require_lists: false,
    };
    /// What both demand.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.names.extend(other.names);
        self.fingerprints.extend(other.fingerprints);
        Self {
            security_level: self.security_level.max(other.security_level),
            least_rsa_bits: self.least_rsa_bits.max(other.least_rsa_bits),
            least_curve_bits: self.least_curve_bits.max(other.least_curve_bits),
            verify_host: self.verify_host || other.verify_host,
            no_wildcards: self.no_wildcards || other.no_wildcards,
            suite_b: self.suite_b.max(other.suite_b),
            verify_purpose: self.verify_purpose || other.verify_purpose,
            require_lists: self.require_lists || other.require_lists,
            ..self
        }
    }
}

impl Default for Strictness {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// A level of Suite B.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SuiteB {
    /// Keys on P-256 and P-384.
    Bits128,
    /// Keys on P-384.
    Bits192,
}

/// The SHA-256 digest of a certificate. It is written as `openssl x509 -fingerprint -sha256` writes it, and read with or
/// without colons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint(pub [u8; 32]);

impl FromStr for Fingerprint {
    type Err = NoFingerprint;

    fn from_str(text: &str) -> Result<Self, NoFingerprint> {
        let digits: Vec<u8> = text.bytes().filter(|byte| *byte != b':').collect();
        let mut bytes = [0; 32];
        if digits.len() != 2 * bytes.len() || !text.is_ascii() {
            return Err(NoFingerprint);
        }
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| NoFingerprint)?;
            let hexadecimal = pair.bytes().all(|digit| digit.is_ascii_hexdigit());
            *byte = u8::from_str_radix(pair, 16).ok().filter(|_| hexadecimal).ok_or(NoFingerprint)?;
        }
        Ok(Self(bytes))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, byte) in self.0.iter().enumerate() {
            write!(f, "{}{byte:02X}", if position == 0 { "" } else { ":" })?;
        }
        Ok(())
    }
}

/// A text is no SHA-256 fingerprint: 64 hexadecimal digits, with or without colons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoFingerprint;

impl fmt::Display for NoFingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a SHA-256 fingerprint (64 hexadecimal digits)")
    }
}

impl std::error::Error for NoFingerprint {}
