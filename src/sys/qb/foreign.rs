// SPDX-License-Identifier: LGPL-2.1-or-later
//! Connections of servers that other code in the process runs with libqb.
use super::bindings as qb;
use std::ffi::c_void;

/// The process of a client when it connected; 0 if libqb does not know it.
///
/// # Safety
/// `connection` is a living `qb_ipcs_connection_t`.
pub unsafe fn pid_of(connection: *mut c_void) -> i32 {
    // SAFETY: plain numbers, of which all zeroes are valid.
    let mut facts: qb::qb_ipcs_connection_stats = unsafe { std::mem::zeroed() };
    // SAFETY: the caller's promise, and a place of ours.
    unsafe { qb::qb_ipcs_connection_stats_get(connection.cast(), &raw mut facts, 0) };
    facts.client_pid
}

/// Lets a group read and write what a connection's client reads and writes, beside its owner.
///
/// # Safety
/// `connection` is a living `qb_ipcs_connection_t` that is being accepted.
pub unsafe fn let_group_in(connection: *mut c_void, group: u32) {
    const UNCHANGED: u32 = u32::MAX;
    const OWNER_AND_GROUP: u32 = 0o660;
    // SAFETY: the caller's promise.
    unsafe { qb::qb_ipcs_connection_auth_set(connection.cast(), UNCHANGED, group, OWNER_AND_GROUP) };
}

/// Disconnects every client of a server; `tell` gets the process of each.
///
/// # Safety
/// `server` is a living `qb_ipcs_service_t`, and we are in none of its callbacks.
pub unsafe fn disconnect_all(server: *mut c_void, mut tell: impl FnMut(i32)) {
    let server = server.cast::<qb::qb_ipcs_service_t>();
    // SAFETY: the caller's promise. Each connection that libqb names carries a reference for us, which is given back
    // after the next was asked for.
    unsafe {
        let mut connection = qb::qb_ipcs_connection_first_get(server);
        while !connection.is_null() {
            let next = qb::qb_ipcs_connection_next_get(server, connection);
            tell(pid_of(connection.cast()));
            qb::qb_ipcs_disconnect(connection);
            qb::qb_ipcs_connection_unref(connection);
            connection = next;
        }
    }
}
