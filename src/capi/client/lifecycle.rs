// SPDX-License-Identifier: LGPL-2.1-or-later
//! Handles are made and deleted.

use std::ffi::{CString, c_char, c_int, c_longlong};
use std::ptr;
use std::rc::Rc;

use super::handle::{Handle, Place, with_handle};
use super::text::text;
use super::{connect, listings, metadata, ops, settings};
use crate::capi::abi::api::{Lrmd, LrmdApiOperations};
use crate::capi::entry::boundary;
use crate::capi::logging;
use crate::sys::cmem;

const OPERATIONS: LrmdApiOperations = LrmdApiOperations {
    connect: connect::slot_connect,
    connect_async: connect::slot_connect_async,
    is_connected: connect::slot_is_connected,
    poke_connection: ops::slot_poke,
    disconnect: connect::slot_disconnect,
    register_rsc: ops::slot_register_rsc,
    get_rsc_info: ops::slot_get_rsc_info,
    get_recurring_ops: ops::slot_get_recurring_ops,
    unregister_rsc: ops::slot_unregister_rsc,
    set_callback: ops::slot_set_callback,
    exec: ops::slot_exec,
    cancel: ops::slot_cancel,
    get_metadata: metadata::slot_get_metadata,
    list_agents: listings::slot_list_agents,
    list_ocf_providers: listings::slot_list_ocf_providers,
    list_standards: listings::slot_list_standards,
    exec_alert: ops::slot_exec_alert,
    get_metadata_params: metadata::slot_get_metadata_params,
};

/// Makes a handle for the executor of this node. The caller deletes it with `lrmd_api_delete()`.
#[unsafe(no_mangle)]
pub extern "C" fn lrmd_api_new() -> *mut Lrmd {
    boundary("lrmd_api_new", ptr::null_mut(), || {
        logging::install();
        create(Place::Local, None)
    })
}

/// Makes a handle for the executor of a remote node. `nodename` is what events call it, `server` the host; one of them
/// NULL: the other for both; both NULL: the executor of this node. `port` 0: the default. The caller deletes it with
/// `lrmd_api_delete()`.
///
/// # Safety
/// `nodename` and `server` are NULL or C strings.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lrmd_remote_api_new(
    nodename: *const c_char,
    server: *const c_char,
    port: c_int,
) -> *mut Lrmd {
    let mut made = ptr::null_mut();
    // SAFETY: the caller's promise, and a place of our own.
    unsafe { lrmd__new(&raw mut made, nodename, server, port) };
    made
}

/// Makes a handle as the two above do. Returns 0, or `EINVAL` without a place for it.
///
/// # Safety
/// `api` is NULL or may be written; `nodename` and `server` are NULL or C strings.
#[unsafe(no_mangle)]
#[allow(non_snake_case, reason = "the name is the interface's")]
pub unsafe extern "C" fn lrmd__new(
    api: *mut *mut Lrmd,
    nodename: *const c_char,
    server: *const c_char,
    port: c_int,
) -> c_int {
    boundary("lrmd__new", libc::ENOMEM, || {
        logging::install();
        // SAFETY: NULL or writable, by the caller's promise.
        let Some(api) = (unsafe { api.as_mut() }) else { return libc::EINVAL };
        // SAFETY: NULL or C strings, by the caller's promise.
        let (name, server) = unsafe { (text(nodename), text(server)) };
        *api = match (name, server) {
            (None, None) => create(Place::Local, None),
            (name, server) => {
                let server = server.or_else(|| name.clone()).unwrap_or_default().into_owned();
                let name = name.map_or_else(|| server.clone(), |name| name.into_owned());
                let port = match u16::try_from(port) {
                    Ok(0) | Err(_) => settings::default_port(),
                    Ok(port) => port,
                };
                create(Place::Remote { server, port }, CString::new(name).ok())
            }
        };
        0
    })
}

fn create(place: Place, node_name: Option<CString>) -> *mut Lrmd {
    let handle = Rc::new(Handle::new(place, node_name));
    let lrmd = cmem::new(Lrmd { cmds: cmem::new(OPERATIONS), lrmd_private: ptr::null_mut() });
    handle.lrmd.set(lrmd);
    // SAFETY: just made, and nobody else knows it.
    unsafe { (*lrmd).lrmd_private = Rc::into_raw(handle).cast_mut().cast() };
    lrmd
}

/// Deletes a handle, disconnecting it first: a connection in the main loop gets its disconnect event before this
/// returns. NULL is allowed. In a callback the memory lives until the outermost callback of this handle has returned,
/// and calls on it until then fail as without a connection.
///
/// # Safety
/// `lrmd` is NULL or came from this library and was not deleted; after this, or after the callbacks under way, it is
/// not used any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lrmd_api_delete(lrmd: *mut Lrmd) {
    boundary("lrmd_api_delete", (), || {
        // SAFETY: NULL or readable, by the caller's promise.
        let Some(whole) = (unsafe { lrmd.as_ref() }) else { return };
        if whole.lrmd_private.is_null() {
            return;
        }
        let private = whole.lrmd_private.cast::<Handle>().cast_const();
        // SAFETY: the count that the structure holds; a second one for the disconnect event's callback, in which C may
        // delete it again.
        let handle = unsafe {
            Rc::increment_strong_count(private);
            Rc::from_raw(private)
        };
        if handle.deleting.replace(true) {
            return;
        }
        handle.disconnect(false);
        if handle.disconnect_owed.take() {
            handle.emit_disconnect();
        }
        handle.dead.set(true);
        // SAFETY: `lrmd` lives until it is doomed below, and nothing else refers to it here.
        let operations = unsafe {
            (*lrmd).lrmd_private = ptr::null_mut();
            (*lrmd).cmds
        };
        // SAFETY: the structure's own count, given up once; both pieces are malloc's and C is done with them.
        unsafe {
            drop(Rc::from_raw(private));
            handle.doom(lrmd, operations);
        }
    });
}

/// Seconds that the remote executor had been running when the connection was made; -1 if it did not tell.
///
/// # Safety
/// `lrmd` is NULL or came from this library and was not deleted.
#[unsafe(no_mangle)]
#[allow(non_snake_case, reason = "the name is the interface's")]
pub unsafe extern "C" fn lrmd__uptime(lrmd: *mut Lrmd) -> c_longlong {
    // SAFETY: the caller's promise.
    unsafe { with_handle("lrmd__uptime", lrmd, settings::UPTIME_UNKNOWN, |handle| handle.uptime.get()) }
}

/// How the remote node wants to join; NULL if it did not tell. Valid until the connection ends.
///
/// # Safety
/// `lrmd` is NULL or came from this library and was not deleted.
#[unsafe(no_mangle)]
#[allow(non_snake_case, reason = "the name is the interface's")]
pub unsafe extern "C" fn lrmd__node_start_state(lrmd: *mut Lrmd) -> *const c_char {
    // SAFETY: the caller's promise.
    unsafe {
        with_handle("lrmd__node_start_state", lrmd, ptr::null(), |handle| {
            handle.start_state.borrow().as_ref().map_or(ptr::null(), |state| state.as_ptr())
        })
    }
}
