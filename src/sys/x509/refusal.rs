// SPDX-License-Identifier: LGPL-2.1-or-later
//! Why a peer's chain is refused: for OpenSSL, which makes the alert of it, and for the log.
use super::describe;
use super::ffi;
use super::object::About;
use libc::c_int;
use openssl_sys::*;
use std::ptr;

/// Why a peer's chain is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::sys) struct Refusal {
    /// OpenSSL's number, from which libssl makes the alert.
    code: c_int,
    depth: c_int,
    words: String,
}

impl Refusal {
    pub(super) fn new(code: c_int, depth: c_int) -> Self {
        Self { code, depth, words: describe::verification_error(code) }
    }

    /// The same in other words, made of OpenSSL's.
    pub(super) fn with_words(self, words: impl FnOnce(String) -> String) -> Self {
        Self { words: words(self.words), ..self }
    }

    /// OpenSSL's own, of a verification that has just failed.
    ///
    /// # Safety
    /// `store` is of a verification that is under way.
    pub(in crate::sys) unsafe fn of_openssl(store: *mut X509_STORE_CTX) -> Self {
        // SAFETY: the caller's promise.
        let (code, depth) =
            unsafe { (X509_STORE_CTX_get_error(store), X509_STORE_CTX_get_error_depth(store)) };
        if is_about_lists(code) {
            // The alert must not say that the peer's certificate has expired when a list has.
            return Self::new(X509_V_ERR_CERT_REJECTED, depth).with_words(|_| words_about_lists(code));
        }
        Self::new(code, depth)
    }

    /// The refusal in words, with the certificate that it is about.
    ///
    /// # Safety
    /// `store` is of a verification that is under way.
    pub(in crate::sys) unsafe fn describe(&self, store: *mut X509_STORE_CTX) -> String {
        // SAFETY: the caller's promise; certificates of the chain live as long.
        unsafe {
            let chain = X509_STORE_CTX_get0_chain(store).cast::<OPENSSL_STACK>();
            let mut certificate = ptr::null_mut();
            if !chain.is_null() && self.depth < OPENSSL_sk_num(chain) {
                certificate = OPENSSL_sk_value(chain, self.depth).cast::<X509>();
            }
            if certificate.is_null() {
                certificate = X509_STORE_CTX_get_current_cert(store);
            }
            if certificate.is_null() {
                return self.words.clone();
            }
            let about = About::of(certificate);
            if self.depth == 0 || chain.is_null() {
                return format!("{} (its own certificate: {about})", self.words);
            }
            let peer = About::of(OPENSSL_sk_value(chain, 0).cast()).subject;
            format!("{} (a certificate in the chain of {peer}: {about})", self.words)
        }
    }

    /// The alert that tells a peer, where it is not libssl that sends it: the same that libssl would.
    #[cfg(feature = "capi")]
    pub(super) fn alert(&self) -> u8 {
        const BAD_CERTIFICATE: u8 = 42;
        const UNSUPPORTED_CERTIFICATE: u8 = 43;
        const CERTIFICATE_REVOKED: u8 = 44;
        const CERTIFICATE_EXPIRED: u8 = 45;
        const UNKNOWN_CA: u8 = 48;
        match self.code {
            X509_V_ERR_CERT_HAS_EXPIRED => CERTIFICATE_EXPIRED,
            X509_V_ERR_CERT_REVOKED => CERTIFICATE_REVOKED,
            X509_V_ERR_INVALID_PURPOSE => UNSUPPORTED_CERTIFICATE,
            X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT
            | X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY
            | X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE
            | X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT
            | X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN
            | X509_V_ERR_CERT_CHAIN_TOO_LONG
            | X509_V_ERR_PATH_LENGTH_EXCEEDED
            | X509_V_ERR_INVALID_CA => UNKNOWN_CA,
            _ => BAD_CERTIFICATE,
        }
    }

    /// Tells OpenSSL, so that the alert fits.
    ///
    /// # Safety
    /// `store` is of a verification that is under way.
    pub(in crate::sys) unsafe fn apply(&self, store: *mut X509_STORE_CTX) {
        // SAFETY: the caller's promise.
        unsafe {
            ffi::X509_STORE_CTX_set_error_depth(store, self.depth);
            X509_STORE_CTX_set_error(store, self.code);
        }
    }
}

/// Does this error of OpenSSL's say that a list is missing or unusable?
pub(super) fn is_about_lists(code: c_int) -> bool {
    [
        X509_V_ERR_UNABLE_TO_GET_CRL,
        X509_V_ERR_UNABLE_TO_DECRYPT_CRL_SIGNATURE,
        X509_V_ERR_CRL_SIGNATURE_FAILURE,
        X509_V_ERR_CRL_NOT_YET_VALID,
        X509_V_ERR_CRL_HAS_EXPIRED,
        X509_V_ERR_ERROR_IN_CRL_LAST_UPDATE_FIELD,
        X509_V_ERR_ERROR_IN_CRL_NEXT_UPDATE_FIELD,
        X509_V_ERR_UNABLE_TO_GET_CRL_ISSUER,
        X509_V_ERR_KEYUSAGE_NO_CRL_SIGN,
        X509_V_ERR_UNHANDLED_CRITICAL_CRL_EXTENSION,
        X509_V_ERR_DIFFERENT_CRL_SCOPE,
        X509_V_ERR_CRL_PATH_VALIDATION_ERROR,
    ]
    .contains(&code)
}

/// OpenSSL's words for such an error, as the reason of a refusal.
fn words_about_lists(code: c_int) -> String {
    format!("it is not known whether it was revoked: {}", describe::verification_error(code))
}
