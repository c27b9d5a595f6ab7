// SPDX-License-Identifier: LGPL-2.1-or-later
//! What OpenSSL's verification of a chain does not do, or does differently from GnuTLS, so that both ends of a cluster
//! judge alike.
use super::demands::Role;
use super::ffi;
use super::object::{RevocationList, may_sign};
use super::refusal::{Refusal, is_about_lists};
use super::strictness::Strictness;
use libc::c_int;
use openssl_sys::*;
use std::ptr;

/// The revocation lists that count, and the rules.
#[derive(Debug)]
pub(in crate::sys) struct Judge {
    lists: Vec<RevocationList>,
    strictness: Strictness,
    /// Whose certificates are judged.
    role: Role,
}

impl Judge {
    /// Of these lists each issuer's newest counts, one for each of its keys: GnuTLS keeps one for all keys of a name, so
    /// that a list by a new key makes it forget what the old key has revoked.
    pub(in crate::sys) fn new(lists: &[RevocationList], strictness: Strictness, role: Role) -> Self {
        let known: Vec<_> =
            lists.iter().map(|list| (list, list.key_identifier(), list.last_update())).collect();
        let counts = |(list, key, made): &(&RevocationList, Vec<u8>, Option<super::Time>)| {
            !known
                .iter()
                .any(|(other, its_key, later)| key == its_key && later > made && other.has_issuer_of(list))
        };
        let lists = known.iter().filter(|entry| counts(entry)).map(|(list, ..)| list.share()).collect();
        Self { lists, strictness, role }
    }

    /// Is OpenSSL's error of no weight? Lists are demanded of what an authority has signed, not of the authority itself.
    ///
    /// # Safety
    /// `store` is of a verification that is under way.
    pub(super) unsafe fn tolerates(&self, store: *mut X509_STORE_CTX) -> bool {
        // SAFETY: the caller's promise.
        unsafe {
            let chain = X509_STORE_CTX_get0_chain(store).cast::<OPENSSL_STACK>();
            let tolerated = is_about_lists(X509_STORE_CTX_get_error(store))
                && !chain.is_null()
                && X509_STORE_CTX_get_error_depth(store) == OPENSSL_sk_num(chain) - 1;
            if tolerated {
                X509_STORE_CTX_set_error(store, X509_V_OK);
            }
            tolerated
        }
    }

    /// To be asked when OpenSSL has built and verified the whole chain. `host`: what a client connects to.
    ///
    /// # Safety
    /// `store` is of a verification that is under way, whose chain is complete.
    pub(super) unsafe fn accept(
        &self,
        store: *mut X509_STORE_CTX,
        host: Option<&str>,
    ) -> Result<(), Refusal> {
        // SAFETY: the caller's promise; the certificates of a chain live as long as the verification.
        unsafe {
            let chain = X509_STORE_CTX_get0_chain(store).cast::<OPENSSL_STACK>();
            let count = if chain.is_null() { 0 } else { OPENSSL_sk_num(chain) };
            if count < 1 {
                return Err(Refusal::new(X509_V_ERR_UNSPECIFIED, 0));
            }
            for depth in 0..count {
                let certificate = OPENSSL_sk_value(chain, depth).cast::<X509>();
                self.check_revocation(certificate, depth)?;
                self.strictness.check_key(certificate, depth)?;
                if depth == 0 || depth < count - 1 {
                    self.strictness.check_purpose(certificate, depth, self.role)?;
                }
                // OpenSSL is content with an issuer's keyUsage. The anchor is the administrator's word.
                if depth > 0 && depth < count - 1 && ffi::X509_check_ca(certificate) != 1 {
                    return Err(Refusal::new(X509_V_ERR_INVALID_CA, depth));
                }
            }
            let own = OPENSSL_sk_value(chain, 0).cast::<X509>();
            if !may_sign(own) {
                let words = "its keyUsage lacks digitalSignature".to_owned();
                return Err(Refusal::new(X509_V_ERR_INVALID_PURPOSE, 0).with_words(|_| words));
            }
            self.strictness.check_identity(own, host, self.role)
        }
    }

    /// A list is the administrator's own file: what it revokes is refused, whatever its dates and its signature.
    ///
    /// # Safety
    /// `certificate` lives during the call.
    unsafe fn check_revocation(&self, certificate: *mut X509, depth: c_int) -> Result<(), Refusal> {
        for list in &self.lists {
            let mut entry: *mut X509_REVOKED = ptr::null_mut();
            // SAFETY: the caller's promise, and a list of ours; OpenSSL locks the list while it sorts it.
            let revoked = unsafe {
                X509_NAME_cmp(X509_CRL_get_issuer(list.as_ptr()), X509_get_issuer_name(certificate)) == 0
                    && X509_CRL_get0_by_serial(
                        list.as_ptr(),
                        &raw mut entry,
                        X509_get_serialNumber(certificate),
                    ) != 0
            };
            if revoked {
                return Err(Refusal::new(X509_V_ERR_CERT_REVOKED, depth));
            }
        }
        Ok(())
    }
}
