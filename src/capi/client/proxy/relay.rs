// SPDX-License-Identifier: LGPL-2.1-or-later
//! Back to the remote node: the servers' answers and events, and what the cluster says about a shutdown.

use std::ffi::{CStr, c_char, c_int, c_void};

use super::send;
use crate::capi::abi::CRM_COMMON;
use crate::capi::abi::api::Lrmd;
use crate::capi::abi::internal::RemoteProxy;
use crate::capi::client::xml::text_of;
use crate::capi::entry::entry;
use crate::model::{ClientId, Payload, ProxyCommand};
use crate::sys::xmlnode::Node;
use crate::wire::ipc::flag;
use crate::wire::xml::check_element;

entry! {
    /// Tells the remote node that its shutdown has begun: its resources are being moved away.
    ///
    /// # Safety
    /// `lrmd` is NULL or came from this library and was not deleted.
    pub unsafe fn remote_proxy_ack_shutdown(lrmd: *mut Lrmd) {
        // SAFETY: the caller's promise.
        unsafe { send(lrmd, ProxyCommand::ShutdownAck) };
    }
}

entry! {
    /// Tells the remote node that the cluster will not move its resources away.
    ///
    /// # Safety
    /// `lrmd` is NULL or came from this library and was not deleted.
    pub unsafe fn remote_proxy_nack_shutdown(lrmd: *mut Lrmd) {
        // SAFETY: the caller's promise.
        unsafe { send(lrmd, ProxyCommand::ShutdownNack) };
    }
}

entry! {
    /// Delivers a message to a session's client as an event. The message stays the caller's and is only read.
    ///
    /// # Safety
    /// `proxy` is NULL or a session of this library; `msg` is NULL or an element of libxml2.
    pub unsafe fn remote_proxy_relay_event(proxy: *mut RemoteProxy, msg: *mut c_void) {
        // SAFETY: the caller's promise.
        unsafe { relay(proxy, None, payload(msg)) };
    }
}

entry! {
    /// Delivers a message to a session's client as the response to its request `msg_id`. The message stays the caller's
    /// and is only read.
    ///
    /// # Safety
    /// As for `remote_proxy_relay_event()`.
    pub unsafe fn remote_proxy_relay_response(
        proxy: *mut RemoteProxy,
        msg: *mut c_void,
        msg_id: c_int,
    ) {
        // SAFETY: the caller's promise.
        unsafe { relay(proxy, Some(msg_id), payload(msg)) };
    }
}

entry! {
    /// Takes a message of a session's server, as Pacemaker's main loop reads it, and relays it. Returns 1: there may be
    /// more.
    ///
    /// # Safety
    /// `buffer` is NULL or a C string; `userdata` is NULL or a session of this library that has a connection.
    pub unsafe fn remote_proxy_dispatch(
        buffer: *const c_char,
        _length: isize,
        userdata: *mut c_void,
    ) -> c_int, failed = 1; {
        let proxy = userdata.cast::<RemoteProxy>();
        if buffer.is_null() || proxy.is_null() {
            return 1;
        }
        // SAFETY: a C string, by the caller's promise.
        let text = unsafe { CStr::from_ptr(buffer) }.to_string_lossy();
        let payload = match check_element(&text) {
            Ok(payload) => payload,
            Err(error) => {
                log::warn!("a server's message for a proxied session is left out: {error}");
                return 1;
            }
        };
        // SAFETY: a living session, by the caller's promise, and its connection, of which a message was just read.
        unsafe {
            let flags = CRM_COMMON.crm_ipc_buffer_flags((*proxy).ipc).unwrap_or(0);
            let answered = if flags & flag::PROXIED_RESPONSE == 0 {
                None
            } else {
                let number = std::mem::take(&mut (*proxy).last_request_id);
                Some(number.cast_signed())
            };
            relay(proxy, answered, Some(payload));
        }
        1
    }
}

/// Sends an event, or the response to request `answered`.
///
/// # Safety
/// `proxy` is NULL or a living session; it may be gone afterwards.
pub(super) unsafe fn relay(proxy: *mut RemoteProxy, answered: Option<c_int>, payload: Option<Payload>) {
    if proxy.is_null() {
        return;
    }
    // SAFETY: a living session, whose id is NULL or a C string.
    let (session, lrmd) = unsafe { (session_of((*proxy).session_id), (*proxy).lrm) };
    let Some(session) = session else { return };
    let command = match answered {
        Some(msg_id) => ProxyCommand::Response { session, msg_id, payload },
        None => ProxyCommand::Event { session, payload },
    };
    // SAFETY: the session's connection, which outlives it or is NULL.
    unsafe { send(lrmd, command) };
}

/// The text of a message; None for NULL.
///
/// # Safety
/// `msg` is NULL or an element of libxml2.
pub(super) unsafe fn payload(msg: *mut c_void) -> Option<Payload> {
    // SAFETY: the caller's promise; the element is only read, now.
    unsafe { Node::from_raw(msg) }.map(|message| Payload::from_checked(text_of(message)))
}

/// The id of a session; None for NULL.
///
/// # Safety
/// `id` is NULL or a C string.
pub(super) unsafe fn session_of(id: *const c_char) -> Option<ClientId> {
    // SAFETY: not NULL where it is read; the rest is the caller's promise.
    (!id.is_null()).then(|| ClientId::new(unsafe { CStr::from_ptr(id) }.to_string_lossy()))
}
