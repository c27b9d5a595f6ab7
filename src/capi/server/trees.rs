// SPDX-License-Identifier: LGPL-2.1-or-later
//! Messages as the program's objects hand them about, trees of libxml2, and as the core has them.

use std::ffi::c_void;

use crate::capi::client::xml;
use crate::model::{CallId, Notification, Reply, RequestMessage};
use crate::sys::xmlnode::{Document, Node};
use crate::wire::codec::{Envelope, decode_incoming, encode_notification, encode_reply};
use crate::wire::names::attribute;

/// A request as the program's dispatcher has completed it.
pub(super) struct Asked {
    /// What is asked for; None: it does not say, or cannot be read.
    pub(super) message: Option<RequestMessage>,
    /// `lrmd_op`.
    pub(super) operation: Option<String>,
    /// The number that the dispatcher gave it.
    pub(super) call_id: CallId,
}

/// Reads a request, which stays as it is. None: it is no element.
///
/// # Safety
/// `request` is NULL or a living node of libxml2.
pub(super) unsafe fn read(request: *mut c_void) -> Option<Asked> {
    // SAFETY: the caller's promise; the tree is not used after this call.
    let node = unsafe { Node::from_raw(request) }?;
    let message = decode_incoming(&xml::text_of(node)).map(|decoded| decoded.incoming);
    if let Err(error) = &message {
        log::warn!("A request cannot be read: {error}");
    }
    let call_id = node.attribute(attribute::CALL_ID).and_then(|text| text.parse().ok());
    Some(Asked {
        message: message.ok(),
        operation: node.attribute(attribute::OP),
        call_id: CallId(call_id.unwrap_or_default()),
    })
}

/// The tree of a reply.
pub(super) fn reply(reply: &Reply) -> Option<Document> {
    document(&encode_reply(reply, Envelope::Local))
}

/// The tree of a notification.
pub(super) fn notification(notification: &Notification) -> Option<Document> {
    document(&encode_notification(notification, Envelope::Local))
}

/// What we have written can be read.
fn document(text: &str) -> Option<Document> {
    xml::document_of(text).inspect_err(|error| log::error!("A message of ours is none: {error}")).ok()
}
