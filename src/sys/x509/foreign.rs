// SPDX-License-Identifier: LGPL-2.1-or-later
//! Verification of chains that another TLS library got, by the same rules.
use super::chain::prepare;
use super::demands::Role;
use super::ffi;
use super::judge::Judge;
use super::set::CertificateSet;
use super::strictness::Strictness;
use crate::sys::unwind::guard;
use libc::{c_int, c_long};
use openssl_sys::*;
use std::ptr::{self, NonNull};

/// Where a verification keeps the pointer to its [`Trial`]: OpenSSL leaves the slot to applications.
const SLOT: c_int = 0;

/// A verification under way.
struct Trial<'a> {
    judge: Judge,
    host: Option<&'a str>,
    accepted: bool,
    refused: Option<Refused>,
}

/// Why a chain is refused that another TLS library got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    /// In words, with the certificate that it is about.
    pub(crate) reason: String,
    /// The number of the alert that tells the peer.
    pub(crate) alert: u8,
}

impl Refused {
    /// A chain that cannot even be looked at.
    fn unread(reason: &str) -> Self {
        Self { reason: reason.to_owned(), alert: 42 }
    }
}

/// What is made for a verification.
struct Made {
    store: *mut X509_STORE,
    context: *mut X509_STORE_CTX,
    certificates: Vec<NonNull<X509>>,
    stack: *mut OPENSSL_STACK,
}

impl Drop for Made {
    fn drop(&mut self) {
        // SAFETY: all ours, or NULL, which is allowed; the context goes before what it refers to. The stack does not count
        // its certificates.
        unsafe {
            X509_STORE_CTX_free(self.context);
            X509_STORE_free(self.store);
            OPENSSL_sk_free(self.stack);
            for certificate in &self.certificates {
                X509_free(certificate.as_ptr());
            }
        }
    }
}

impl CertificateSet {
    /// Judges the chain of a peer, its own certificate first, each in DER form. `host`: what a client connects to.
    ///
    /// # Errors
    /// Why it is refused.
    pub(crate) fn judge(
        &self,
        chain: &[&[u8]],
        strictness: &Strictness,
        role: Role,
        host: Option<&str>,
    ) -> Result<(), Refused> {
        let judge = Judge::new(&self.lists, strictness.clone(), role);
        let mut trial = Trial { judge, host, accepted: false, refused: None };
        // SAFETY: OpenSSL's constructors, whose results `Made` frees. The trial outlives the verification, which alone
        // uses it meanwhile.
        let verified = unsafe {
            let mut made = Made {
                store: X509_STORE_new(),
                context: X509_STORE_CTX_new(),
                certificates: Vec::new(),
                stack: OPENSSL_sk_new_null(),
            };
            for der in chain {
                let length = c_long::try_from(der.len()).map_err(|_| Refused::unread("it is too long"))?;
                let certificate = d2i_X509(ptr::null_mut(), &mut der.as_ptr(), length);
                let certificate =
                    NonNull::new(certificate).ok_or_else(|| Refused::unread("it cannot be read"))?;
                made.certificates.push(certificate);
                OPENSSL_sk_push(made.stack, certificate.as_ptr().cast());
            }
            let own = made.certificates.first().ok_or_else(|| Refused::unread("there is none"))?.as_ptr();
            if made.store.is_null()
                || made.context.is_null()
                || X509_STORE_CTX_init(made.context, made.store, own, made.stack.cast()) != 1
            {
                return Err(Refused::unread("OpenSSL has no memory"));
            }
            let parameters = ffi::X509_STORE_CTX_get0_param(made.context);
            prepare(made.store, parameters, self, strictness);
            X509_VERIFY_PARAM_set_auth_level(parameters, strictness.security_level);
            ffi::X509_STORE_CTX_set_ex_data(made.context, SLOT, (&raw mut trial).cast());
            ffi::X509_STORE_CTX_set_verify_cb(made.context, Some(step));
            let verified = X509_verify_cert(made.context) == 1;
            ERR_clear_error();
            verified
        };
        let unknown = || Refused::unread("no reason is known");
        if verified && trial.accepted { Ok(()) } else { Err(trial.refused.unwrap_or_else(unknown)) }
    }
}

/// OpenSSL asks about each certificate, the peer's own last, and about each error.
extern "C" fn step(ok: c_int, store: *mut X509_STORE_CTX) -> c_int {
    guard(0, || {
        // SAFETY: the verification of `judge`, whose slot holds its trial.
        unsafe {
            let Some(trial) = X509_STORE_CTX_get_ex_data(store, SLOT).cast::<Trial<'_>>().as_mut() else {
                return 0;
            };
            match trial.judge.step(ok == 1, store, trial.host) {
                Ok(done) => {
                    trial.accepted = done;
                    1
                }
                Err(refusal) => {
                    trial.accepted = false;
                    trial.refused.get_or_insert_with(|| Refused {
                        reason: refusal.describe(store),
                        alert: refusal.alert(),
                    });
                    0
                }
            }
        }
    })
}
