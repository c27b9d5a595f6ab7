// SPDX-License-Identifier: LGPL-2.1-or-later
//! Clients that come by local IPC, to servers that the caller runs with libqb.

use std::ffi::{c_uint, c_void};
use std::ptr;

use nix::unistd::{Uid, User};

use crate::capi::abi;
use crate::capi::abi::layout::{Layout, LocalMessage};
use crate::capi::abi::remote::{Client, flag};
use crate::capi::client::xml;
use crate::capi::entry::entry;
use crate::model::site::{CLUSTER_USER, UNKNOWN_USER};
use crate::sys::{cmem, glib, qb};
use crate::wire::ipc::{self, Assembler, IpcRequest};

/// What is known of a local client.
pub(super) struct Facts {
    pub(super) pid: c_uint,
    pub(super) user: String,
    /// Is it root or the cluster's own user?
    pub(super) privileged: bool,
}

/// Lets a client in.
///
/// # Safety
/// `connection` is a living `qb_ipcs_connection_t` that is being accepted.
pub(super) unsafe fn accept(connection: *mut c_void, uid: u32) -> Facts {
    let daemon = User::from_name(CLUSTER_USER).ok().flatten();
    if daemon.is_none() {
        log::warn!("There is no user {CLUSTER_USER}");
    }
    if uid != 0 {
        let group = daemon.as_ref().map_or(0, |daemon| daemon.gid.as_raw());
        // SAFETY: the caller's promise.
        unsafe { qb::foreign::let_group_in(connection, group) };
    }
    let user = User::from_uid(Uid::from_raw(uid)).ok().flatten().map_or_else(
        || {
            log::error!("User {uid} has no name: it gets no rights of access lists");
            UNKNOWN_USER.to_owned()
        },
        |user| user.name,
    );
    // SAFETY: the caller's promise.
    let pid = c_uint::try_from(unsafe { qb::foreign::pid_of(connection) }).unwrap_or(0);
    let privileged = uid == 0 || daemon.is_some_and(|daemon| daemon.uid.as_raw() == uid);
    Facts { pid, user, privileged }
}

entry! {
    /// Disconnects every client of a local server. NULL is allowed.
    ///
    /// # Safety
    /// `server` is NULL or a living `qb_ipcs_service_t`, and none of its callbacks is under way.
    pub unsafe fn pcmk__drop_all_clients(server: *mut c_void) {
        if server.is_null() {
            return;
        }
        // SAFETY: the caller's promise.
        unsafe {
            qb::foreign::disconnect_all(server, |pid| log::info!("Disconnecting the client of process {pid}"))
        };
    }
}

/// Frees a message that waited for a client: two pieces and the place that names them.
///
/// # Safety
/// `event` is an `iovec[2]` whose pieces are NULL or from `malloc`, as itself is; nobody uses it afterwards.
pub(super) unsafe fn free_event(event: *mut c_void) {
    let pieces = event.cast::<libc::iovec>();
    // SAFETY: the caller's promise.
    unsafe {
        cmem::free((*pieces).iov_base);
        cmem::free((*pieces.add(1)).iov_base);
        cmem::free(pieces);
    }
}

entry! {
    /// A local message as a tree that the caller frees, with its number and its flags; NULL if it is damaged. A client
    /// that says that it is proxied is one from then on.
    ///
    /// Up to 3.0.0 it is called with (client, message, id, flags). Both layouts of the header are understood; compressed
    /// text is unpacked up to 20 MiB. From 3.0.1 on it is called with (client, id, flags), and the message is what
    /// `pcmk__ipc_msg_append()` has put together in the client's buffer, which stays there.
    ///
    /// # Safety
    /// `client` is NULL or a client of this process's layout; the message is NULL or one of libqb, as long as its header
    /// says; `id` and `flags` are NULL or may be written.
    pub unsafe fn pcmk__client_data2xml(
        client: *mut Client,
        second: *mut c_void,
        third: *mut c_void,
        fourth: *mut c_void,
    ) -> *mut c_void, failed = ptr::null_mut(); {
        // SAFETY: the caller's promise.
        unsafe { document(abi::layout(), client, [second, third, fourth]) }
    }
}

/// `pcmk__client_data2xml()` for clients of this layout.
///
/// # Safety
/// See there. An argument that the release does not have may be anything.
unsafe fn document(layout: &Layout, client: *mut Client, arguments: [*mut c_void; 3]) -> *mut c_void {
    let [second, third, fourth] = arguments;
    // SAFETY: the caller's promise.
    unsafe {
        let (message, id, flags) = match layout.local_message {
            LocalMessage::Argument if second.is_null() => return ptr::null_mut(),
            LocalMessage::Argument => (read(bytes(second)), third, fourth),
            LocalMessage::ClientBuffer => (read_buffer(layout, client), second, third),
        };
        match message {
            Ok(request) => take(client, &request, id.cast(), flags.cast()),
            Err(reason) => {
                log::error!("Could not read a local message: {reason}");
                ptr::null_mut()
            }
        }
    }
}

/// Tells what a message's header says, and gives its text as a tree.
///
/// # Safety
/// As for `pcmk__client_data2xml()`.
unsafe fn take(client: *mut Client, request: &IpcRequest, id: *mut u32, flags: *mut u32) -> *mut c_void {
    // SAFETY: NULL or the caller's own.
    unsafe {
        if let Some(id) = id.as_mut() {
            *id = request.id.cast_unsigned();
        }
        if let Some(flags) = flags.as_mut() {
            *flags = request.flags;
        }
        if let Some(client) = client.as_mut().filter(|_| request.flags & ipc::flag::PROXIED != 0) {
            client.flags |= flag::PROXIED;
        }
    }
    match xml::document_of(&request.text) {
        Ok(document) => document.into_raw(),
        Err(error) => {
            log::error!("Could not read a local message: {error}");
            ptr::null_mut()
        }
    }
}

/// The message in the client's buffer.
///
/// # Safety
/// `client` is NULL or a client of this layout.
unsafe fn read_buffer(layout: &Layout, client: *const Client) -> Result<IpcRequest, String> {
    let field = layout.client.buffer.filter(|_| !client.is_null());
    let field = field.ok_or("there is no client")?;
    // SAFETY: the caller's promise; nothing changes the buffer meanwhile.
    let message = unsafe { glib::bytes_of(field.get(client)) };
    ipc::read_assembled(message).map_err(|error| error.to_string())
}

/// # Safety
/// `data` is one message of libqb, as long as its header says.
unsafe fn bytes<'a>(data: *mut c_void) -> &'a [u8] {
    const LENGTH_AT: usize = 8;
    // SAFETY: libqb's header is there in any case; the length in it is the caller's promise.
    unsafe {
        let length = data.byte_add(LENGTH_AT).cast::<i32>().read_unaligned();
        std::slice::from_raw_parts(data.cast(), usize::try_from(length).unwrap_or(0))
    }
}

fn read(message: &[u8]) -> Result<IpcRequest, String> {
    let layout = ipc::detect(message).ok_or("its header is damaged")?;
    let request = Assembler::new(layout).push(message).map_err(|error| error.to_string())?;
    request.ok_or_else(|| "it is a part of one".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capi::abi::layout::{V3_0_0, V3_0_1};
    use crate::sys::xmlnode::{Document, Node};
    use crate::wire::ipc::{IpcLayout, encode};

    /// The text of a tree, which is freed.
    fn text(tree: *mut c_void) -> Option<String> {
        // SAFETY: NULL, or a tree that is freed with its document, once.
        unsafe {
            let text = Node::from_raw(tree).map(xml::text_of);
            drop(Document::from_raw(tree));
            text
        }
    }

    #[test]
    fn a_message_is_an_argument_or_lies_in_its_client_by_the_release() {
        let anything = ptr::dangling_mut();
        let mut message = encode(IpcLayout::New, 7, 0x100, "<a/>", 1 << 17).unwrap().remove(0);
        let (mut id, mut flags) = (0u32, 0u32);
        let (id_place, flags_place) = ((&raw mut id).cast(), (&raw mut flags).cast());
        for layout in [&V3_0_0, &V3_0_1] {
            let client = layout.new_client(ptr::null_mut());
            // SAFETY: a client of this layout, freed once with its buffer; a message as long as it says.
            unsafe {
                let arguments = match layout.client.buffer {
                    Some(buffer) => {
                        buffer.of(client).write(glib::new_bytes(&message));
                        [id_place, flags_place, anything]
                    }
                    None => [message.as_mut_ptr().cast(), id_place, flags_place],
                };
                assert_eq!(text(document(layout, client, arguments)).as_deref(), Some("<a/>"));
                assert_eq!((id, flags), (7, 0x100));
                assert_eq!((*client).flags, flag::PROXIED);
                if let Some(buffer) = layout.client.buffer {
                    glib::free_bytes(buffer.get(client));
                    buffer.of(client).write(ptr::null_mut());
                    assert_eq!(text(document(layout, client, arguments)), None, "nothing has come");
                    assert_eq!(text(document(layout, ptr::null_mut(), arguments)), None);
                }
                cmem::free(client);
            }
            (id, flags) = (0, 0);
        }
    }
}
