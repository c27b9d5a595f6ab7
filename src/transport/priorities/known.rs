// SPDX-License-Identifier: LGPL-2.1-or-later
//! Words that GnuTLS knows and that name nothing that is offered here, and the words that begin with a percent sign.
use crate::sys::x509::{Strictness, SuiteB};

/// Algorithms, versions and types that OpenSSL lacks, that nothing here uses, or that are obsolete. Taking them away is
/// always fulfilled; adding them is not done, which is never weaker.
pub(super) fn is_never_offered(word: &str) -> bool {
    const VERSIONS: [&str; 7] = [
        "VERS-TLS1.1",
        "VERS-TLS1.0",
        "VERS-SSL3.0",
        "VERS-DTLS-ALL",
        "VERS-DTLS1.2",
        "VERS-DTLS1.0",
        "VERS-DTLS0.9",
    ];
    const EXCHANGES: [&str; 10] = [
        "DHE-DSS",
        "ANON-DH",
        "ANON-ECDH",
        "RSA-PSK",
        "RSA-EXPORT",
        "SRP",
        "SRP-RSA",
        "SRP-DSS",
        "VKO-GOST-12",
        "VKO-GOST-KDF",
    ];
    const CIPHERS: [&str; 28] = [
        "3DES-CBC",
        "ARCFOUR-128",
        "ARCFOUR-40",
        "DES-CBC",
        "RC2-40",
        "NULL",
        "AES-192-CBC",
        "AES-192-GCM",
        "CAMELLIA-192-CBC",
        "CAMELLIA-128-GCM",
        "CAMELLIA-256-GCM",
        "SALSA20-256",
        "ESTREAM-SALSA20-256",
        "CHACHA20-32",
        "CHACHA20-64",
        "AES-128-CFB8",
        "AES-192-CFB8",
        "AES-256-CFB8",
        "AES-128-XTS",
        "AES-256-XTS",
        "AES-128-SIV",
        "AES-256-SIV",
        "AES-128-SIV-GCM",
        "AES-256-SIV-GCM",
        "MAGMA-CTR-ACPKM",
        "KUZNYECHIK-CTR-ACPKM",
        "AES-128-CCM-16",
        "AES-256-CCM-16",
    ];
    const MACS: [&str; 11] = [
        "MD5",
        "SHA224",
        "SHA512",
        "UMAC-96",
        "UMAC-128",
        "GOSTR341194",
        "STREEBOG-256",
        "STREEBOG-512",
        "OMAC-MAGMA",
        "OMAC-KUZNYECHIK",
        "GOST28147-TC26Z-IMIT",
    ];
    const GROUPS: [&str; 2] = ["SECP192R1", "SECP224R1"];
    let group = word.strip_prefix("GROUP-").or_else(|| word.strip_prefix("CURVE-"));
    let mac = |word: &str| word.starts_with("AES-CMAC-") || word.starts_with("AES-GMAC-");
    VERSIONS.contains(&word)
        || EXCHANGES.contains(&word)
        || CIPHERS.contains(&word)
        || word.starts_with("GOST28147-")
        || MACS.contains(&word)
        || mac(word)
        || word.starts_with("COMP-") && ["ALL", "NULL", "DEFLATE"].iter().any(|name| word.ends_with(name))
        || group.is_some_and(|name| GROUPS.contains(&name) || is_exotic_group(name))
}

/// GOST's, and exchanges that stand against quantum computers, which OpenSSL has since 3.5.
fn is_exotic_group(name: &str) -> bool {
    const HYBRID: [&str; 5] = [
        "X25519-KYBER768",
        "SECP256R1-KYBER768",
        "X25519-MLKEM768",
        "SECP256R1-MLKEM768",
        "SECP384R1-MLKEM1024",
    ];
    HYBRID.contains(&name)
        || matches!(name, "GC256A" | "GC256B" | "GC256C" | "GC256D" | "GC512A" | "GC512B" | "GC512C")
}

/// Is it a type of certificates, or more exactly one of ours: X.509?
pub(super) fn certificate_type(word: &str) -> Option<bool> {
    let name = word.strip_prefix("CTYPE-")?;
    let name = name.strip_prefix("CLI-").or_else(|| name.strip_prefix("SRV-")).unwrap_or(name);
    match name {
        "ALL" | "X509" | "X.509" => Some(true),
        "OPENPGP" | "RAWPK" => Some(false),
        _ => None,
    }
}

/// What an option asks for.
pub(super) enum Meaning {
    /// What is done anyway.
    Done,
    /// What makes no difference here; why.
    Ignored(&'static str),
    /// The server's order of suites.
    ServerPrecedence,
    /// TLS 1.2 with CBC only where encrypt-then-MAC is agreed on.
    EncryptThenMac,
    /// TLS 1.2 only with the extended master secret.
    SessionHash,
    /// How certificates are judged, at least.
    Judge(Strictness),
    /// Less than what is done here.
    Weaker,
}

/// What `%` options mean; None: GnuTLS does not know the word either.
pub(super) fn option(word: &str) -> Option<Meaning> {
    use Meaning::*;
    Some(match word {
        // There are no tickets, and no status of certificates is asked for. A renegotiation never happens.
        "%NO_TICKETS" | "%NO_TICKETS_TLS12" | "%NO_STATUS_REQUEST" | "%SAFE_RENEGOTIATION" => Done,
        "%NO_SHUFFLE_EXTENSIONS" => Done,
        "%PARTIAL_RENEGOTIATION" | "%DISABLE_SAFE_RENEGOTIATION" => Ignored("there is no renegotiation"),
        "%COMPAT" => Ignored("what it makes allowance for is not allowed here"),
        "%LATEST_RECORD_VERSION" | "%SSL3_RECORD_VERSION" => {
            Ignored("OpenSSL says which version records name")
        }
        "%STATELESS_COMPRESSION" => Ignored("nothing is compressed"),
        "%ALLOW_SMALL_RECORDS" => Ignored("records may be small anyway"),
        "%DISABLE_TLS13_COMPAT_MODE" | "%DUMBFW" => Ignored("it is about firewalls alone"),
        "%FALLBACK_SCSV" => Ignored("no connection falls back to an older version"),
        "%SERVER_PRECEDENCE" => ServerPrecedence,
        "%FORCE_ETM" => EncryptThenMac,
        "%FORCE_SESSION_HASH" => SessionHash,
        "%DISABLE_WILDCARDS" => Judge(Strictness { no_wildcards: true, ..Strictness::default() }),
        "%PROFILE_VERY_WEAK" => Ignored("more is demanded anyway"),
        "%UNSAFE_RENEGOTIATION"
        | "%NO_EXTENSIONS"
        | "%NO_ETM"
        | "%NO_SESSION_HASH"
        | "%DEBUG_ALLOW_KEY_USAGE_VIOLATIONS"
        | "%VERIFY_DISABLE_CRL_CHECKS"
        | "%VERIFY_ALLOW_X509_V1_CA_CRT"
        | "%VERIFY_ALLOW_SIGN_RSA_MD5"
        | "%VERIFY_ALLOW_SIGN_WITH_SHA1"
        | "%VERIFY_ALLOW_BROKEN" => Weaker,
        _ => Judge(profile(word.strip_prefix("%PROFILE_")?)?),
    })
}

/// What GnuTLS demands by a profile.
fn profile(name: &str) -> Option<Strictness> {
    let keys = |security_level, least_rsa_bits, least_curve_bits| Strictness {
        security_level,
        least_rsa_bits,
        least_curve_bits,
        ..Strictness::default()
    };
    let suite_b = |suite_b| Strictness { security_level: 3, suite_b: Some(suite_b), ..Strictness::default() };
    Some(match name {
        "LOW" => Strictness::default(),
        "LEGACY" => keys(1, 1776, 192),
        "MEDIUM" => keys(2, 2048, 224),
        "HIGH" => keys(3, 3072, 256),
        "ULTRA" => keys(4, 8192, 384),
        "FUTURE" => keys(5, 15_360, 512),
        "SUITEB128" => suite_b(SuiteB::Bits128),
        "SUITEB192" => suite_b(SuiteB::Bits192),
        _ => return None,
    })
}
