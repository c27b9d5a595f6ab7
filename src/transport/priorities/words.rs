// SPDX-License-Identifier: LGPL-2.1-or-later
//! The words of GnuTLS priority strings that mean something to us, and what they are in OpenSSL.
use super::signatures;
use crate::sys::tls::TlsVersion;
use crate::sys::x509::{Strictness, SuiteB};

/// A symmetric cipher, under its GnuTLS name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::upper_case_acronyms, reason = "they are called so")]
pub(super) enum Cipher {
    Aes256Gcm,
    Chacha20,
    Aes256Ccm,
    Aes256Cbc,
    Aes128Gcm,
    Aes128Ccm,
    Aes128Cbc,
    Aes256Ccm8,
    Aes128Ccm8,
    Camellia256Cbc,
    Camellia128Cbc,
}

/// A message authentication code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mac {
    Sha1,
    Sha256,
    Sha384,
    Aead,
}

/// A key exchange, with a pre-shared key or with certificates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exchange {
    DhePsk,
    EcdhePsk,
    Psk,
    EcdheEcdsa,
    EcdheRsa,
    Rsa,
    DheRsa,
}

use Cipher::*;

pub(super) const CIPHERS: [(&str, Cipher); 11] = [
    ("AES-256-GCM", Aes256Gcm),
    ("CHACHA20-POLY1305", Chacha20),
    ("AES-256-CCM", Aes256Ccm),
    ("AES-256-CBC", Aes256Cbc),
    ("AES-128-GCM", Aes128Gcm),
    ("AES-128-CCM", Aes128Ccm),
    ("AES-128-CBC", Aes128Cbc),
    ("AES-256-CCM-8", Aes256Ccm8),
    ("AES-128-CCM-8", Aes128Ccm8),
    ("CAMELLIA-256-CBC", Camellia256Cbc),
    ("CAMELLIA-128-CBC", Camellia128Cbc),
];

pub(super) const MACS: [(&str, Mac); 4] =
    [("SHA1", Mac::Sha1), ("SHA256", Mac::Sha256), ("SHA384", Mac::Sha384), ("AEAD", Mac::Aead)];

/// With a pre-shared key.
pub(super) const KEY_EXCHANGES: [(&str, Exchange); 3] =
    [("DHE-PSK", Exchange::DhePsk), ("ECDHE-PSK", Exchange::EcdhePsk), ("PSK", Exchange::Psk)];

/// With certificates, in GnuTLS's order of preference.
pub(super) const CERTIFICATE_EXCHANGES: [(&str, Exchange); 4] = [
    ("ECDHE-ECDSA", Exchange::EcdheEcdsa),
    ("ECDHE-RSA", Exchange::EcdheRsa),
    ("RSA", Exchange::Rsa),
    ("DHE-RSA", Exchange::DheRsa),
];

/// GnuTLS name without `GROUP-` or `CURVE-`, OpenSSL name.
pub(super) const GROUPS: [(&str, &str); 10] = [
    ("X25519", "X25519"),
    ("SECP256R1", "P-256"),
    ("SECP384R1", "P-384"),
    ("SECP521R1", "P-521"),
    ("X448", "X448"),
    ("FFDHE2048", "ffdhe2048"),
    ("FFDHE3072", "ffdhe3072"),
    ("FFDHE4096", "ffdhe4096"),
    ("FFDHE6144", "ffdhe6144"),
    ("FFDHE8192", "ffdhe8192"),
];

/// What a word for a whole level stands for.
pub(super) struct Level {
    pub(super) versions: &'static [TlsVersion],
    pub(super) ciphers: &'static [Cipher],
    pub(super) macs: &'static [Mac],
    /// With certificates.
    pub(super) exchanges: &'static [Exchange],
    /// OpenSSL names; None: OpenSSL's own choice.
    pub(super) groups: Option<&'static [&'static str]>,
    /// The same for signatures.
    pub(super) signatures: Option<&'static [&'static str]>,
    /// Is what has no forward secrecy left out: plain PSK, or RSA?
    pub(super) forward_secret: bool,
    /// How certificates are judged.
    pub(super) strictness: Strictness,
}

const BOTH: [TlsVersion; 2] = [TlsVersion::Tls13, TlsVersion::Tls12];
pub(super) const NORMAL: [Cipher; 7] =
    [Aes256Gcm, Chacha20, Aes256Ccm, Aes256Cbc, Aes128Gcm, Aes128Ccm, Aes128Cbc];
const FAST: [Cipher; 7] = [Aes128Gcm, Aes256Gcm, Chacha20, Aes128Ccm, Aes256Ccm, Aes128Cbc, Aes256Cbc];
pub(super) const MACS_OF_NORMAL: [Mac; 2] = [Mac::Aead, Mac::Sha1];
const STRONG: [Cipher; 4] = [Aes256Gcm, Chacha20, Aes256Ccm, Aes256Cbc];
/// With certificates, in GnuTLS's order of preference.
pub(super) const EXCHANGES: [Exchange; 4] =
    [Exchange::EcdheEcdsa, Exchange::EcdheRsa, Exchange::Rsa, Exchange::DheRsa];

const fn ordinary(ciphers: &'static [Cipher]) -> Level {
    Level {
        versions: &BOTH,
        ciphers,
        macs: &MACS_OF_NORMAL,
        exchanges: &EXCHANGES,
        groups: None,
        signatures: None,
        forward_secret: false,
        strictness: Strictness::DEFAULT,
    }
}

/// Without SHA-256: RSA of 3072 bits and curves of 384.
fn strong() -> Level {
    Level {
        macs: &[Mac::Aead],
        groups: Some(&["P-384", "P-521", "ffdhe8192"]),
        signatures: Some(&signatures::STRONG),
        strictness: Strictness { security_level: 3, least_curve_bits: 384, ..Strictness::DEFAULT },
        ..ordinary(&STRONG)
    }
}

fn suite_b(suite_b: SuiteB) -> Level {
    let (ciphers, groups, signatures): (&[_], &'static [_], &'static [_]) = match suite_b {
        SuiteB::Bits128 => (
            &[Aes256Gcm, Aes128Gcm],
            &["P-256", "P-384"],
            &["ecdsa_secp256r1_sha256", "ecdsa_secp384r1_sha384"],
        ),
        SuiteB::Bits192 => (&[Aes256Gcm], &["P-384"], &["ecdsa_secp384r1_sha384"]),
    };
    Level {
        versions: &[TlsVersion::Tls12],
        macs: &[Mac::Aead],
        exchanges: &[Exchange::EcdheEcdsa],
        groups: Some(groups),
        signatures: Some(signatures),
        strictness: Strictness { security_level: 3, suite_b: Some(suite_b), ..Strictness::DEFAULT },
        ..ordinary(ciphers)
    }
}

/// The level that `word` names.
pub(super) fn level(word: &str) -> Option<Level> {
    Some(match word {
        "NORMAL" | "SECURE" | "SECURE128" => ordinary(&NORMAL),
        "PERFORMANCE" => ordinary(&FAST),
        "SECURE192" | "SECURE256" => strong(),
        "PFS" => Level { forward_secret: true, ..ordinary(&NORMAL) },
        "SUITEB128" => suite_b(SuiteB::Bits128),
        "SUITEB192" => suite_b(SuiteB::Bits192),
        _ => return None,
    })
}

/// OpenSSL's TLS 1.3 suite for a cipher. The binder of a raw key is made with SHA-256, so only these count for keys.
pub(super) fn tls13_suite(cipher: Cipher, with_certificates: bool) -> Option<&'static str> {
    match cipher {
        Aes256Gcm if with_certificates => Some("TLS_AES_256_GCM_SHA384"),
        Aes128Gcm => Some("TLS_AES_128_GCM_SHA256"),
        Chacha20 => Some("TLS_CHACHA20_POLY1305_SHA256"),
        Aes128Ccm => Some("TLS_AES_128_CCM_SHA256"),
        Aes128Ccm8 => Some("TLS_AES_128_CCM_8_SHA256"),
        _ => None,
    }
}

/// OpenSSL's name of a TLS 1.2 suite, if there is such a suite.
pub(super) fn tls12_suite(exchange: Exchange, cipher: Cipher, mac: Mac) -> Option<String> {
    use Exchange::{DhePsk, DheRsa, EcdheEcdsa, EcdhePsk, EcdheRsa, Psk, Rsa};
    match exchange {
        DhePsk | EcdhePsk | Psk => suite_with_key(exchange, cipher, mac),
        EcdheEcdsa => Some(format!("ECDHE-ECDSA-{}", suite_with_certificate(cipher, mac, true)?)),
        EcdheRsa => Some(format!("ECDHE-RSA-{}", suite_with_certificate(cipher, mac, true)?)),
        DheRsa => Some(format!("DHE-RSA-{}", suite_with_certificate(cipher, mac, false)?)),
        Rsa if cipher == Chacha20 => None,
        Rsa => suite_with_certificate(cipher, mac, false).map(str::to_owned),
    }
}

/// What follows the exchange for a cipher that needs no code of its own for authenticity.
fn authenticated_cipher(cipher: Cipher) -> Option<&'static str> {
    Some(match cipher {
        Aes256Gcm => "AES256-GCM-SHA384",
        Aes128Gcm => "AES128-GCM-SHA256",
        Chacha20 => "CHACHA20-POLY1305",
        Aes256Ccm => "AES256-CCM",
        Aes128Ccm => "AES128-CCM",
        Aes256Ccm8 => "AES256-CCM8",
        Aes128Ccm8 => "AES128-CCM8",
        _ => return None,
    })
}

/// What follows the exchange. CBC with SHA-384 is for elliptic curves, AES-256 with SHA-256 for the others. OpenSSL
/// passes over what does not exist.
fn suite_with_certificate(cipher: Cipher, mac: Mac, elliptic: bool) -> Option<&'static str> {
    Some(match (cipher, mac) {
        (_, Mac::Aead) => authenticated_cipher(cipher)?,
        (Aes256Cbc, Mac::Sha384) if elliptic => "AES256-SHA384",
        (Aes256Cbc, Mac::Sha256) if !elliptic => "AES256-SHA256",
        (Aes256Cbc, Mac::Sha1) => "AES256-SHA",
        (Aes128Cbc, Mac::Sha256) => "AES128-SHA256",
        (Aes128Cbc, Mac::Sha1) => "AES128-SHA",
        (Camellia256Cbc, Mac::Sha384) if elliptic => "CAMELLIA256-SHA384",
        (Camellia256Cbc, Mac::Sha256) if !elliptic => "CAMELLIA256-SHA256",
        (Camellia128Cbc, Mac::Sha256) => "CAMELLIA128-SHA256",
        _ => return None,
    })
}

fn suite_with_key(exchange: Exchange, cipher: Cipher, mac: Mac) -> Option<String> {
    let rest = match (cipher, mac) {
        (_, Mac::Aead) => authenticated_cipher(cipher)?,
        (Aes256Cbc, Mac::Sha384) => "AES256-CBC-SHA384",
        (Aes256Cbc, Mac::Sha1) => "AES256-CBC-SHA",
        (Aes128Cbc, Mac::Sha256) => "AES128-CBC-SHA256",
        (Aes128Cbc, Mac::Sha1) => "AES128-CBC-SHA",
        (Camellia256Cbc, Mac::Sha384) => "CAMELLIA256-SHA384",
        (Camellia128Cbc, Mac::Sha256) => "CAMELLIA128-SHA256",
        _ => return None,
    };
    match exchange {
        Exchange::DhePsk => Some(format!("DHE-PSK-{rest}")),
        Exchange::Psk => Some(format!("PSK-{rest}")),
        // OpenSSL has ECDHE-PSK with CBC and ChaCha20 alone.
        Exchange::EcdhePsk if cipher == Chacha20 || matches!(cipher, Aes256Cbc | Aes128Cbc) => {
            Some(format!("ECDHE-PSK-{rest}"))
        }
        _ => None,
    }
}
