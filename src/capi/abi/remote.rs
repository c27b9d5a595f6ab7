// SPDX-License-Identifier: LGPL-2.1-or-later
//! Clients of a daemon and their connections, as libcrmcommon lays them out for Pacemaker's own programs.

use std::ffi::{c_char, c_int, c_uint, c_void};

/// Bits of [`Client::flags`].
pub mod flag {
    /// A local client.
    pub const IPC: u64 = 1 << 32;
    /// A remote client over TLS.
    pub const TLS: u64 = 1 << 34;
    /// Its local messages come by way of a proxy.
    pub const PROXIED: u64 = 1 << 40;
    /// It is root's or hacluster's.
    pub const PRIVILEGED: u64 = 1 << 41;
    /// It is a client of a proxied server.
    pub const TO_PROXY: u64 = 1 << 42;
    /// Its TLS handshake is finished.
    pub const HANDSHAKE_DONE: u64 = 1 << 44;
}

/// `pcmk__client_t`, a client of a daemon, local or remote: the beginning, which is the same in all releases. What lies
/// behind it is reached by a [`Layout`](super::layout::Layout), from a pointer to the whole.
#[repr(C)]
#[derive(Debug)]
pub struct Client {
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
}

/// `pcmk__remote_t`, a connection: the beginning, as for [`Client`].
#[repr(C)]
#[derive(Debug)]
pub struct Remote {
    /// What was received and not yet taken; owned, or NULL. There is room for one byte more than `buffer_size`.
    pub buffer: *mut c_char,
    /// Its length.
    pub buffer_size: usize,
    /// How much of it is filled.
    pub buffer_offset: usize,
    /// The GLib source that ends the connection, or 0.
    pub auth_timeout: c_int,
    /// The socket where TLS is not spoken; not positive: none.
    pub tcp_socket: c_int,
    /// The main loop's watch; the daemon's own.
    pub source: *mut c_void,
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
    assert!(size_of::<Client>() == 72 && std::mem::offset_of!(Client, event_queue) == 64);
    assert!(std::mem::offset_of!(Client, flags) == 32 && std::mem::offset_of!(Client, userdata) == 48);
    assert!(size_of::<Remote>() == 40 && std::mem::offset_of!(Remote, source) == 32);
    assert!(size_of::<Tls>() == 64 && std::mem::offset_of!(Tls, credentials) == 56);
};
