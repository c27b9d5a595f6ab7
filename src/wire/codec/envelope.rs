// SPDX-License-Identifier: LGPL-2.1-or-later
//! What a message carries for the connection that it travels on.
use crate::wire::names::{attribute, msg_type};
use crate::wire::xml::{Element, Writer};

/// What we write into `lrmd_origin`. Nobody reads it but people.
pub(super) const ORIGIN: &str = "pcmk-remote-rs";

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

/// Reads what the carrier has added.
pub(super) fn received(root: &Element<'_>) -> Received {
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
pub(super) fn write_envelope(writer: &mut Writer, envelope: Envelope, kind: MessageType) {
    if let Envelope::Tls { msg_id } = envelope {
        let msg_id = if kind == MessageType::Notify { 0 } else { msg_id };
        writer.number(attribute::REMOTE_MSG_ID, msg_id).attribute(attribute::REMOTE_MSG_TYPE, kind.word());
    }
}
