// SPDX-License-Identifier: LGPL-2.1-or-later
//! The one transport function that has the same name in both releases and takes other things.

use std::ffi::{c_int, c_uint, c_void};

use super::remote::Tls;
use crate::capi::remote::tls::{new_tls_session_v2_1, new_tls_session_v3_0};
use crate::sys::gnutls::Object;

/// See [`new_tls_session_v2_1`].
///
/// # Safety
/// See there.
#[cfg_attr(pcmk_abi = "2.1", unsafe(export_name = "pcmk__new_tls_session"))]
pub unsafe extern "C" fn new_session_v2_1(
    csock: c_int,
    conn_type: c_uint,
    cred_type: c_int,
    credentials: *mut c_void,
) -> *mut Object {
    // SAFETY: the caller's promise.
    unsafe { new_tls_session_v2_1(csock, conn_type, cred_type, credentials) }
}

/// See [`new_tls_session_v3_0`].
///
/// # Safety
/// See there.
#[cfg_attr(not(pcmk_abi = "2.1"), unsafe(export_name = "pcmk__new_tls_session"))]
pub unsafe extern "C" fn new_session_v3_0(tls: *mut Tls, csock: c_int) -> Object {
    // SAFETY: the caller's promise.
    unsafe { new_tls_session_v3_0(tls, csock) }
}
