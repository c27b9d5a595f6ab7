// SPDX-License-Identifier: LGPL-2.1-or-later
//! What execd_commands gives to execd_messages from 3.0.2 on: each request by itself. Replying, and telling what has become
//! of it, is the other object's; what is told of cancelled operations is told before these return.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr;

use super::super::clients::Caller;
use super::super::{executor, trees};
use super::{sign_on, tell};
use crate::capi::abi::remote::Client;
use crate::capi::entry::server_entry;
use crate::driver::glib::Answer;
use crate::model::{CallId, ClientId, Notification, Reply, ReplyBody, Request, ResourceId};
use crate::sys::xmlnode::Node;
use crate::wire::names::{attribute, element, op};

server_entry! {
    /// A reply with this number and call id. The caller frees it.
    ///
    /// # Safety
    /// `origin` is NULL or a C string.
    pub unsafe fn execd_create_reply_as(
        origin: *const c_char,
        rc: c_int,
        call_id: c_int,
    ) -> *mut c_void, failed = ptr::null_mut(); {
        let Some(tree) = trees::reply(&Reply { rc, call_id: CallId(call_id), body: ReplyBody::Plain }) else {
            return ptr::null_mut();
        };
        if !origin.is_null() {
            // SAFETY: the caller's promise.
            let origin = unsafe { CStr::from_ptr(origin) }.to_string_lossy();
            tree.root().set_attribute(attribute::ORIGIN, &origin);
        }
        tree.into_raw()
    }
}

server_entry! {
    /// A client signs on. Stores the reply, which the caller frees. Returns 0 or a positive errno.
    ///
    /// # Safety
    /// `client` is NULL or a living client; `request` is NULL or a living node of libxml2; `reply` is NULL or a place.
    pub unsafe fn execd_process_signon(
        client: *mut Client,
        request: *mut c_void,
        call_id: c_int,
        reply: *mut *mut c_void,
    ) -> c_int, failed = libc::EIO; {
        // SAFETY: the caller's promise.
        let (caller, asked) = unsafe { (Caller::of(client), trees::read(request)) };
        let request = asked.and_then(|asked| asked.message).map(|message| message.request);
        let (Some(caller), Some(Request::Register { version, is_provider, .. })) = (caller, request) else {
            return libc::EINVAL;
        };
        // SAFETY: the caller's promise.
        unsafe {
            let (rc, body) = sign_on::sign_on(&caller, client, version, is_provider);
            store(reply, rc, call_id, body)
        }
    }
}

server_entry! {
    /// Makes a resource known. The caller replies 0 in any case.
    ///
    /// # Safety
    /// As for `execd_process_signon()`.
    pub unsafe fn execd_process_rsc_register(client: *mut Client, _id: u32, request: *mut c_void) {
        // SAFETY: the caller's promise.
        if let Err(rc) = unsafe { ask(client, request) } {
            log::error!("A resource was not registered: {}", nix::errno::Errno::from_raw(rc).desc());
        }
    }
}

server_entry! {
    /// Stores a reply that says which agent a resource has, or that there is none. Returns 0 or ENODEV.
    ///
    /// # Safety
    /// As for `execd_process_signon()`.
    pub unsafe fn execd_process_get_rsc_info(
        request: *mut c_void,
        call_id: c_int,
        reply: *mut *mut c_void,
    ) -> c_int, failed = libc::EIO; {
        // SAFETY: the caller's promise.
        unsafe { question(request, call_id, reply) }
    }
}

server_entry! {
    /// Forgets a resource. Returns 0, ENODEV if the request names none, or EINPROGRESS if something of it still runs.
    ///
    /// # Safety
    /// As for `execd_process_signon()`.
    pub unsafe fn execd_process_rsc_unregister(
        client: *mut Client,
        request: *mut c_void,
    ) -> c_int, failed = libc::EIO; {
        // SAFETY: the caller's promise.
        unsafe { ask(client, request) }.err().unwrap_or(0)
    }
}

server_entry! {
    /// Accepts an operation. Returns 0, EINVAL or ENODEV.
    ///
    /// # Safety
    /// As for `execd_process_signon()`.
    pub unsafe fn execd_process_rsc_exec(client: *mut Client, request: *mut c_void) -> c_int, failed = libc::EIO; {
        // SAFETY: the caller's promise.
        unsafe { ask(client, request) }.err().unwrap_or(0)
    }
}

server_entry! {
    /// Cancels an operation, which is told before this returns. Returns 0, EINVAL, ENODEV or EOPNOTSUPP.
    ///
    /// # Safety
    /// As for `execd_process_signon()`.
    pub unsafe fn execd_process_rsc_cancel(client: *mut Client, request: *mut c_void) -> c_int, failed = libc::EIO; {
        // SAFETY: the caller's promise.
        unsafe { ask(client, request) }.err().unwrap_or(0)
    }
}

server_entry! {
    /// Stores a reply that lists recurring operations. Returns 0 or ENODEV.
    ///
    /// # Safety
    /// As for `execd_process_signon()`.
    pub unsafe fn execd_process_get_recurring(
        request: *mut c_void,
        call_id: c_int,
        reply: *mut *mut c_void,
    ) -> c_int, failed = libc::EIO; {
        // SAFETY: the caller's promise.
        unsafe { question(request, call_id, reply) }
    }
}

server_entry! {
    /// Tells all clients that have a name what has become of a request; `rc` is what it was answered.
    ///
    /// # Safety
    /// `request` is NULL or a living node of libxml2.
    pub unsafe fn execd_send_generic_notify(rc: c_int, request: *mut c_void) {
        // SAFETY: the caller's promise.
        if let (Some(asked), Some(node)) = unsafe { (trees::read(request), Node::from_raw(request)) } {
            let resource_id = resource(node).and_then(|resource| resource.attribute(attribute::RSC_ID));
            let (call_id, resource_id) = (asked.call_id, resource_id.map(ResourceId::new));
            match asked.operation.as_deref() {
                Some(op::RSC_REGISTER) => tell(Notification::Registered { rc, call_id, resource_id }),
                Some(op::RSC_UNREGISTER) => tell(Notification::Unregistered { rc, call_id, resource_id }),
                _ => tell(Notification::Poke { rc, call_id, resource_id }),
            }
        }
    }
}

/// The first element anywhere that is about a resource.
fn resource(node: Node<'_>) -> Option<Node<'_>> {
    if node.name() == element::RSC {
        return Some(node);
    }
    node.children().find_map(resource)
}

/// Does what a client asks about a resource; the errno of a refusal, or of an answer that is none.
///
/// # Safety
/// As for `execd_process_signon()`.
unsafe fn ask(client: *const Client, request: *mut c_void) -> Result<Answer, c_int> {
    // SAFETY: the caller's promise.
    let (caller, asked) = unsafe { (Caller::of(client), trees::read(request)) };
    let (Some(caller), Some(asked)) = (caller, asked) else { return Err(libc::EINVAL) };
    let request = asked.message.ok_or(libc::EINVAL)?.request;
    let asker = (&caller.id, caller.describe());
    let answer = executor::ask(asker, asked.call_id, request, |_| {}).ok_or(libc::EINVAL)?;
    if answer.rc < 0 { Err(-answer.rc) } else { Ok(answer) }
}

/// Answers a question, which changes nothing and is open to every client.
///
/// # Safety
/// As for `execd_process_signon()`.
unsafe fn question(request: *mut c_void, call_id: c_int, reply: *mut *mut c_void) -> c_int {
    // SAFETY: the caller's promise.
    let request = unsafe { trees::read(request) }.and_then(|asked| asked.message);
    let request = request.map(|message| message.request);
    let answer = request.and_then(|request| {
        let nobody = ClientId::new("");
        executor::ask((&nobody, "a client"), CallId(call_id), request, |_| {})
    });
    let (rc, body) = answer.map_or((-libc::EINVAL, ReplyBody::Plain), |answer| (answer.rc, answer.body));
    // SAFETY: the caller's promise.
    unsafe { store(reply, rc, call_id, body) }
}

/// Stores a reply and returns its number as this interface has it.
///
/// # Safety
/// `place` is NULL or may be written to.
unsafe fn store(place: *mut *mut c_void, rc: c_int, call_id: c_int, body: ReplyBody) -> c_int {
    if !place.is_null() {
        let tree = trees::reply(&Reply { rc, call_id: CallId(call_id), body });
        // SAFETY: the caller's promise.
        unsafe { place.write(tree.map_or(ptr::null_mut(), crate::sys::xmlnode::Document::into_raw)) };
    }
    -rc
}
