// SPDX-License-Identifier: LGPL-2.1-or-later
//! Clients of a daemon and their connections, as libcrmcommon lays them out for Pacemaker's own programs.

use std::ffi::{c_char, c_int, c_uint, c_void};
use std::ptr::NonNull;

/// Bits of [`Client::flags`].
pub mod flag {
    /// A local client.
    pub const IPC: u64 = 1 << 32;
    /// Its local messages come by way of a proxy.
    pub const PROXIED: u64 = 1 << 40;
    /// It is root's or hacluster's.
    pub const PRIVILEGED: u64 = 1 << 41;
}

/// `pcmk__client_t`: a client of a daemon, local or remote.
#[repr(C)]
#[derive(Debug)]
pub struct Client<R> {
    /// The client's process; 0 for a remote one.
    pub pid: c_uint,
    /// A UUID; owned.
    pub id: *mut c_char,
    /// The name that it gave; owned, or NULL.
    pub name: *mut c_char,
    /// Whose it is; owned, or NULL.
    pub user: *mut c_char,
    /// See [`flag`]; the lower half is the daemon's own.
    pub flags: u64,
    /// The number of its last request.
    pub request_id: c_int,
    /// The daemon's own.
    pub userdata: *mut c_void,
    /// The GLib source that sends its queue, or 0.
    pub event_timer: c_int,
    /// A GQueue of messages that wait, or NULL.
    pub event_queue: *mut c_void,
    /// Its `qb_ipcs_connection_t`, or NULL.
    pub ipcs: *mut c_void,
    /// Its connection, owned, or NULL.
    pub remote: *mut R,
    /// How many messages waited last.
    pub queue_backlog: c_uint,
    /// How many may wait.
    pub queue_max: c_uint,
}

/// What the connection of each release has, for code that serves both.
pub trait Connection {
    /// Is the TLS session freed together with the client?
    const OWNS_SESSION: bool;

    /// The GnuTLS session, if TLS is spoken.
    fn session(&self) -> Option<NonNull<c_void>>;

    /// The fields that no release moves.
    fn common(&self) -> &Common;

    /// The same, to change them.
    fn common_mut(&mut self) -> &mut Common;
}

/// The beginning of `pcmk__remote_t`.
#[repr(C)]
#[derive(Debug)]
pub struct Common {
    /// What was received and not yet taken; owned, or NULL. There is room for one byte more than `buffer_size`.
    pub buffer: *mut c_char,
    /// Its length.
    pub buffer_size: usize,
    /// How much of it is filled.
    pub buffer_offset: usize,
    /// The GLib source that ends the connection, or 0.
    pub auth_timeout: c_int,
    /// The socket where TLS is not spoken, or 0.
    pub tcp_socket: c_int,
    /// The main loop's watch; the daemon's own.
    pub source: *mut c_void,
}

/// `pcmk__remote_t` of Pacemaker 2.1.
#[repr(C)]
#[derive(Debug)]
pub struct RemoteV2_1 {
    /// The beginning.
    pub common: Common,
    /// The caller's own.
    pub token: *mut c_char,
    /// The GnuTLS session behind one more pointer, which GnuTLS has allocated; or NULL.
    pub tls_session: *mut *mut c_void,
}

/// `pcmk__remote_t` of Pacemaker 3.0.
#[repr(C)]
#[derive(Debug)]
pub struct RemoteV3_0 {
    /// The beginning.
    pub common: Common,
    /// The caller's own.
    pub uptime: libc::time_t,
    /// The caller's own.
    pub start_state: *mut c_char,
    /// The caller's own.
    pub token: *mut c_char,
    /// The GnuTLS session, or NULL.
    pub tls_session: *mut c_void,
}

impl Connection for RemoteV2_1 {
    const OWNS_SESSION: bool = false;

    fn session(&self) -> Option<NonNull<c_void>> {
        // SAFETY: NULL or the place of a session, which lives as long as the connection that names it.
        unsafe { self.tls_session.as_ref().and_then(|session| NonNull::new(*session)) }
    }

    fn common(&self) -> &Common {
        &self.common
    }

    fn common_mut(&mut self) -> &mut Common {
        &mut self.common
    }
}

impl Connection for RemoteV3_0 {
    const OWNS_SESSION: bool = true;

    fn session(&self) -> Option<NonNull<c_void>> {
        NonNull::new(self.tls_session)
    }

    fn common(&self) -> &Common {
        &self.common
    }

    fn common_mut(&mut self) -> &mut Common {
        &mut self.common
    }
}

/// `pcmk__tls_t` of Pacemaker 3.0: what sessions of one kind share.
#[repr(C)]
#[derive(Debug)]
pub struct Tls {
    /// For connections that come in?
    pub server: bool,
    /// Diffie-Hellman parameters of a server, or NULL.
    pub dh_params: *mut c_void,
    /// Which kind of credentials: GnuTLS's number.
    pub cred_type: c_int,
    /// File of the certificate authorities; NULL without X.509. Like the three below it is a copy of what the
    /// environment says, which `pcmk__free_tls()` frees.
    pub ca_file: *const c_char,
    /// See `ca_file`.
    pub cert_file: *const c_char,
    /// See `ca_file`.
    pub crl_file: *const c_char,
    /// See `ca_file`.
    pub key_file: *const c_char,
    /// GnuTLS's credentials of that kind.
    pub credentials: *mut c_void,
}

// Measured on the real headers: a layout that moves would let programs write beside the field that they mean.
const _: () = {
    assert!(size_of::<RemoteV2_1>() == 56 && std::mem::offset_of!(RemoteV2_1, tls_session) == 48);
    assert!(size_of::<RemoteV3_0>() == 72 && std::mem::offset_of!(RemoteV3_0, tls_session) == 64);
    assert!(size_of::<Client<RemoteV2_1>>() == 96 && std::mem::offset_of!(Client<RemoteV2_1>, remote) == 80);
    assert!(size_of::<Tls>() == 64 && std::mem::offset_of!(Tls, credentials) == 56);
};
