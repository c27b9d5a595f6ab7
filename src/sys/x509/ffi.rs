// SPDX-License-Identifier: LGPL-2.1-or-later
//! Functions of OpenSSL 3 that openssl-sys does not declare.
#[cfg(feature = "capi")]
use libc::c_void;
use libc::{c_int, c_ulong};
use openssl_sys::{ASN1_TIME, BIO, EVP_PKEY, X509, X509_CRL, X509_NAME, X509_STORE, X509_STORE_CTX};
#[cfg(feature = "capi")]
use openssl_sys::{PKCS8_PRIV_KEY_INFO, X509_VERIFY_PARAM};

unsafe extern "C" {
    pub(super) fn X509_check_ca(certificate: *mut X509) -> c_int;
    pub(super) fn X509_get0_notBefore(certificate: *const X509) -> *const ASN1_TIME;
    pub(super) fn X509_get0_notAfter(certificate: *const X509) -> *const ASN1_TIME;
    pub(super) fn X509_CRL_get_signature_nid(list: *const X509_CRL) -> c_int;
    pub(super) fn X509_STORE_add_crl(store: *mut X509_STORE, list: *mut X509_CRL) -> c_int;
    pub(super) fn X509_get0_pubkey(certificate: *const X509) -> *mut EVP_PKEY;
    pub(super) fn X509_check_private_key(certificate: *const X509, key: *const EVP_PKEY) -> c_int;
    pub(super) fn X509_STORE_CTX_set_error_depth(store: *mut X509_STORE_CTX, depth: c_int);
    pub(super) fn X509_NAME_print_ex(
        out: *mut BIO,
        name: *const X509_NAME,
        indent: c_int,
        flags: c_ulong,
    ) -> c_int;
    pub(super) fn ASN1_TIME_to_tm(time: *const ASN1_TIME, broken_down: *mut libc::tm) -> c_int;
}

#[cfg(feature = "capi")]
unsafe extern "C" {
    pub(super) fn X509_STORE_CTX_get0_param(store: *mut X509_STORE_CTX) -> *mut X509_VERIFY_PARAM;
    pub(super) fn X509_STORE_CTX_set_ex_data(
        store: *mut X509_STORE_CTX,
        slot: c_int,
        data: *mut c_void,
    ) -> c_int;
    pub(super) fn X509_STORE_CTX_set_verify_cb(
        store: *mut X509_STORE_CTX,
        step: Option<extern "C" fn(c_int, *mut X509_STORE_CTX) -> c_int>,
    );
    pub(super) fn i2d_PKCS8_PRIV_KEY_INFO(key: *const PKCS8_PRIV_KEY_INFO, to: *mut *mut u8) -> c_int;
}
