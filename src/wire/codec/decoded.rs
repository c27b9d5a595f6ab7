// SPDX-License-Identifier: LGPL-2.1-or-later
//! What comes of reading a message.
use super::envelope::Received;
use crate::model::{Notification, Reply, RequestMessage};
use crate::wire::xml::XmlError;
use std::fmt;

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
