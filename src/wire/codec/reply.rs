// SPDX-License-Identifier: LGPL-2.1-or-later
//! Replies. What kind a reply is shows in what it holds; only the one to a sign-on names its request.
use super::decoded::CodecError;
use super::envelope::{Envelope, MessageType, ORIGIN, write_envelope};
use super::value::{int, interval, is_number, millis, resource_id, seconds, sendable, text};
use crate::model::{
    Agent, CallId, ClientId, ProtocolVersion, RecurringOperation, Registered, Reply, ReplyBody, Resource,
    ResourceOperations,
};
use crate::wire::names::{attribute, element, op};
use crate::wire::xml::{Element, Writer};

pub(super) fn decode(root: &Element<'_>) -> Result<Reply, CodecError> {
    if !is_number(root, attribute::RC) {
        return Err(CodecError::Missing { root: root.name.to_string(), what: attribute::RC });
    }
    let call_id = CallId(int(root, attribute::CALL_ID));
    Ok(Reply { rc: int(root, attribute::RC), call_id, body: body(root) })
}

fn body(root: &Element<'_>) -> ReplyBody {
    let client_id = root.attribute(attribute::CLIENT_ID);
    if let (Some(op::REGISTER), Some(client_id)) = (root.attribute(attribute::OP), client_id) {
        let uptime_s = is_number(root, attribute::UPTIME).then(|| seconds(root, attribute::UPTIME));
        return ReplyBody::Registered(Registered {
            client_id: ClientId::new(client_id),
            version: root.attribute(attribute::PROTOCOL_VERSION).and_then(ProtocolVersion::parse),
            uptime_s,
            node_start_state: text(root, attribute::NODE_START_STATE),
        });
    }
    let standard = text(root, attribute::CLASS);
    let name = text(root, attribute::TYPE);
    if let (Some(id), Some(standard), Some(name)) = (resource_id(root), standard, name) {
        let agent = Agent { standard, provider: text(root, attribute::PROVIDER), name };
        return ReplyBody::ResourceInfo(Resource { id, agent });
    }
    let recurring: Vec<_> = root.elements().filter_map(operations).collect();
    if recurring.is_empty() { ReplyBody::Plain } else { ReplyBody::Recurring(recurring) }
}

fn operations(resource: &Element<'_>) -> Option<ResourceOperations> {
    if resource.name != element::RSC {
        return None;
    }
    let operations = resource
        .elements()
        .filter(|operation| operation.name == element::RSC_OP)
        .map(|operation| RecurringOperation {
            action: operation.attribute(attribute::RSC_ACTION).unwrap_or_default().into(),
            interval: interval(operation),
            timeout: millis(operation, attribute::TIMEOUT),
        })
        .collect();
    Some(ResourceOperations { resource_id: resource_id(resource)?, operations })
}

/// Writes the answer to a request.
pub fn encode_reply(reply: &Reply, envelope: Envelope) -> String {
    let mut writer = Writer::new();
    writer.start(element::REPLY).attribute(attribute::ORIGIN, ORIGIN);
    writer.number(attribute::RC, reply.rc).number(attribute::CALL_ID, reply.call_id);
    match &reply.body {
        ReplyBody::Plain | ReplyBody::Recurring(_) => {}
        ReplyBody::Registered(registered) => encode_registered(registered, &mut writer),
        ReplyBody::ResourceInfo(Resource { id, agent }) => {
            writer.attribute(attribute::RSC_ID, id.as_str()).attribute(attribute::CLASS, &agent.standard);
            writer.optional(attribute::PROVIDER, agent.provider.as_deref());
            writer.attribute(attribute::TYPE, &agent.name);
        }
    }
    write_envelope(&mut writer, envelope, MessageType::Reply);
    if let ReplyBody::Recurring(resources) = &reply.body {
        resources.iter().for_each(|resource| encode_operations(resource, &mut writer));
    }
    writer.finish()
}

fn encode_registered(registered: &Registered, writer: &mut Writer) {
    writer.attribute(attribute::OP, op::REGISTER);
    writer.attribute(attribute::CLIENT_ID, registered.client_id.as_str());
    if let Some(version) = registered.version {
        writer.number(attribute::PROTOCOL_VERSION, version);
    }
    if let Some(uptime_s) = registered.uptime_s {
        writer.number(attribute::UPTIME, uptime_s);
    }
    writer.optional(attribute::NODE_START_STATE, registered.node_start_state.as_deref());
}

fn encode_operations(resource: &ResourceOperations, writer: &mut Writer) {
    writer.start(element::RSC).attribute(attribute::RSC_ID, resource.resource_id.as_str());
    for operation in &resource.operations {
        writer.start(element::RSC_OP).attribute(attribute::RSC_ACTION, &operation.action);
        writer.number(attribute::RSC_INTERVAL, operation.interval.0);
        writer.number(attribute::TIMEOUT, sendable(operation.timeout)).end();
    }
    writer.end();
}
