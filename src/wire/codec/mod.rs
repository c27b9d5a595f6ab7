// SPDX-License-Identifier: LGPL-2.1-or-later
//! Messages to text and back, for both ends.
//!
//! Reading is tolerant: attributes that nobody knows are skipped, missing ones have an answer of their own in
//! the model, numbers that are none read as zero. Writing has everything that any release asks for.
mod notification;
mod params;
mod proxy;
mod reply;
mod request;
mod value;

pub use notification::{encode_notification, encode_short_notification};
pub(super) use params::encode as encode_params;
pub use reply::encode_reply;
pub use request::{RequestFields, encode_request};

use super::names::{attribute, element, msg_type};
use super::xml::{self, Document, Element, Writer, XmlError};
use crate::model::{Notification, Reply, RequestMessage};
use std::fmt;

/// What we write into `lrmd_origin`. Nobody reads it but people.
const ORIGIN: &str = "pcmk-remote-rs";

/// How a message travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Envelope {
    /// Over TLS. `msg_id`: the request's number; a reply repeats it; notifications have none (0 is written).
    Tls {
        /// The number.
        msg_id: u32,
    },
    /// Over local IPC, whose own header has the number.
    Local,
}

/// `lrmd_remote_msg_type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are the wire's own")]
pub enum MessageType {
    Request,
    Reply,
    Notify,
}

impl MessageType {
    const fn word(self) -> &'static str {
        match self {
            Self::Request => msg_type::REQUEST,
            Self::Reply => msg_type::REPLY,
            Self::Notify => msg_type::NOTIFY,
        }
    }
}

/// The part of a message that belongs to its carrier.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Received {
    /// `lrmd_remote_msg_id`; None: absent, or no number.
    pub msg_id: Option<u32>,
    /// `lrmd_remote_msg_type`; None: absent or unknown.
    pub msg_type: Option<MessageType>,
}

/// A request as a server reads it.
#[derive(Clone, Debug, PartialEq)]
pub struct Decoded {
    /// The request.
    pub incoming: RequestMessage,
    /// What the carrier added.
    pub received: Received,
}

/// What a client hears from a server.
#[derive(Clone, Debug, PartialEq)]
pub enum FromServer {
    /// The answer to a request. (An empty list of recurring operations looks like a plain reply.)
    Reply(Reply),
    /// Something unasked.
    Notification(Notification),
    /// Local IPC of 3.0: the server did not take the request; a `crm` exit status.
    Refused {
        /// The exit status.
        status: i32,
    },
    /// A notification that nobody knows.
    Unknown {
        /// Its `lrmd_op`.
        op: String,
    },
}

/// Why text is no message of the protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CodecError {
    /// It is not even XML.
    Xml(XmlError),
    /// Another kind of message was expected from this side.
    Unexpected {
        /// Name of the root element.
        root: String,
    },
    /// Something is missing without which the message means nothing.
    Missing {
        /// Name of the root element.
        root: String,
        /// Name of the attribute or element.
        what: &'static str,
    },
}

impl fmt::Display for CodecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Xml(error) => error.fmt(f),
            Self::Unexpected { root } => write!(f, "a message of kind \"{root}\" was not expected"),
            Self::Missing { root, what } => write!(f, "a message of kind \"{root}\" lacks {what}"),
        }
    }
}

impl std::error::Error for CodecError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Xml(error) => Some(error),
            _ => None,
        }
    }
}

impl From<XmlError> for CodecError {
    fn from(error: XmlError) -> Self {
        Self::Xml(error)
    }
}

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
    let Document { root, payload } = xml::read_document(text, element::IPC_MSG)?;
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
    let Document { root, payload } = xml::read_document(text, element::IPC_MSG)?;
    let message = match root.name.as_ref() {
        element::REPLY => FromServer::Reply(reply::decode(&root)?),
        element::NOTIFY => notification::decode(&root)?,
        element::IPC_PROXY => proxy::decode_notice(&root, payload)?,
        element::ACK => FromServer::Refused { status: value::int(&root, attribute::STATUS) },
        _ => return Err(CodecError::Unexpected { root: root.name.into_owned() }),
    };
    Ok((message, received(&root)))
}

fn received(root: &Element<'_>) -> Received {
    let msg_type = match root.attribute(attribute::REMOTE_MSG_TYPE) {
        Some(msg_type::REQUEST) => Some(MessageType::Request),
        Some(msg_type::REPLY) => Some(MessageType::Reply),
        Some(msg_type::NOTIFY) => Some(MessageType::Notify),
        _ => None,
    };
    let msg_id = root.attribute(attribute::REMOTE_MSG_ID).and_then(|number| number.trim().parse().ok());
    Received { msg_id, msg_type }
}

/// Adds what the carrier needs, as the last attributes of the root.
fn write_envelope(writer: &mut Writer, envelope: Envelope, kind: MessageType) {
    if let Envelope::Tls { msg_id } = envelope {
        let msg_id = if kind == MessageType::Notify { 0 } else { msg_id };
        writer.number(attribute::REMOTE_MSG_ID, msg_id).attribute(attribute::REMOTE_MSG_TYPE, kind.word());
    }
}

#[cfg(test)]
mod tests;
