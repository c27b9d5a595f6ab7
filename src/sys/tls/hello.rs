// SPDX-License-Identifier: LGPL-2.1-or-later
//! What a ClientHello offers.
use libc::{c_int, c_uint};
use openssl_sys::*;
use std::ptr;

unsafe extern "C" {
    // Not declared by openssl-sys.
    fn SSL_CIPHER_find(ssl: *mut SSL, code: *const libc::c_uchar) -> *const SSL_CIPHER;
    fn SSL_CIPHER_get_kx_nid(cipher: *const SSL_CIPHER) -> c_int;
}

/// The extension pre_shared_key of TLS 1.3.
const PRE_SHARED_KEY: c_uint = 41;
/// OpenSSL's numbers for key exchanges with a pre-shared key: ECDHE, DHE, RSA, plain.
const KEY_EXCHANGES: [c_int; 4] = [1040, 1041, 1042, 1043];
/// Does the client offer a pre-shared key?
///
/// # Safety
/// To be called from the callback for a ClientHello of `ssl`.
pub(super) unsafe fn offers_key(ssl: *mut SSL) -> bool {
    // SAFETY: the caller's promise; the bytes live during the callback, and a suite's code has two of them.
    unsafe {
        let (mut bytes, mut length) = (ptr::null(), 0);
        if SSL_client_hello_get0_ext(ssl, PRE_SHARED_KEY, &raw mut bytes, &raw mut length) == 1 {
            return true;
        }
        let length = SSL_client_hello_get0_ciphers(ssl, &raw mut bytes);
        if bytes.is_null() {
            return false;
        }
        let suites = std::slice::from_raw_parts(bytes, length);
        suites.chunks_exact(2).any(|code| {
            let suite = SSL_CIPHER_find(ssl, code.as_ptr());
            !suite.is_null() && KEY_EXCHANGES.contains(&SSL_CIPHER_get_kx_nid(suite))
        })
    }
}
