// SPDX-License-Identifier: LGPL-2.1-or-later
//! TLS sessions. They are GnuTLS's, as their callers read and end them by GnuTLS's own functions.

use std::ffi::{CString, c_int, c_uint, c_void};
use std::ptr;

use super::carrier::Carrier;
use super::certificates;
use super::settings;
use crate::capi::abi::remote::{Client, Remote, Tls};
use crate::capi::abi::{self, only_in};
use crate::capi::entry::entry;
use crate::model::options;
use crate::sys::gnutls::{self, Functions, Object, credentials};

/// Which ciphers and protocols, unless the environment says it.
const PRIORITIES: &str = "NORMAL";

/// A session on a socket, with credentials of this kind, which must outlive it. It speaks what `PCMK_tls_priorities`
/// allows.
///
/// # Errors
/// GnuTLS's code.
fn new_session(
    gnutls: &Functions,
    socket: c_int,
    role: c_uint,
    kind: c_int,
    shared: *mut c_void,
    least_bits: Option<c_uint>,
) -> Result<Object, c_int> {
    let checked = |code: c_int| if code == 0 { Ok(()) } else { Err(code) };
    let base = settings::option(&options::TLS_PRIORITIES).and_then(|text| text.into_string().ok());
    let base = base.as_deref().unwrap_or(PRIORITIES);
    let needed = match kind {
        credentials::ANON => ":+ANON-DH",
        credentials::PSK => ":+DHE-PSK:+PSK",
        _ => "",
    };
    let priorities = CString::new(format!("{base}{needed}")).unwrap_or_default();
    let mut session: Object = ptr::null_mut();
    // SAFETY: a place for the session, which is then ours; GnuTLS copies the text and keeps the credentials' pointer,
    // as the caller knows. The socket's number is what it takes for a pointer.
    unsafe {
        checked((gnutls.init)(&raw mut session, role))?;
        let mut code = (gnutls.priority_set_direct)(session, priorities.as_ptr(), ptr::null_mut());
        if code == 0 {
            if let Some(bits) = least_bits {
                (gnutls.dh_set_prime_bits)(session, bits);
            }
            (gnutls.transport_set_ptr)(session, ptr::without_provenance_mut(socket as usize));
            code = (gnutls.credentials_set)(session, kind, shared);
        }
        if code != 0 {
            (gnutls.deinit)(session);
        }
        checked(code)?;
    }
    Ok(session)
}

fn refused(gnutls: &Functions, code: c_int) {
    let words = gnutls.words(code);
    log::error!("Could not make a TLS session ({words}); is PCMK_tls_priorities right?");
}

/// `pcmk__new_tls_session()` of Pacemaker 2.1: a session as a client or a server, with anonymous credentials or a
/// shared key. NULL if GnuTLS refuses.
///
/// The caller ends it with `gnutls_deinit()`, and gives the place where it lies back with `gnutls_free()`.
///
/// # Safety
/// `credentials` are GnuTLS's of this kind and role, and outlive the session.
pub unsafe fn new_tls_session_v2_1(
    csock: c_int,
    conn_type: c_uint,
    cred_type: c_int,
    shared: *mut c_void,
) -> *mut Object {
    let Some(gnutls) = gnutls::functions() else { return ptr::null_mut() };
    let kind = if cred_type == credentials::ANON { cred_type } else { credentials::PSK };
    let least =
        settings::number(&options::DH_MIN_BITS).filter(|bits| conn_type == gnutls::CLIENT && *bits > 0);
    let Some(place) = gnutls::allocate(size_of::<Object>()) else { return ptr::null_mut() };
    match new_session(gnutls, csock, conn_type, kind, shared, least) {
        Ok(session) => {
            let place = place.cast::<Object>();
            // SAFETY: room for one pointer, just allocated.
            unsafe { place.write(session) };
            place
        }
        Err(code) => {
            refused(gnutls, code);
            // SAFETY: just allocated, and nothing else refers to it.
            unsafe { gnutls::free(place) };
            ptr::null_mut()
        }
    }
}

/// `pcmk__new_tls_session()` of Pacemaker 3.0: a session of the kind of `tls`, which must outlive it. NULL if GnuTLS
/// refuses. A server demands a certificate where certificates are used; what the session shows, and how it judges, is in
/// `capi::remote::certificates`.
///
/// The caller ends it with `gnutls_deinit()`.
///
/// # Safety
/// `tls` is NULL or came from `pcmk__init_tls()`.
pub unsafe fn new_tls_session_v3_0(tls: *mut Tls, csock: c_int) -> Object {
    const REQUIRE: c_int = 2;
    // SAFETY: the caller's promise.
    let (Some(shared), Some(gnutls)) = (unsafe { tls.as_ref() }, gnutls::functions()) else {
        return ptr::null_mut();
    };
    let role = if shared.server { gnutls::SERVER } else { gnutls::CLIENT };
    match new_session(gnutls, csock, role, shared.cred_type, shared.credentials, None) {
        Ok(session) => {
            if shared.cred_type == credentials::CERTIFICATE && shared.server {
                // SAFETY: a new session.
                unsafe { (gnutls.certificate_server_set_request)(session, REQUIRE) };
            }
            session
        }
        Err(code) => {
            refused(gnutls, code);
            ptr::null_mut()
        }
    }
}

only_in! { "2.1",
    entry! {
        /// See [`new_tls_session_v2_1`].
        ///
        /// # Safety
        /// See there.
        pub unsafe fn pcmk__new_tls_session(
            csock: c_int,
            conn_type: c_uint,
            cred_type: c_int,
            credentials: *mut c_void,
        ) -> *mut Object, failed = ptr::null_mut(); {
            // SAFETY: the caller's promise.
            unsafe { new_tls_session_v2_1(csock, conn_type, cred_type, credentials) }
        }
    }
}

only_in! { "3.0",
    entry! {
        /// See [`new_tls_session_v3_0`].
        ///
        /// # Safety
        /// See there.
        pub unsafe fn pcmk__new_tls_session(
            tls: *mut Tls,
            csock: c_int,
        ) -> Object, failed = ptr::null_mut(); {
            // SAFETY: the caller's promise.
            unsafe { new_tls_session_v3_0(tls, csock) }
        }
    }
}

entry! {
    /// Goes on with the handshake of a client that has connected, as far as what has arrived allows.
    ///
    /// Returns 0 when it is finished, EAGAIN when more must come, EPROTO when it has failed, EINVAL without a session.
    ///
    /// # Safety
    /// `client` is NULL or a client of this library's release.
    pub unsafe fn pcmk__read_handshake_data(client: *const Client) -> c_int, failed = libc::EPROTO; {
        let layout = abi::layout();
        // SAFETY: the caller's promise.
        let session = unsafe { layout.session_of(layout.remote_of(client)) };
        let (Some(session), Some(gnutls)) = (session, gnutls::functions()) else { return libc::EINVAL };
        loop {
            // SAFETY: a living session.
            match unsafe { (gnutls.handshake)(session.as_ptr()) } {
                0 => return 0,
                gnutls::INTERRUPTED => {}
                gnutls::AGAIN => return libc::EAGAIN,
                code => {
                    log::error!("TLS handshake with a remote client failed: {}", gnutls.words(code));
                    // A refusal has told the peer already. A peer that is gone is told in vain.
                    if code != certificates::REFUSED {
                        // SAFETY: a living session.
                        unsafe { (gnutls.alert_send_appropriate)(session.as_ptr(), code) };
                    }
                    return libc::EPROTO;
                }
            }
        }
    }
}

entry! {
    /// The socket of a connection that speaks TLS; -1 for another.
    ///
    /// # Safety
    /// `remote` is NULL or a connection of this library's release.
    pub unsafe fn pcmk__tls_get_client_sock(remote: *const Remote) -> c_int, failed = -1; {
        // SAFETY: the caller's promise.
        unsafe {
            match abi::layout().session_of(remote) {
                Some(_) => Carrier::of(remote).map_or(-1, Carrier::socket),
                None => -1,
            }
        }
    }
}
