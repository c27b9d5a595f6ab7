// SPDX-License-Identifier: LGPL-2.1-or-later
//! Messages about proxied sessions. The proxied message itself is carried as text and never taken apart.
use super::decoded::{CodecError, FromServer};
use super::envelope::{Envelope, MessageType, write_envelope};
use super::value::{int, text, unsigned};
use crate::model::{ClientId, Notification, Payload, ProxyCommand, ProxyNotice};
use crate::wire::names::{attribute, element, ipc_op, op, value};
use crate::wire::xml::{Element, Writer};

fn session(root: &Element<'_>) -> Option<ClientId> {
    root.attribute(attribute::IPC_SESSION).map(ClientId::new)
}

/// The operation in lower case: upstream compares without regard to it.
fn operation(root: &Element<'_>) -> String {
    root.attribute(attribute::IPC_OP).unwrap_or_default().to_ascii_lowercase()
}

/// Provider to executor.
pub(super) fn decode_command(root: &Element<'_>, payload: Option<Payload>) -> ProxyCommand {
    let op = operation(root);
    match (op.as_str(), session(root)) {
        (ipc_op::SHUTDOWN_ACK, _) => ProxyCommand::ShutdownAck,
        (ipc_op::SHUTDOWN_NACK, _) => ProxyCommand::ShutdownNack,
        (ipc_op::EVENT, Some(session)) => ProxyCommand::Event { session, payload },
        (ipc_op::RESPONSE, Some(session)) => {
            ProxyCommand::Response { session, msg_id: int(root, attribute::IPC_MSG_ID), payload }
        }
        (ipc_op::DESTROY, Some(session)) => ProxyCommand::Destroy { session },
        (_, session) => {
            ProxyCommand::Unknown { session, op: text(root, attribute::IPC_OP).unwrap_or_default() }
        }
    }
}

pub(super) fn encode_command(command: &ProxyCommand, envelope: Envelope, writer: &mut Writer) {
    let (op, session, payload) = match command {
        ProxyCommand::Event { session, payload } => (ipc_op::EVENT, Some(session), payload.as_ref()),
        ProxyCommand::Response { session, payload, .. } => {
            (ipc_op::RESPONSE, Some(session), payload.as_ref())
        }
        ProxyCommand::Destroy { session } => (ipc_op::DESTROY, Some(session), None),
        ProxyCommand::ShutdownAck => (ipc_op::SHUTDOWN_ACK, None, None),
        ProxyCommand::ShutdownNack => (ipc_op::SHUTDOWN_NACK, None, None),
        ProxyCommand::Unknown { session, op } => (op.as_str(), session.as_ref(), None),
    };
    begin(writer, op, session.map(ClientId::as_str));
    if let ProxyCommand::Response { msg_id, .. } = command {
        writer.number(attribute::IPC_MSG_ID, msg_id);
    }
    writer.attribute(attribute::OP, op::IPC_FWD);
    finish(writer, payload, envelope, MessageType::Request);
}

/// Executor to provider.
pub(super) fn decode_notice(root: &Element<'_>, payload: Option<Payload>) -> Result<FromServer, CodecError> {
    let missing = |what| CodecError::Missing { root: root.name.to_string(), what };
    let op = operation(root);
    let session = || session(root).ok_or_else(|| missing(attribute::IPC_SESSION));
    let notice = match op.as_str() {
        ipc_op::NEW => ProxyNotice::New {
            session: session()?,
            server: text(root, attribute::IPC_SERVER).ok_or_else(|| missing(attribute::IPC_SERVER))?,
        },
        ipc_op::REQUEST => ProxyNotice::Request {
            session: session()?,
            client: text(root, attribute::IPC_CLIENT).unwrap_or_default(),
            user: text(root, attribute::IPC_USER).unwrap_or_default(),
            msg_id: int(root, attribute::IPC_MSG_ID),
            flags: unsigned(root, attribute::IPC_MSG_FLAGS),
            payload: payload.ok_or_else(|| missing(element::IPC_MSG))?,
        },
        ipc_op::DESTROY => ProxyNotice::Destroy { session: session()? },
        ipc_op::SHUTDOWN_REQ => ProxyNotice::ShutdownRequest,
        _ => return Ok(FromServer::Unknown { op }),
    };
    Ok(FromServer::Notification(Notification::Proxy(notice)))
}

pub(super) fn encode_notice(notice: &ProxyNotice, envelope: Envelope, writer: &mut Writer) {
    let payload = match notice {
        ProxyNotice::New { session, server } => {
            writer.start(element::IPC_PROXY).attribute(attribute::IPC_OP, ipc_op::NEW);
            writer.attribute(attribute::IPC_SERVER, server);
            writer.attribute(attribute::IPC_SESSION, session.as_str());
            None
        }
        ProxyNotice::Request { session, client, user, msg_id, flags, payload } => {
            begin(writer, ipc_op::REQUEST, Some(session.as_str()));
            writer.attribute(attribute::IPC_CLIENT, client).attribute(attribute::IPC_USER, user);
            writer.number(attribute::IPC_MSG_ID, msg_id).number(attribute::IPC_MSG_FLAGS, flags);
            Some(payload)
        }
        ProxyNotice::Destroy { session } => {
            begin(writer, ipc_op::DESTROY, Some(session.as_str()));
            None
        }
        ProxyNotice::ShutdownRequest => {
            // Peers know proxy traffic by the session, so there must be one.
            begin(writer, ipc_op::SHUTDOWN_REQ, Some(value::NO_SESSION));
            None
        }
    };
    finish(writer, payload, envelope, MessageType::Notify);
}

fn begin(writer: &mut Writer, op: &str, session: Option<&str>) {
    writer.start(element::IPC_PROXY).attribute(attribute::IPC_OP, op);
    writer.optional(attribute::IPC_SESSION, session);
}

fn finish(writer: &mut Writer, payload: Option<&Payload>, envelope: Envelope, kind: MessageType) {
    write_envelope(writer, envelope, kind);
    if let Some(payload) = payload {
        writer.start(element::IPC_MSG).payload(payload).end();
    }
}
