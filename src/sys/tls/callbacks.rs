// SPDX-License-Identifier: LGPL-2.1-or-later
//! Where OpenSSL asks for the key, and about the peer's certificate. Every callback for a key checks the identity, and a
//! panic is a refusal.
use super::hello::offers_key;
use super::proof::Proof;
use super::psk::IDENTITY;
use crate::sys::unwind::guard;
use crate::sys::x509::Refusal;
use libc::{c_char, c_int, c_uchar, c_uint, c_void};
use openssl_sys::*;
use std::cell::{Cell, RefCell};
use std::ffi::{CStr, CString};

/// Where an SSL keeps the pointer to its [`Handshake`]: the slot that OpenSSL leaves to applications.
pub(super) const EX_DATA_SLOT: libc::c_int = 0;

const SSL_CLIENT_HELLO_ERROR: c_int = 0;
const SSL_CLIENT_HELLO_RETRY: c_int = -1;

/// What the callbacks of one connection need.
pub(super) struct Handshake {
    /// Gone once the handshake is over: nothing asks for it again.
    pub(super) proof: RefCell<Option<Proof>>,
    /// What a client says it is.
    pub(super) identity: CString,
    /// The name or address that a client connects to, if it is known.
    pub(super) host: Option<String>,
    /// Is there a context of the other kind, for a client that this one is not for?
    pub(super) has_alternative: bool,
    /// Is the client for that?
    pub(super) is_for_alternative: Cell<bool>,
    /// The identity of a client that was refused, fit for a log.
    pub(super) refused: RefCell<Option<String>>,
    /// Was the peer's whole chain judged, and accepted?
    pub(super) chain_accepted: Cell<bool>,
    /// Why the peer's certificate was refused.
    pub(super) verdict: RefCell<Option<String>>,
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
    let proof = handshake.proof.borrow();
    let Some(Proof::Key(secret)) = proof.as_ref() else { return 0 };
    let key = secret.for_libssl();
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

/// A ClientHello has come. Where keys and certificates are accepted, and this context has the one of which the client offers
/// the other, the handshake stops here, before anything was answered.
pub(super) extern "C" fn client_hello(ssl: *mut SSL, _alert: *mut c_int, _: *mut c_void) -> c_int {
    guard(SSL_CLIENT_HELLO_ERROR, || {
        if ssl.is_null() {
            return SSL_CLIENT_HELLO_ERROR;
        }
        // SAFETY: OpenSSL calls with the SSL it works on.
        let Some(handshake) = (unsafe { handshake(ssl) }) else { return SSL_CLIENT_HELLO_ERROR };
        if !handshake.has_alternative {
            return SSL_CLIENT_HELLO_SUCCESS;
        }
        let has_key = matches!(handshake.proof.borrow().as_ref(), Some(Proof::Key(_)));
        // SAFETY: this is the callback.
        if unsafe { offers_key(ssl) } == has_key {
            return SSL_CLIENT_HELLO_SUCCESS;
        }
        handshake.is_for_alternative.set(true);
        SSL_CLIENT_HELLO_RETRY
    })
}

/// OpenSSL asks about each certificate of the peer's chain, the peer's own last, and about each error.
pub(super) extern "C" fn verify(accepted: c_int, store: *mut X509_STORE_CTX) -> c_int {
    guard(0, || {
        if store.is_null() {
            return 0;
        }
        // SAFETY: OpenSSL calls with the verification of an SSL of a `Stream`.
        let handshake = unsafe {
            let ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()).cast::<SSL>();
            if ssl.is_null() { None } else { handshake(ssl) }
        };
        let Some(handshake) = handshake else { return 0 };
        // SAFETY: as above.
        match unsafe { judge(handshake, accepted == 1, store) } {
            Ok(()) => 1,
            Err(refusal) => {
                handshake.chain_accepted.set(false);
                // SAFETY: as above.
                unsafe {
                    refusal.apply(store);
                    // The first reason counts: OpenSSL goes on after some.
                    handshake.verdict.borrow_mut().get_or_insert_with(|| refusal.describe(store));
                }
                0
            }
        }
    })
}

/// # Safety
/// `store` is of a verification that is under way.
unsafe fn judge(handshake: &Handshake, accepted: bool, store: *mut X509_STORE_CTX) -> Result<(), Refusal> {
    // SAFETY: the caller's promise.
    unsafe {
        let proof = handshake.proof.borrow();
        let Some(Proof::Certificates(judge)) = proof.as_ref() else {
            return Err(Refusal::of_openssl(store));
        };
        if judge.step(accepted, store, handshake.host.as_deref())? {
            handshake.chain_accepted.set(true);
        }
    }
    Ok(())
}
