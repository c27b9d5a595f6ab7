// SPDX-License-Identifier: LGPL-2.1-or-later
//! `SIGN-` words: the signatures by which both ends prove that their certificate is theirs.

/// GnuTLS name without `SIGN-`, OpenSSL name. Both names of a signature with a curve are one at OpenSSL, where TLS 1.2
/// takes any curve.
const SIGNATURES: [(&str, &str); 17] = [
    ("RSA-SHA256", "rsa_pkcs1_sha256"),
    ("RSA-PSS-SHA256", "rsa_pss_pss_sha256"),
    ("RSA-PSS-RSAE-SHA256", "rsa_pss_rsae_sha256"),
    ("ECDSA-SHA256", "ecdsa_secp256r1_sha256"),
    ("ECDSA-SECP256R1-SHA256", "ecdsa_secp256r1_sha256"),
    ("EDDSA-ED25519", "ed25519"),
    ("RSA-SHA384", "rsa_pkcs1_sha384"),
    ("RSA-PSS-SHA384", "rsa_pss_pss_sha384"),
    ("RSA-PSS-RSAE-SHA384", "rsa_pss_rsae_sha384"),
    ("ECDSA-SHA384", "ecdsa_secp384r1_sha384"),
    ("ECDSA-SECP384R1-SHA384", "ecdsa_secp384r1_sha384"),
    ("EDDSA-ED448", "ed448"),
    ("RSA-SHA512", "rsa_pkcs1_sha512"),
    ("RSA-PSS-SHA512", "rsa_pss_pss_sha512"),
    ("RSA-PSS-RSAE-SHA512", "rsa_pss_rsae_sha512"),
    ("ECDSA-SHA512", "ecdsa_secp521r1_sha512"),
    ("ECDSA-SECP521R1-SHA512", "ecdsa_secp521r1_sha512"),
];

/// What the word, without `SIGN-`, is.
pub(super) enum Signature {
    /// OpenSSL's name.
    Known(&'static str),
    /// Obsolete, or nothing that TLS has in OpenSSL.
    NeverOffered,
}

pub(super) fn signature(name: &str) -> Option<Signature> {
    if let Some((_, known)) = SIGNATURES.iter().find(|(other, _)| *other == name) {
        return Some(Signature::Known(known));
    }
    const ENDS: [&str; 9] =
        ["-SHA1", "-MD5", "-MD2", "-RMD160", "-SHA224", "-SHA3-224", "-SHA3-256", "-SHA3-384", "-SHA3-512"];
    let known = ["RSA-", "ECDSA-", "DSA-"].iter().any(|kind| name.starts_with(kind))
        && ENDS.iter().any(|end| name.ends_with(end))
        || ["DSA-SHA256", "DSA-SHA384", "DSA-SHA512", "RSA-RAW"].contains(&name)
        || ["GOSTR341001", "GOSTR341012-256", "GOSTR341012-512"].contains(&name);
    known.then_some(Signature::NeverOffered)
}

/// All that are offered.
pub(super) fn all() -> Vec<&'static str> {
    let mut all: Vec<_> = SIGNATURES.iter().map(|(_, name)| *name).collect();
    all.dedup();
    all
}

/// Those with digests of 384 bits and more, and of the curves that go with them.
pub(super) const STRONG: [&str; 9] = [
    "rsa_pkcs1_sha384",
    "rsa_pss_pss_sha384",
    "rsa_pss_rsae_sha384",
    "ecdsa_secp384r1_sha384",
    "ed448",
    "rsa_pkcs1_sha512",
    "rsa_pss_pss_sha512",
    "rsa_pss_rsae_sha512",
    "ecdsa_secp521r1_sha512",
];
