// SPDX-License-Identifier: LGPL-2.1-or-later
//! The demands of [`Strictness`] that OpenSSL's verification is not asked about, on single certificates.
use super::ffi;
use super::object::fingerprint;
use super::refusal::Refusal;
use super::strictness::Strictness;
use libc::{c_int, c_uint};
use openssl_sys::*;
use std::ffi::CString;
use std::net::IpAddr;
use std::ptr;

/// Whose certificates are judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A client's.
    Client,
    /// A server's.
    Server,
}

/// Names stand in the subjectAltName alone; a wildcard is a whole label.
const NAME_RULES: c_uint = X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS;

impl Strictness {
    /// Of a certificate anywhere in the chain.
    ///
    /// # Safety
    /// `certificate` lives during the call.
    pub(super) unsafe fn check_key(&self, certificate: *mut X509, depth: c_int) -> Result<(), Refusal> {
        if self.least_curve_bits == 0 && self.least_rsa_bits == 0 {
            return Ok(());
        }
        // SAFETY: the caller's promise; the key is the certificate's.
        let (kind, bits) = unsafe {
            let key = ffi::X509_get0_pubkey(certificate);
            if key.is_null() {
                return Err(Refusal::new(X509_V_ERR_UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY, depth));
            }
            (EVP_PKEY_id(key), EVP_PKEY_bits(key))
        };
        let least = match kind {
            EVP_PKEY_EC | EVP_PKEY_ED25519 | EVP_PKEY_ED448 => self.least_curve_bits,
            EVP_PKEY_RSA | EVP_PKEY_RSA_PSS => self.least_rsa_bits,
            _ => return Ok(()),
        };
        if bits >= least {
            return Ok(());
        }
        let code = if depth == 0 { X509_V_ERR_EE_KEY_TOO_SMALL } else { X509_V_ERR_CA_KEY_TOO_SMALL };
        let refusal = Refusal::new(code, depth);
        Err(refusal.with_words(|words| format!("{words}: {bits} bits, {least} are demanded")))
    }

    /// Of a certificate below the authority, and of the peer's own.
    ///
    /// # Safety
    /// `certificate` lives during the call.
    pub(super) unsafe fn check_purpose(
        &self,
        certificate: *mut X509,
        depth: c_int,
        role: Role,
    ) -> Result<(), Refusal> {
        let (wanted, words) = match role {
            Role::Client => (XKU_SSL_CLIENT, "its extendedKeyUsage lacks clientAuth"),
            Role::Server => (XKU_SSL_SERVER, "its extendedKeyUsage lacks serverAuth"),
        };
        // SAFETY: the caller's promise. A certificate without the extension answers with all bits.
        let purposes = unsafe { X509_get_extended_key_usage(certificate) };
        if !self.verify_purpose || purposes & (wanted | XKU_ANYEKU) != 0 {
            return Ok(());
        }
        Err(Refusal::new(X509_V_ERR_INVALID_PURPOSE, depth).with_words(|_| words.to_owned()))
    }

    /// Of the peer's own certificate. `host`: what a client connects to.
    ///
    /// # Safety
    /// `certificate` lives during the call.
    pub(super) unsafe fn check_identity(
        &self,
        certificate: *mut X509,
        host: Option<&str>,
        role: Role,
    ) -> Result<(), Refusal> {
        let refused = |code, words: String| Err(Refusal::new(code, 0).with_words(|_| words));
        const WRONG_NAME: c_int = X509_V_ERR_HOSTNAME_MISMATCH;
        // SAFETY: the caller's promise.
        let has = |name: &str| unsafe { has_name(certificate, name, self.no_wildcards) };
        if self.verify_host && role == Role::Server {
            match host {
                Some(host) if has(host) => {}
                Some(host) => {
                    let host: String = host.escape_debug().take(255).collect();
                    let words = format!("its subjectAltName lacks '{host}', to which we connect");
                    return refused(WRONG_NAME, words);
                }
                None => {
                    let words =
                        "its host name cannot be verified: it is not known here to which host we connect";
                    return refused(WRONG_NAME, words.to_owned());
                }
            }
        }
        if !self.names.is_empty() && !self.names.iter().any(|name| has(name)) {
            let words = format!("its subjectAltName has none of the names {}", self.names.join(", "));
            return refused(WRONG_NAME, words);
        }
        if self.fingerprints.is_empty() {
            return Ok(());
        }
        // SAFETY: the caller's promise.
        match unsafe { fingerprint(certificate) } {
            Some(found) if self.fingerprints.contains(&found) => Ok(()),
            Some(found) => {
                refused(X509_V_ERR_CERT_REJECTED, format!("its SHA-256 fingerprint {found} is not allowed"))
            }
            None => refused(X509_V_ERR_CERT_REJECTED, "it has no fingerprint".to_owned()),
        }
    }
}

/// # Safety
/// `certificate` lives during the call.
unsafe fn has_name(certificate: *mut X509, name: &str, no_wildcards: bool) -> bool {
    let rules = if no_wildcards { NAME_RULES | X509_CHECK_FLAG_NO_WILDCARDS } else { NAME_RULES };
    let Ok(text) = CString::new(name.trim_end_matches('.')) else { return false };
    // SAFETY: the caller's promise, and a C string.
    unsafe {
        if name.parse::<IpAddr>().is_ok() {
            X509_check_ip_asc(certificate, text.as_ptr(), 0) == 1
        } else {
            let length = text.as_bytes().len();
            length > 0 && X509_check_host(certificate, text.as_ptr(), length, rules, ptr::null_mut()) == 1
        }
    }
}
