// SPDX-License-Identifier: LGPL-2.1-or-later
//! Verification with the rules of this program: how OpenSSL is set up for it, and how it goes.
use super::ffi;
use super::judge::Judge;
use super::refusal::Refusal;
use super::set::CertificateSet;
use super::strictness::{Strictness, SuiteB};
use openssl_sys::*;

/// Trusts the set's authorities alone, with the rules that OpenSSL can keep by itself.
///
/// # Safety
/// `store` and `parameters` belong to the caller, and nothing uses them yet.
pub(in crate::sys) unsafe fn prepare(
    store: *mut X509_STORE,
    parameters: *mut X509_VERIFY_PARAM,
    set: &CertificateSet,
    strictness: &Strictness,
) {
    let mut flags = X509_V_FLAG_PARTIAL_CHAIN;
    flags |= match strictness.suite_b {
        Some(SuiteB::Bits128) => X509_V_FLAG_SUITEB_128_LOS,
        Some(SuiteB::Bits192) => X509_V_FLAG_SUITEB_192_LOS,
        None => 0,
    };
    // SAFETY: the caller's promise; the store counts what it is given. What is there already counts as added.
    unsafe {
        for anchor in &set.anchors {
            X509_STORE_add_cert(store, anchor.as_ptr());
        }
        if strictness.require_lists {
            flags |= X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL;
            for list in set.lists.iter().filter(|list| !list.has_weak_signature()) {
                ffi::X509_STORE_add_crl(store, list.as_ptr());
            }
        }
        ERR_clear_error();
        X509_VERIFY_PARAM_set_flags(parameters, flags);
        X509_VERIFY_PARAM_set_purpose(parameters, X509_PURPOSE_ANY);
    }
}

impl Judge {
    /// A step of a verification; was it the last, so that the whole chain is accepted?
    ///
    /// # Safety
    /// `store` is of a verification that is under way.
    pub(in crate::sys) unsafe fn step(
        &self,
        accepted: bool,
        store: *mut X509_STORE_CTX,
        host: Option<&str>,
    ) -> Result<bool, Refusal> {
        // SAFETY: the caller's promise.
        unsafe {
            if !accepted {
                return if self.tolerates(store) { Ok(false) } else { Err(Refusal::of_openssl(store)) };
            }
            if X509_STORE_CTX_get_error_depth(store) != 0 {
                return Ok(false);
            }
            self.accept(store, host).map(|()| true)
        }
    }
}
