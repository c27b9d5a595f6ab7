// SPDX-License-Identifier: LGPL-2.1-or-later
//! Declarations of libcrypto and libssl 3 that openssl-sys lacks, and the numbers that go with them.
use libc::{c_char, c_int, c_void};
use openssl_sys::{EVP_KDF, EVP_KDF_CTX, OSSL_LIB_CTX, OSSL_PARAM, SSL_CTX, SSL_METHOD};

pub(super) const OSSL_OP_KDF: c_int = 4;
pub(super) const OSSL_PARAM_OCTET_STRING: u32 = 5;
pub(super) const FUNC_KDF_NEWCTX: c_int = 1;
pub(super) const FUNC_KDF_DUPCTX: c_int = 2;
pub(super) const FUNC_KDF_FREECTX: c_int = 3;
pub(super) const FUNC_KDF_RESET: c_int = 4;
pub(super) const FUNC_KDF_DERIVE: c_int = 5;
pub(super) const FUNC_KDF_SETTABLE_CTX_PARAMS: c_int = 8;
pub(super) const FUNC_KDF_SET_CTX_PARAMS: c_int = 11;
pub(super) const FUNC_PROVIDER_QUERY_OPERATION: c_int = 1027;

/// `OSSL_DISPATCH`: one function of a provider, by number. A table ends with [`Dispatch::END`].
#[repr(C)]
pub(super) struct Dispatch {
    pub(super) id: c_int,
    pub(super) function: *const c_void,
}

impl Dispatch {
    pub(super) const END: Self = Self { id: 0, function: std::ptr::null() };
}

/// `OSSL_ALGORITHM`: one algorithm of a provider. A table ends with [`Algorithm::END`].
#[repr(C)]
pub(super) struct Algorithm {
    pub(super) names: *const c_char,
    pub(super) properties: *const c_char,
    pub(super) implementation: *const Dispatch,
    pub(super) description: *const c_char,
}

impl Algorithm {
    pub(super) const END: Self = Self {
        names: std::ptr::null(),
        properties: std::ptr::null(),
        implementation: std::ptr::null(),
        description: std::ptr::null(),
    };
}

// SAFETY: both hold pointers to functions and static data only, which never change.
unsafe impl Sync for Dispatch {}
// SAFETY: as above.
unsafe impl Sync for Algorithm {}

/// `OSSL_provider_init_fn`.
pub(super) type ProviderInit = unsafe extern "C" fn(
    handle: *const c_void,
    core: *const Dispatch,
    functions: *mut *const Dispatch,
    context: *mut *mut c_void,
) -> c_int;

unsafe extern "C" {
    pub(super) fn OSSL_PROVIDER_add_builtin(
        context: *mut OSSL_LIB_CTX,
        name: *const c_char,
        init: ProviderInit,
    ) -> c_int;
    pub(super) fn EVP_KDF_CTX_set_params(context: *mut EVP_KDF_CTX, params: *const OSSL_PARAM) -> c_int;
    pub(super) fn EVP_KDF_CTX_dup(context: *const EVP_KDF_CTX) -> *mut EVP_KDF_CTX;
    pub(super) fn EVP_KDF_settable_ctx_params(kdf: *const EVP_KDF) -> *const OSSL_PARAM;
    pub(in crate::sys) fn SSL_CTX_new_ex(
        context: *mut OSSL_LIB_CTX,
        properties: *const c_char,
        method: *const SSL_METHOD,
    ) -> *mut SSL_CTX;
}
