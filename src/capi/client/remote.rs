// SPDX-License-Identifier: LGPL-2.1-or-later
//! What Pacemaker's own programs need beside a connection: the remote daemon sends messages and has a key, the
//! controller has a remote node check its watchdog.

use std::ffi::{CStr, c_char, c_int, c_uint, c_void};
use std::ptr;

use super::handle::Handle;
use super::settings;
use super::text::text;
use crate::capi::abi::api::Lrmd;
use crate::capi::abi::{CRM_COMMON, FENCING};
use crate::capi::entry::entry;
use crate::driver::read_key;
use crate::model::{Millis, Request};
use crate::sys::cmem;
use crate::sys::glib::containers;
use crate::sys::gnutls::Datum;
use crate::sys::xmlnode::Node;
use crate::wire::names::attribute;

entry! {
    /// Sends a message over a remote connection (`pcmk__remote_t *`). The message stays the caller's and gets the
    /// attributes that carry `id` and `msg_type`.
    ///
    /// Returns 0 or one of Pacemaker's own codes; `EINVAL` (22) without a connection or a message.
    ///
    /// # Safety
    /// `session` is NULL or a remote connection of Pacemaker's library; `msg` is NULL or an element of libxml2;
    /// `msg_type` is NULL or a C string.
    pub unsafe fn lrmd__remote_send_xml(
        session: *mut c_void,
        msg: *mut c_void,
        id: u32,
        #[shown] msg_type: *const c_char,
    ) -> c_int, failed = libc::EINVAL; {
        // SAFETY: the caller's promise.
        unsafe { send_xml(session, msg, id, text(msg_type).as_deref()) }
    }
}

/// Sends a message over a remote connection, which gives it a number and, unless it is None, a kind.
///
/// # Safety
/// As for `lrmd__remote_send_xml()`.
pub(in crate::capi) unsafe fn send_xml(
    session: *mut c_void,
    msg: *mut c_void,
    id: u32,
    msg_type: Option<&str>,
) -> c_int {
    // SAFETY: the caller's promise.
    unsafe {
        let Some(message) = Node::from_raw(msg).filter(|_| !session.is_null()) else {
            return libc::EINVAL;
        };
        message.set_attribute(attribute::REMOTE_MSG_ID, &id.cast_signed().to_string());
        if let Some(msg_type) = msg_type {
            message.set_attribute(attribute::REMOTE_MSG_TYPE, msg_type);
        }
        CRM_COMMON.pcmk__remote_send_xml(session, msg).unwrap_or(libc::ENOSYS)
    }
}

entry! {
    /// Reads the cluster's key from where the environment or the release says it is.
    ///
    /// Returns 0, and the caller frees the bytes with `gnutls_free()` or `free()`; or `ENOKEY` (126), and `key` is as
    /// it was.
    ///
    /// # Safety
    /// `key` is NULL or a place for the answer.
    pub unsafe fn lrmd__init_remote_key(key: *mut Datum) -> c_int, failed = libc::ENOKEY; {
        if key.is_null() {
            return libc::ENOKEY;
        }
        let bytes = match read_key(&settings::key_locations()) {
            Ok(bytes) => bytes,
            Err(error) => {
                log::warn!("{error}");
                return libc::ENOKEY;
            }
        };
        let Ok(size) = c_uint::try_from(bytes.len()) else { return libc::ENOKEY };
        // SAFETY: not NULL, and a place for the answer by the caller's promise.
        unsafe { key.write(Datum { data: cmem::copy_bytes(&bytes), size }) };
        0
    }
}

entry! {
    /// Has the remote node check that its watchdog fits the cluster's `stonith-watchdog-timeout`, which is among the
    /// options in `hash`, if the node is to be fenced by its watchdog at all. A node whose watchdog does not fit stops.
    ///
    /// Asks the fencer, and waits for its answer. Returns 0 or an errno.
    ///
    /// # Safety
    /// `lrmd` is NULL or came from this library and was not deleted; `hash` is NULL or a GHashTable of C strings.
    pub unsafe fn lrmd__validate_remote_settings(
        lrmd: *mut Lrmd,
        hash: *mut c_void,
    ) -> c_int, failed = libc::EINVAL; {
        // SAFETY: the caller's promise.
        let Some(handle) = (unsafe { Handle::of(lrmd) }) else { return libc::ENOTCONN };
        // SAFETY: the same.
        let option = unsafe { containers::value_of(hash, c"stonith-watchdog-timeout") };
        let watchdog = option.map(|value| value.to_string_lossy().into_owned());
        let watchdog = watchdog.filter(|_| is_fenced_by_watchdog(handle.node_name()));
        let request = Request::Check { watchdog };
        let sent = handle.poison_on_panic(|| {
            // A remote node never answers this.
            if handle.is_remote() {
                handle.send(request)
            } else {
                handle.call(request, 0, Millis(0)).map(|_| ())
            }
        });
        sent.err().map_or(0, i32::saturating_neg)
    }
}

fn is_fenced_by_watchdog(node: Option<&CStr>) -> bool {
    let node = node.map_or(ptr::null(), CStr::as_ptr);
    // SAFETY: NULL or a C string. Without the library, which was logged, nobody fences by it.
    unsafe { FENCING.stonith__watchdog_fencing_enabled_for_node(node) }.is_ok_and(|yes| yes != 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::xmlnode::Document;

    #[test]
    fn without_a_connection_a_message_is_neither_sent_nor_changed() {
        let document = Document::new("lrmd_notify");
        // SAFETY: a living element; no connection.
        let rc = unsafe {
            lrmd__remote_send_xml(ptr::null_mut(), document.root().as_raw(), 1, c"notify".as_ptr())
        };
        assert_eq!(rc, libc::EINVAL);
        assert_eq!(document.root().attribute(attribute::REMOTE_MSG_ID), None);
    }

    #[test]
    fn nobody_is_no_place_for_a_key_and_nothing_no_handle() {
        // SAFETY: NULL is allowed everywhere.
        unsafe {
            assert_eq!(lrmd__init_remote_key(ptr::null_mut()), libc::ENOKEY);
            assert_eq!(lrmd__validate_remote_settings(ptr::null_mut(), ptr::null_mut()), libc::ENOTCONN);
        }
    }
}
