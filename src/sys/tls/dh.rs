// SPDX-License-Identifier: LGPL-2.1-or-later
//! The group of a server's Diffie-Hellman exchange at TLS 1.2. OpenSSL's automatic choice is one of RFC 3526, which GnuTLS
//! holds against the number of bits that its user demands (`PCMK_dh_min_bits` of a cluster node). A group of RFC 7919 is one
//! that the client has offered by name, and is taken whatever its size.
use openssl_sys::*;
use std::ffi::{CStr, c_int};
use std::ptr;

/// As strong as a cipher of 128 bits.
const USUAL: &CStr = c"ffdhe3072";
/// For security levels that are not content with that.
const LARGE: &CStr = c"ffdhe8192";
/// The level from which on 128 bits are too few.
const ABOVE_128_BITS: c_int = 4;

/// Has the servers of a context use a group that its security level allows. Without one they do without such exchanges.
///
/// # Safety
/// `context` is alive, nobody else uses it, and it was made in `library`, which is NULL for OpenSSL's own.
pub(super) unsafe fn set_group(context: *mut SSL_CTX, library: *mut OSSL_LIB_CTX) {
    // SAFETY: by the caller's promise. What is made is freed, but for the group if the context has taken it.
    unsafe {
        let level = SSL_CTX_get_security_level(context);
        let group = make(library, if level < ABOVE_128_BITS { USUAL } else { LARGE });
        if !group.is_null() && SSL_CTX_set0_tmp_dh_pkey(context, group) != 1 {
            EVP_PKEY_free(group);
        }
        ERR_clear_error();
    }
}

/// NULL where OpenSSL does not know it.
///
/// # Safety
/// `library` is NULL or alive.
unsafe fn make(library: *mut OSSL_LIB_CTX, name: &CStr) -> *mut EVP_PKEY {
    let mut group = ptr::null_mut();
    // SAFETY: `library` by the caller's promise; literals; a place for the answer. Freeing NULL does nothing, and a call
    // that gets NULL fails.
    unsafe {
        let list = OSSL_PARAM_BLD_new();
        OSSL_PARAM_BLD_push_utf8_string(list, c"group".as_ptr(), name.as_ptr(), 0);
        let parameters = OSSL_PARAM_BLD_to_param(list);
        let maker = EVP_PKEY_CTX_new_from_name(library, c"DH".as_ptr(), ptr::null());
        let made = !parameters.is_null()
            && !maker.is_null()
            && EVP_PKEY_paramgen_init(maker) == 1
            && EVP_PKEY_CTX_set_params(maker, parameters) == 1
            && EVP_PKEY_paramgen(maker, &raw mut group) == 1;
        EVP_PKEY_CTX_free(maker);
        OSSL_PARAM_free(parameters);
        OSSL_PARAM_BLD_free(list);
        if made { group } else { ptr::null_mut() }
    }
}
