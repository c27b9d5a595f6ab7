// SPDX-License-Identifier: LGPL-2.1-or-later
//! Messages to text and back, for both ends.
//!
//! Reading is tolerant: attributes that nobody knows are skipped, missing ones have an answer of their own in
//! the model, numbers that are none read as zero. Writing has everything that any release asks for.
mod decoded;
mod envelope;
mod notification;
mod params;
mod proxy;
mod reply;
mod request;
mod value;

pub use decoded::{CodecError, Decoded, FromServer};
pub use envelope::{Envelope, MessageType, Received};
pub use notification::{encode_notification, encode_short_notification};
pub(super) use params::encode as encode_params;
pub use reply::encode_reply;
pub use request::{RequestFields, encode_request};

use super::names::{attribute, element};
use super::xml::{self, Document, Limits};
use envelope::received;

/// Reads what a client sent.
///
/// ```
/// use pcmk_remote_rs::model::Request;
/// use pcmk_remote_rs::wire::codec::decode_incoming;
/// let text = r#"<lrmd_command t="lrmd" lrmd_op="lrmd_rsc_poke" lrmd_remote_msg_id="7"/>"#;
/// let decoded = decode_incoming(text).unwrap();
/// assert_eq!(decoded.incoming.request, Request::Poke);
/// assert_eq!(decoded.received.msg_id, Some(7));
/// ```
pub fn decode_incoming(text: &str) -> Result<Decoded, CodecError> {
    let Document { root, payload } = xml::read_document(text, element::IPC_MSG, Limits::LARGE)?;
    if [element::REPLY, element::NOTIFY, element::ACK].contains(&root.name.as_ref()) {
        return Err(CodecError::Unexpected { root: root.name.into_owned() });
    }
    let incoming = request::decode(&root, payload)?;
    Ok(Decoded { incoming, received: received(&root) })
}

/// Reads what a server sent.
///
/// ```
/// use pcmk_remote_rs::model::{CallId, Reply, ReplyBody};
/// use pcmk_remote_rs::wire::codec::{Envelope, FromServer, decode_from_server, encode_reply};
/// let reply = Reply { rc: -19, call_id: CallId(3), body: ReplyBody::Plain };
/// let text = encode_reply(&reply, Envelope::Tls { msg_id: 5 });
/// let (read, received) = decode_from_server(&text).unwrap();
/// assert_eq!(read, FromServer::Reply(reply));
/// assert_eq!(received.msg_id, Some(5));
/// ```
pub fn decode_from_server(text: &str) -> Result<(FromServer, Received), CodecError> {
    let Document { root, payload } = xml::read_document(text, element::IPC_MSG, Limits::SMALL)?;
    let message = match root.name.as_ref() {
        element::REPLY => FromServer::Reply(reply::decode(&root)?),
        element::NOTIFY => notification::decode(&root)?,
        element::IPC_PROXY => proxy::decode_notice(&root, payload)?,
        element::ACK => FromServer::Refused { status: value::int(&root, attribute::STATUS) },
        _ => return Err(CodecError::Unexpected { root: root.name.into_owned() }),
    };
    Ok((message, received(&root)))
}

#[cfg(test)]
mod tests;
