// SPDX-License-Identifier: LGPL-2.1-or-later
//! Do the files of a set go together?
use super::set::CertificateSet;
use openssl_sys::*;

impl CertificateSet {
    /// Do the authorities vouch for our own certificate, whatever its dates? A set need not be so: peers are judged by our
    /// authorities, and we by theirs. But one that stops to be so has most likely been changed in part.
    pub fn vouches_for_itself(&self) -> bool {
        let Some((own, issuers)) = self.chain.split_first() else { return false };
        // SAFETY: what OpenSSL makes here is freed here, the verification first; the certificates are ours, live as long, and
        // are counted by the store. The stack of issuers owns none of them. Errors are not wanted in the queue.
        unsafe {
            let (store, verification) = (X509_STORE_new(), X509_STORE_CTX_new());
            let untrusted = OPENSSL_sk_new_null();
            let mut vouches = false;
            if !store.is_null() && !verification.is_null() && !untrusted.is_null() {
                for anchor in &self.anchors {
                    X509_STORE_add_cert(store, anchor.as_ptr());
                }
                for issuer in issuers {
                    OPENSSL_sk_push(untrusted, issuer.as_ptr().cast());
                }
                X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_NO_CHECK_TIME);
                vouches = X509_STORE_CTX_init(verification, store, own.as_ptr(), untrusted.cast()) == 1
                    && X509_verify_cert(verification) == 1;
            }
            X509_STORE_CTX_free(verification);
            X509_STORE_free(store);
            if !untrusted.is_null() {
                OPENSSL_sk_free(untrusted);
            }
            ERR_clear_error();
            vouches
        }
    }
}
