// SPDX-License-Identifier: LGPL-2.1-or-later
//! A provider's side of proxied sessions, as Pacemaker's controller uses it: tools on a remote node believe to speak
//! to the cluster's daemons; their messages come through the connection to the node and go on by local IPC.
//!
//! * `session`: a session begins and ends.
//! * `request`: what comes from the remote node.
//! * `relay`: what goes back to it.
//! * `identity`: in whose name a request is made.
//!
//! Sending may find the connection lost, and the caller's event callback may then free any session. So nothing here
//! touches a session after it has sent.

mod identity;
mod relay;
mod request;
mod session;

pub use relay::{
    remote_proxy_ack_shutdown, remote_proxy_dispatch, remote_proxy_nack_shutdown, remote_proxy_relay_event,
    remote_proxy_relay_response,
};
pub use request::remote_proxy_cb;
pub use session::{remote_proxy_disconnected, remote_proxy_free, remote_proxy_new};

use std::ffi::{c_int, c_void};
use std::ptr;

use super::handle::{Handle, ProxyCallback};
use super::xml::text_of;
use crate::capi::abi::api::Lrmd;
use crate::capi::entry::{entry, entry_data};
use crate::capi::rc;
use crate::model::{ProxyCommand, Request};
use crate::sys::xmlnode::Node;
use crate::wire::names::{attribute, op};

entry_data! {
    /// The sessions of the process by their ids: a GHashTable of `remote_proxy_t`, which the caller makes and destroys,
    /// with `remote_proxy_free()` for its values.
    ///
    /// An executable that names it has it in its own data (a COPY relocation), so it is never read but by its symbol.
    pub static mut proxy_table: *mut c_void = ptr::null_mut();
}

entry_data! {
    /// Exported by Pacemaker 2.1, used by nobody and always NULL.
    pub static mut psk_cred_s: *mut c_void = ptr::null_mut();
}

/// The table as it is now.
fn table() -> *mut c_void {
    // SAFETY: like every call of this interface, and like whoever writes it, on the main loop's thread.
    unsafe { (&raw const proxy_table).read_volatile() }
}

entry! {
    /// Sets what is called with each message of a proxied session, and with what pointer. A connection that is made
    /// afterwards offers itself as a provider. NULL ends both.
    ///
    /// # Safety
    /// `lrmd` is NULL or came from this library and was not deleted; `callback` may be called as long as it is set.
    pub unsafe fn lrmd_internal_set_proxy_callback(
        lrmd: *mut Lrmd,
        userdata: *mut c_void,
        callback: ProxyCallback,
    ) {
        // SAFETY: the caller's promise.
        unsafe { set_callback(lrmd, userdata, callback) }
    }
}

/// # Safety
/// As for `lrmd_internal_set_proxy_callback()`.
unsafe fn set_callback(lrmd: *mut Lrmd, user_data: *mut c_void, callback: ProxyCallback) {
    // SAFETY: the caller's promise.
    if let Some(handle) = unsafe { Handle::of(lrmd) } {
        handle.poison_on_panic(|| handle.set_proxy_callback(callback, user_data));
    }
}

entry! {
    /// The same under its newer name.
    ///
    /// # Safety
    /// As for `lrmd_internal_set_proxy_callback()`.
    pub unsafe fn lrmd__proxy_set_callback(
        lrmd: *mut Lrmd,
        user_data: *mut c_void,
        cb: ProxyCallback,
    ) {
        // SAFETY: the caller's promise.
        unsafe { set_callback(lrmd, user_data, cb) }
    }
}

entry! {
    /// Sends a message about a proxied session to the remote node, without waiting. The message stays the caller's and
    /// gets the attribute that says that it is to be forwarded.
    ///
    /// Returns 0 or a negated errno: `-ENOTCONN` without a handle, `-EINVAL` without a message.
    ///
    /// # Safety
    /// `lrmd` is NULL or came from this library and was not deleted; `msg` is NULL or an element of libxml2.
    pub unsafe fn lrmd_internal_proxy_send(lrmd: *mut Lrmd, msg: *mut c_void) -> c_int, failed = rc::INVALID; {
        // SAFETY: the caller's promise.
        unsafe { forward(lrmd, msg) }
    }
}

/// # Safety
/// As for `lrmd_internal_proxy_send()`.
unsafe fn forward(lrmd: *mut Lrmd, msg: *mut c_void) -> c_int {
    // SAFETY: the caller's promise; the element is used during the call only.
    let (handle, message) = unsafe { (Handle::of(lrmd), Node::from_raw(msg)) };
    let Some(handle) = handle else { return rc::NOT_CONNECTED };
    let Some(message) = message else { return rc::INVALID };
    handle.poison_on_panic(|| {
        message.set_attribute(attribute::OP, op::IPC_FWD);
        handle.send_proxy(&text_of(message)).err().unwrap_or(0)
    })
}

entry! {
    /// The same under its newer name, which looks for the message first.
    ///
    /// # Safety
    /// As for `lrmd_internal_proxy_send()`.
    pub unsafe fn lrmd__proxy_send(lrmd: *mut Lrmd, msg: *mut c_void) -> c_int, failed = rc::INVALID; {
        if msg.is_null() {
            return rc::INVALID;
        }
        // SAFETY: the caller's promise.
        unsafe { forward(lrmd, msg) }
    }
}

/// Sends one of our own messages; failing is the connection's business, which tells its owner.
///
/// # Safety
/// `lrmd` is NULL or came from this library and was not deleted.
unsafe fn send(lrmd: *mut Lrmd, command: ProxyCommand) {
    // SAFETY: the caller's promise.
    let Some(handle) = (unsafe { Handle::of(lrmd) }) else { return };
    let sent = handle.poison_on_panic(|| handle.send(Request::Proxy(command)));
    if let Err(error) = sent {
        log::debug!("a message of a proxied session could not be sent: error {error}");
    }
}
