// SPDX-License-Identifier: LGPL-2.1-or-later
//! A session's beginning and end.

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::ptr;

use super::relay::session_of;
use super::{send, table};
use crate::capi::abi::CRM_COMMON;
use crate::capi::abi::api::Lrmd;
use crate::capi::abi::internal::RemoteProxy;
use crate::capi::entry::entry;
use crate::model::ProxyCommand;
use crate::sys::cmem;
use crate::sys::glib::pointers;

/// The controller as a program and as a server.
const CONTROLLER: [&str; 2] = ["pacemaker-controld", "crmd"];
/// GLib's lowest priority of its own: tools of remote nodes wait for everything else.
const PRIORITY_LOW: c_int = 300;

entry! {
    /// Begins a session of a client on `node_name`: connects to the server `channel`, unless that is the calling
    /// process itself (the controller, which then has to serve the session's requests), and enters it into
    /// `proxy_table`. `callbacks` (`struct ipc_client_callbacks *`) are called with the session; they are copied.
    ///
    /// Returns the session, which `proxy_table` owns, or NULL when it could not be begun; the remote node was told.
    ///
    /// # Safety
    /// `lrmd` is NULL or came from this library and lives as long as the session; the strings are NULL or C strings.
    pub unsafe fn remote_proxy_new(
        lrmd: *mut Lrmd,
        proxy_callbacks: *mut c_void,
        #[shown] node_name: *const c_char,
        #[shown] session_id: *const c_char,
        #[shown] channel: *const c_char,
    ) -> *mut RemoteProxy, failed = ptr::null_mut(); {
        // SAFETY: the caller's promise.
        unsafe {
            begin(lrmd, proxy_callbacks, node_name, session_id, channel).unwrap_or_else(|reason| {
                log::error!("a proxied session cannot begin: {reason}");
                tell_end(lrmd, session_id);
                ptr::null_mut()
            })
        }
    }
}

/// # Safety
/// As for [`remote_proxy_new`].
unsafe fn begin(
    lrmd: *mut Lrmd,
    callbacks: *mut c_void,
    node_name: *const c_char,
    session_id: *const c_char,
    channel: *const c_char,
) -> Result<*mut RemoteProxy, String> {
    if channel.is_null() || node_name.is_null() || session_id.is_null() || table().is_null() {
        return Err("no server, no node, no id or no table of sessions".to_owned());
    }
    // SAFETY: C strings, by the caller's promise; the first outlives its use below, since it is the caller's.
    let (id, server) = unsafe { (CStr::from_ptr(session_id), CStr::from_ptr(channel)) };
    let is_local = is_controller(&server.to_string_lossy())
        && CRM_COMMON.system_name().is_some_and(|name| is_controller(&name));
    // SAFETY: C strings again; the new session is known to nobody but the main loop's connection, whose callbacks
    // cannot run before we return.
    unsafe {
        let proxy = cmem::new(RemoteProxy {
            node_name: cmem::copy_string(node_name),
            session_id: cmem::copy_string(session_id),
            is_local: is_local.into(),
            ipc: ptr::null_mut(),
            source: ptr::null_mut(),
            last_request_id: 0,
            lrm: lrmd,
        });
        if !is_local && let Err(reason) = connect(proxy, channel, callbacks) {
            free(proxy);
            return Err(reason);
        }
        forget(id);
        pointers::put(table(), (*proxy).session_id, proxy.cast());
        Ok(proxy)
    }
}

/// # Safety
/// A living session without a connection; a C string; callbacks for it.
unsafe fn connect(
    proxy: *mut RemoteProxy,
    channel: *const c_char,
    callbacks: *mut c_void,
) -> Result<(), String> {
    // SAFETY: the caller's promise.
    unsafe {
        let source = CRM_COMMON.mainloop_add_ipc_client(channel, PRIORITY_LOW, 0, proxy.cast(), callbacks);
        let source = source.map_err(|missing| missing.to_string())?;
        if source.is_null() {
            return Err(format!("no connection to {}", CStr::from_ptr(channel).to_string_lossy()));
        }
        (*proxy).source = source;
        (*proxy).ipc = CRM_COMMON.mainloop_get_ipc_client(source).map_err(|missing| missing.to_string())?;
    }
    Ok(())
}

/// Takes an older session of the same id out of the table: a new one with its id replaces it. The remote node is not
/// told, since to it they are one.
///
/// # Safety
/// Nobody but the table and its connection has the old session.
unsafe fn forget(id: &CStr) {
    // SAFETY: the table's values are sessions of this library.
    unsafe {
        let old = pointers::get(table(), id).cast::<RemoteProxy>();
        if old.is_null() {
            return;
        }
        (*old).lrm = ptr::null_mut();
        end(old);
        pointers::remove(table(), id);
    }
}

fn is_controller(name: &str) -> bool {
    CONTROLLER.contains(&name)
}

entry! {
    /// Frees a session. NULL is allowed. It does not leave the table by this: the table calls it.
    ///
    /// # Safety
    /// `data` is NULL or a session that nobody uses afterwards.
    pub unsafe fn remote_proxy_free(data: *mut c_void) {
        // SAFETY: the caller's promise.
        unsafe { free(data.cast()) }
    }
}

/// # Safety
/// `proxy` is NULL or a session that nobody uses afterwards.
unsafe fn free(proxy: *mut RemoteProxy) {
    if proxy.is_null() {
        return;
    }
    // SAFETY: the session owns its strings, and is ours to free by the caller's promise.
    unsafe {
        cmem::free((*proxy).node_name);
        cmem::free((*proxy).session_id);
        cmem::free(proxy);
    }
}

entry! {
    /// Ends a session whose connection to its server is gone: tells the remote node and takes it out of `proxy_table`,
    /// which frees it. Pacemaker's main loop calls this, whoever closed the connection.
    ///
    /// # Safety
    /// `userdata` is NULL or a living session of this library.
    pub unsafe fn remote_proxy_disconnected(userdata: *mut c_void) {
        let proxy = userdata.cast::<RemoteProxy>();
        if proxy.is_null() {
            return;
        }
        // SAFETY: a living session; what is needed of it later is copied first, since telling may free it.
        unsafe {
            (*proxy).source = ptr::null_mut();
            (*proxy).ipc = ptr::null_mut();
            let lrmd = std::mem::replace(&mut (*proxy).lrm, ptr::null_mut());
            if (*proxy).session_id.is_null() {
                return;
            }
            let id = CString::from(CStr::from_ptr((*proxy).session_id));
            if !lrmd.is_null() {
                tell_end(lrmd, id.as_ptr());
            }
            pointers::remove(table(), &id);
        }
    }
}

/// Ends a session from this side. The main loop then calls the callback for connections that are gone.
///
/// # Safety
/// `proxy` is NULL or a living session, which may be gone afterwards.
pub(super) unsafe fn end(proxy: *mut RemoteProxy) {
    // SAFETY: NULL or a living session, whose source is NULL or the main loop's.
    unsafe {
        if let Some(session) = proxy.as_ref()
            && !session.source.is_null()
        {
            let source = session.source;
            // An error was logged, and nothing else can be done about it.
            let _ = CRM_COMMON.mainloop_del_ipc_client(source);
        }
    }
}

/// Tells the remote node that a session is over.
///
/// # Safety
/// `lrmd` is NULL or came from this library and was not deleted; `session_id` is NULL or a C string.
pub(super) unsafe fn tell_end(lrmd: *mut Lrmd, session_id: *const c_char) {
    // SAFETY: the caller's promise.
    unsafe {
        if let Some(session) = session_of(session_id) {
            send(lrmd, ProxyCommand::Destroy { session });
        }
    }
}
