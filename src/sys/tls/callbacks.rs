// SPDX-License-Identifier: LGPL-2.1-or-later
//! Where OpenSSL asks for the key. Every callback checks the identity, and a panic is a refusal.
use super::psk::{IDENTITY, Secret};
use crate::sys::unwind::guard;
use libc::{c_char, c_uchar, c_uint};
use openssl_sys::{SSL, SSL_get_ex_data};
use std::cell::RefCell;
use std::ffi::{CStr, CString};
use std::sync::Arc;

/// Where an SSL keeps the pointer to its [`Handshake`]: the slot that OpenSSL leaves to applications.
pub(super) const EX_DATA_SLOT: libc::c_int = 0;

/// What the callbacks of one connection need.
pub(super) struct Handshake {
    /// Gone once the handshake is over: nothing asks for it again.
    pub(super) secret: RefCell<Option<Arc<Secret>>>,
    /// What a client says it is.
    pub(super) identity: CString,
    /// The identity of a client that was refused, fit for a log.
    pub(super) refused: RefCell<Option<String>>,
}

/// # Safety
/// `ssl` is a valid SSL of a `Stream`, whose slot holds its handshake.
unsafe fn handshake<'a>(ssl: *mut SSL) -> Option<&'a Handshake> {
    // SAFETY: the caller's word. Streams only use the handshake through shared references.
    unsafe { SSL_get_ex_data(ssl, EX_DATA_SLOT).cast::<Handshake>().as_ref() }
}

/// Copies the key; 0, which refuses, when there is none or no room.
///
/// # Safety
/// `buffer` has room for `room` bytes.
unsafe fn give_key(handshake: &Handshake, buffer: *mut c_uchar, room: c_uint) -> c_uint {
    let secret = handshake.secret.borrow();
    let Some(key) = secret.as_ref().map(|secret| secret.for_libssl()) else { return 0 };
    match c_uint::try_from(key.len()) {
        Ok(len) if len <= room && !buffer.is_null() => {
            // SAFETY: the room was checked, and OpenSSL's buffer is none of ours.
            unsafe { std::ptr::copy_nonoverlapping(key.as_ptr(), buffer, key.len()) };
            len
        }
        _ => 0,
    }
}

pub(super) extern "C" fn server(
    ssl: *mut SSL,
    identity: *const c_char,
    buffer: *mut c_uchar,
    room: c_uint,
) -> c_uint {
    guard(0, || {
        if ssl.is_null() || identity.is_null() {
            return 0;
        }
        // SAFETY: OpenSSL calls with the SSL it works on and a C string.
        let (Some(handshake), identity) = (unsafe { (handshake(ssl), CStr::from_ptr(identity)) }) else {
            return 0;
        };
        if identity.to_bytes() != IDENTITY.as_bytes() {
            let shown: String = identity.to_string_lossy().escape_debug().take(64).collect();
            *handshake.refused.borrow_mut() = Some(shown);
            return 0;
        }
        // SAFETY: OpenSSL vouches for its buffer.
        unsafe { give_key(handshake, buffer, room) }
    })
}

pub(super) extern "C" fn client(
    ssl: *mut SSL,
    _hint: *const c_char,
    identity: *mut c_char,
    identity_room: c_uint,
    buffer: *mut c_uchar,
    room: c_uint,
) -> c_uint {
    guard(0, || {
        if ssl.is_null() || identity.is_null() {
            return 0;
        }
        // SAFETY: OpenSSL calls with the SSL it works on.
        let Some(handshake) = (unsafe { handshake(ssl) }) else { return 0 };
        let name = handshake.identity.as_bytes_with_nul();
        if name.len() > identity_room as usize {
            return 0;
        }
        // SAFETY: the room was checked, NUL included; OpenSSL vouches for both buffers.
        unsafe {
            std::ptr::copy_nonoverlapping(name.as_ptr().cast(), identity, name.len());
            give_key(handshake, buffer, room)
        }
    })
}
