// SPDX-License-Identifier: LGPL-2.1-or-later
//! In place of pacemaker-execd, all but its main: what clients are sent, by the carrier of each, the connection to the
//! fencer, and when a daemon that was asked to end may.
mod ending;
mod fencing;

use std::ffi::{c_int, c_void};

use crate::capi::abi::remote::{Client, flag};
use crate::capi::abi::{CRM_COMMON, layout};
use crate::capi::client::remote::send_xml;
use crate::capi::entry::server_entry;
use crate::sys::neighbours;
use crate::wire::names::msg_type;

pub use ending::pcmk_remote_rs_server_shutdown;

// Which request of any client was the last; whose requests come from a main of its own counts them itself.
neighbours::give_variable!(lrmd_call_id, 4);
// When main began, which sets it.
neighbours::give_variable!(start_time, 8);

/// Is this the program's daemon? Then main has set its time.
pub(super) fn is_used() -> bool {
    // SAFETY: a variable that main alone changes.
    neighbours::start_time().is_some_and(|started| unsafe { started.read() } != 0)
}

/// A local message is an event and no response.
const EVENT: u32 = 1 << 16;

/// What is sent.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Reply(u32),
    Notification,
}

server_entry! {
    /// Sends a reply to a client: `id` is its request's number. The reply stays the caller's; over TLS two attributes are
    /// added to it. Returns 0, ENOTCONN, or another positive code. The client may be gone when this returns.
    ///
    /// # Safety
    /// `client` is NULL or a living client; `reply` is NULL or a living node of libxml2.
    pub unsafe fn lrmd_server_send_reply(
        client: *mut Client,
        id: u32,
        reply: *mut c_void,
    ) -> c_int, failed = libc::EIO; {
        // SAFETY: the caller's promise.
        unsafe { send(client, reply, Kind::Reply(id)) }
    }
}

server_entry! {
    /// Sends a notification to a client. Otherwise as `lrmd_server_send_reply()`.
    ///
    /// # Safety
    /// `client` is NULL or a living client; `msg` is NULL or a living node of libxml2.
    pub unsafe fn lrmd_server_send_notify(client: *mut Client, msg: *mut c_void) -> c_int, failed = libc::EIO; {
        // SAFETY: the caller's promise.
        unsafe { send(client, msg, Kind::Notification) }
    }
}

/// # Safety
/// As for `lrmd_server_send_reply()`.
unsafe fn send(client: *mut Client, message: *mut c_void, kind: Kind) -> c_int {
    if client.is_null() || message.is_null() {
        log::error!("A message without a client, or no message at all, is not sent");
        return libc::EINVAL;
    }
    // SAFETY: a living client of this process's layout, by the caller's promise.
    let (flags, connection, remote) = unsafe {
        let layout = layout();
        ((*client).flags, layout.client.ipcs.get(client), layout.remote_of(client))
    };
    let (id, local, word) = match kind {
        Kind::Reply(id) => (id, 0, msg_type::REPLY),
        Kind::Notification => (0, EVENT, msg_type::NOTIFY),
    };
    if flags & flag::IPC != 0 {
        if connection.is_null() {
            return libc::ENOTCONN;
        }
        // SAFETY: a living client with a connection, and a living message.
        return unsafe { CRM_COMMON.pcmk__ipc_send_xml(client.cast(), id, message, local) }
            .unwrap_or(libc::ENOSYS);
    }
    if flags & flag::TLS != 0 && !remote.is_null() {
        // SAFETY: a living connection and message.
        return unsafe { send_xml(remote.cast(), message, id, Some(word)) };
    }
    libc::ENOTCONN
}

server_entry! {
    /// Takes a client over that has left, and frees it. A daemon that was asked to end, and has waited for this, ends.
    ///
    /// # Safety
    /// `client` is NULL or a living client that is not used afterwards.
    pub unsafe fn lrmd_client_destroy(client: *mut Client) {
        if !client.is_null() {
            // SAFETY: the caller's promise; the function logs if it is nowhere.
            let _freed = unsafe { CRM_COMMON.pcmk__free_client(client.cast()) };
        }
        ending::client_left();
    }
}

server_entry! {
    /// The cluster has agreed that this node goes.
    ///
    /// # Safety
    /// To be called by the main thread.
    pub unsafe fn handle_shutdown_ack() {
        ending::acknowledged();
    }
}

server_entry! {
    /// The cluster does not care whether this node goes.
    ///
    /// # Safety
    /// To be called by the main thread.
    pub unsafe fn handle_shutdown_nack() {
        ending::denied();
    }
}

server_entry! {
    /// Ends a daemon that was asked to (2.1.5).
    ///
    /// # Safety
    /// To be called by the main thread.
    pub unsafe fn execd_exit_if_shutting_down() {
        ending::finish_if_asked();
    }
}

server_entry! {
    /// The connection to the fencer (up to 3.0.1), which is made if there is none; NULL if that does not succeed at once.
    /// It stays this library's.
    ///
    /// # Safety
    /// To be called by the main thread.
    pub unsafe fn get_stonith_connection() -> *mut c_void, failed = std::ptr::null_mut(); {
        fencing::connection()
    }
}

server_entry! {
    /// The same from 3.0.2 on.
    ///
    /// # Safety
    /// To be called by the main thread.
    pub unsafe fn execd_get_fencer_connection() -> *mut c_void, failed = std::ptr::null_mut(); {
        fencing::connection()
    }
}
