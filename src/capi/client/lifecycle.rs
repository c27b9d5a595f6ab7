// SPDX-License-Identifier: LGPL-2.1-or-later
//! Handles are made and deleted.

use std::ffi::{CString, c_char, c_int, c_longlong};
use std::ptr;
use std::rc::Rc;

use super::handle::Handle;
use super::place::Place;
use super::states::Structures;
use super::text::text;
use super::{connect, listings, metadata, ops, settings};
use crate::capi::abi::api::{Lrmd, LrmdApiOperations};
use crate::capi::entry::entry;
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

entry! {
    /// Makes a handle for the executor of this node. The caller deletes it with `lrmd_api_delete()`.
    pub fn lrmd_api_new() -> *mut Lrmd, failed = ptr::null_mut(); {
        create(Place::Local, None)
    }
}

entry! {
    /// Makes a handle for the executor of a remote node. `nodename` is what events call it, `server` the host; one of
    /// them NULL: the other for both; both NULL: the executor of this node. `port` 0: the default. The caller deletes
    /// it with `lrmd_api_delete()`.
    ///
    /// # Safety
    /// `nodename` and `server` are NULL or C strings.
    pub unsafe fn lrmd_remote_api_new(
        #[shown] nodename: *const c_char,
        #[shown] server: *const c_char,
        port: c_int,
    ) -> *mut Lrmd, failed = ptr::null_mut(); {
        // SAFETY: NULL or C strings, by the caller's promise.
        unsafe { make(nodename, server, port) }
    }
}

entry! {
    /// Makes a handle as the two above do. Returns 0, or `EINVAL` without a place for it.
    ///
    /// # Safety
    /// `api` is NULL or may be written; `nodename` and `server` are NULL or C strings.
    pub unsafe fn lrmd__new(
        api: *mut *mut Lrmd,
        #[shown] nodename: *const c_char,
        #[shown] server: *const c_char,
        port: c_int,
    ) -> c_int, failed = libc::ENOMEM; {
        // SAFETY: NULL or writable, by the caller's promise.
        let Some(api) = (unsafe { api.as_mut() }) else { return libc::EINVAL };
        // SAFETY: NULL or C strings, by the caller's promise.
        *api = unsafe { make(nodename, server, port) };
        0
    }
}

/// # Safety
/// `node_name` and `server` are NULL or C strings.
unsafe fn make(node_name: *const c_char, server: *const c_char, port: c_int) -> *mut Lrmd {
    // SAFETY: the caller's promise.
    let (name, server) = unsafe { (text(node_name), text(server)) };
    if name.is_none() && server.is_none() {
        return create(Place::Local, None);
    }
    let server = server.or_else(|| name.clone()).unwrap_or_default().into_owned();
    let name = name.map_or_else(|| server.clone(), |name| name.into_owned());
    let port = match u16::try_from(port) {
        Ok(0) | Err(_) => settings::default_port(),
        Ok(port) => port,
    };
    create(Place::Remote { server, port }, CString::new(name).ok())
}

fn create(place: Place, node_name: Option<CString>) -> *mut Lrmd {
    logging::install();
    let handle = Rc::new(Handle::new(place, node_name));
    let lrmd = cmem::new(Lrmd { cmds: cmem::new(OPERATIONS), lrmd_private: ptr::null_mut() });
    handle.lrmd.set(lrmd);
    // SAFETY: just made, and nothing else refers to it.
    unsafe { (*lrmd).lrmd_private = Rc::into_raw(handle).cast_mut().cast() };
    lrmd
}

entry! {
    /// Deletes a handle, disconnecting it first: a connection in the main loop gets its disconnect event before this
    /// returns. NULL is allowed. In a callback the memory lives until the outermost callback of this handle has
    /// returned, and calls on it until then fail as without a connection.
    ///
    /// # Safety
    /// `lrmd` is NULL or came from this library and was not deleted; after this, or after the callbacks under way, it
    /// is not used any more.
    pub unsafe fn lrmd_api_delete(lrmd: *mut Lrmd) {
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
        if !handle.lifecycle.begin_deletion() {
            return;
        }
        handle.disconnect_now();
        // SAFETY: `lrmd` lives until it is deleted below, and nothing else refers to it here.
        let operations = unsafe {
            (*lrmd).lrmd_private = ptr::null_mut();
            (*lrmd).cmds
        };
        // SAFETY: the structure's own count, given up once; both pieces are malloc's and C is done with them.
        unsafe {
            drop(Rc::from_raw(private));
            handle.delete(Structures { lrmd, operations });
        }
    }
}

entry! {
    /// Seconds that the remote executor had been running when the connection was made; -1 if it did not tell.
    ///
    /// # Safety
    /// `lrmd` is NULL or came from this library and was not deleted.
    pub unsafe fn lrmd__uptime(
        lrmd: *mut Lrmd,
    ) -> c_longlong, failed = settings::UPTIME_UNKNOWN; |handle| {
        handle.uptime.get()
    }
}

entry! {
    /// How the remote node wants to join; NULL if it did not tell. Valid until the connection ends.
    ///
    /// # Safety
    /// `lrmd` is NULL or came from this library and was not deleted.
    pub unsafe fn lrmd__node_start_state(lrmd: *mut Lrmd) -> *const c_char, failed = ptr::null(); |handle| {
        handle.start_state.borrow().as_ref().map_or(ptr::null(), |state| state.as_ptr())
    }
}
