// SPDX-License-Identifier: LGPL-2.1-or-later
//! From the remote node: what its local clients ask of the cluster's daemons.

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::ptr;

use super::relay::{payload, relay};
use super::session::{end, tell_end};
use super::{identity, table};
use crate::capi::abi::CRM_COMMON;
use crate::capi::abi::api::Lrmd;
use crate::capi::abi::internal::RemoteProxy;
use crate::capi::client::xml::free_element;
use crate::capi::entry::entry;
use crate::model::Payload;
use crate::sys::glib::pointers;
use crate::sys::xmlnode::Node;
use crate::wire::ipc::flag;
use crate::wire::names::{attribute, element, ipc_op};
use crate::wire::xml::Writer;

/// How long a server may take to accept a request.
const SEND_MS: i32 = 5_000;
/// How long one may take to answer one of a remote node from before that.
const ANSWER_MS: i32 = 10_000;

entry! {
    /// Handles a message of a proxied session, other than a session's beginning and requests to the caller itself: a
    /// request goes on to the session's server, the end of a session ends its connection.
    ///
    /// The message stays the caller's; the request inside it gets attributes that say whose it is.
    ///
    /// # Safety
    /// `lrmd` is NULL or came from this library and was not deleted; `node_name` is NULL or a C string; `msg` is NULL
    /// or an element of libxml2; `proxy_table` holds sessions of this library or is NULL.
    pub unsafe fn remote_proxy_cb(lrmd: *mut Lrmd, #[shown] node_name: *const c_char, msg: *mut c_void) {
        // SAFETY: the caller's promise.
        unsafe {
            let Some(message) = Node::from_raw(msg) else { return };
            let op = message.attribute(attribute::IPC_OP).unwrap_or_default().to_ascii_lowercase();
            let Some(session) =
                message.attribute(attribute::IPC_SESSION).and_then(|id| CString::new(id).ok())
            else {
                log::error!("a message of a proxied session does not say of which");
                return;
            };
            let proxy = pointers::get(table(), &session).cast::<RemoteProxy>();
            match op.as_str() {
                ipc_op::DESTROY if is_local(proxy) => pointers::remove(table(), &session),
                ipc_op::DESTROY => end(proxy),
                ipc_op::REQUEST => match request_in(message) {
                    None => log::error!("a request of a proxied session is empty"),
                    Some(_) if proxy.is_null() => tell_end(lrmd, session.as_ptr()),
                    Some(request) => handle(proxy, node_name, message, request),
                },
                _ => log::error!("a proxied session knows no operation \"{op}\""),
            }
        }
    }
}

/// What a client asks of its server.
fn request_in(message: Node<'_>) -> Option<Node<'_>> {
    message.child(element::IPC_MSG)?.children().next()
}

/// # Safety
/// `proxy` is a living session; `node_name` is NULL or a C string.
unsafe fn handle(proxy: *mut RemoteProxy, node_name: *const c_char, message: Node<'_>, request: Node<'_>) {
    // SAFETY: a living session; its connection is NULL or the main loop's.
    unsafe {
        // The caller's own requests are to be served by the caller.
        if is_local(proxy) || !is_connected((*proxy).ipc) {
            end(proxy);
            return;
        }
        if node_name.is_null() {
            log::error!("a request of a proxied session comes from no node");
            return;
        }
        (*proxy).last_request_id = 0;
        identity::sign(request, &CStr::from_ptr(node_name).to_string_lossy());
        let flags = number(message, attribute::IPC_MSG_FLAGS).unwrap_or(0);
        let number = number(message, attribute::IPC_MSG_ID).unwrap_or(0);
        if flags & flag::PROXIED == 0 {
            ask(proxy, request, flags, number.cast_signed());
        } else {
            name_node(request, (*proxy).node_name);
            forward(proxy, request, flags, number);
        }
    }
}

/// Sends a request on; its answer comes by the main loop.
///
/// # Safety
/// A living, connected session, which may be gone afterwards.
unsafe fn forward(proxy: *mut RemoteProxy, request: Node<'_>, flags: u32, number: u32) {
    // SAFETY: the caller's promise.
    unsafe {
        let sent = transmit(proxy, request, flags, SEND_MS, ptr::null_mut());
        if sent < 0 {
            // The client must not wait for an answer that will not come.
            relay(proxy, Some(number.cast_signed()), Some(refusal(sent)));
        } else {
            (*proxy).last_request_id = number;
        }
    }
}

/// Sends a request and waits for the answer.
///
/// # Safety
/// As for [`forward`].
unsafe fn ask(proxy: *mut RemoteProxy, request: Node<'_>, flags: u32, number: c_int) {
    let mut answer = ptr::null_mut();
    // SAFETY: the caller's promise; the answer is NULL or a document of our own from here on.
    unsafe {
        transmit(proxy, request, flags, ANSWER_MS, &raw mut answer);
        if let Some(answer) = payload(answer) {
            relay(proxy, Some(number), Some(answer));
        }
        free_element(answer);
    }
}

/// # Safety
/// A living, connected session; a place for the answer, or NULL.
unsafe fn transmit(
    proxy: *mut RemoteProxy,
    request: Node<'_>,
    flags: u32,
    timeout_ms: i32,
    answer: *mut *mut c_void,
) -> c_int {
    // SAFETY: the caller's promise; the element is lent for the call.
    let sent = unsafe { CRM_COMMON.crm_ipc_send((*proxy).ipc, request.as_raw(), flags, timeout_ms, answer) };
    let sent = sent.unwrap_or(-libc::ENOSYS);
    if sent < 0 {
        log::error!("a request of a proxied session could not be relayed: error {sent}");
    }
    sent
}

/// Is the session with the caller itself? No connection ends with it, whose end would take it out of the table.
///
/// # Safety
/// `proxy` is NULL or a living session.
unsafe fn is_local(proxy: *mut RemoteProxy) -> bool {
    // SAFETY: the caller's promise.
    unsafe { proxy.as_ref() }.is_some_and(|session| session.is_local != 0)
}

/// # Safety
/// `client` is NULL or an IPC client.
unsafe fn is_connected(client: *mut c_void) -> bool {
    // SAFETY: the caller's promise.
    !client.is_null() && unsafe { CRM_COMMON.crm_ipc_connected(client) } == Ok(true)
}

/// An update of a node attribute that names no node means the node where the client runs, which the attribute manager
/// cannot know.
///
/// # Safety
/// `node` is NULL or a C string.
unsafe fn name_node(request: Node<'_>, node: *const c_char) {
    const HOST: &str = "attr_host";
    const UPDATES: [&str; 3] = ["update", "update-both", "update-delay"];
    let for_attributes = request.attribute(attribute::T).is_some_and(|t| t.eq_ignore_ascii_case("attrd"));
    let updates = request.attribute("task").is_some_and(|task| UPDATES.contains(&task.as_str()));
    if for_attributes && updates && request.attribute(HOST).is_none() && !node.is_null() {
        // SAFETY: not NULL, and a C string by the caller's promise.
        request.set_attribute(HOST, &unsafe { CStr::from_ptr(node) }.to_string_lossy());
    }
}

fn refusal(error: c_int) -> Payload {
    let mut writer = Writer::new();
    writer.start("nack").attribute("function", "remote_proxy_cb").number("line", line!()).number("rc", error);
    Payload::from_checked(writer.finish())
}

fn number(message: Node<'_>, name: &str) -> Option<u32> {
    message.attribute(name)?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capi::client::xml::{document_of, text_of};

    fn named(request: &str) -> String {
        let document = document_of(request).unwrap();
        // SAFETY: a literal.
        unsafe { name_node(document.root(), c"node1".as_ptr()) };
        text_of(document.root())
    }

    #[test]
    fn only_updates_of_attributes_without_a_node_get_one() {
        assert_eq!(
            named(r#"<a t="attrd" task="update"/>"#),
            r#"<a t="attrd" task="update" attr_host="node1"/>"#
        );
        for untouched in [
            r#"<a t="attrd" task="update" attr_host="other"/>"#,
            r#"<a t="attrd" task="refresh"/>"#,
            r#"<a t="cib" task="update"/>"#,
        ] {
            assert_eq!(named(untouched), untouched);
        }
    }

    #[test]
    fn a_refusal_says_why() {
        let text = refusal(-107).as_str().to_owned();
        assert!(text.starts_with("<nack function=\"remote_proxy_cb\" line=\""), "{text}");
        assert!(text.ends_with("rc=\"-107\"/>"), "{text}");
    }
}
