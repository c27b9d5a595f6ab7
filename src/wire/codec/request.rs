// SPDX-License-Identifier: LGPL-2.1-or-later
//! Requests. `lrmd_op` alone decides what a request is; what it needs is then looked for leniently.
use super::value::{interval, is_true, millis, resource_id, sendable, text, unsigned};
use super::{CodecError, Envelope, MessageType, ORIGIN, params, proxy, write_envelope};
use crate::model::{
    Agent, Cancel, Execute, Millis, Notify, Payload, ProtocolVersion, Request, RequestMessage, ResourceId,
};
use crate::wire::names::{attribute, call_option, element, op, value};
use crate::wire::xml::{Element, Writer};
use std::sync::Arc;

pub(super) fn decode(root: &Element<'_>, payload: Option<Payload>) -> Result<RequestMessage, CodecError> {
    let missing = |what| CodecError::Missing { root: root.name.to_string(), what };
    let op = match root.attribute(attribute::OP) {
        Some(op) if !op.is_empty() => op,
        _ if root.name == element::IPC_PROXY => op::IPC_FWD,
        _ => return Err(missing(attribute::OP)),
    };
    let options = unsigned(root, attribute::CALL_OPT);
    let resource = root.only_descendant(element::RSC);
    let known_resource = || resource.and_then(resource_id);
    let request = match op {
        op::REGISTER => register(root),
        op::POKE => Request::Poke,
        op::RSC_REGISTER => register_resource(resource, options),
        op::RSC_UNREGISTER => Request::UnregisterResource(known_resource()),
        op::RSC_INFO => Request::ResourceInfo(known_resource()),
        op::RSC_EXEC => Request::Execute(Box::new(execute(resource, options))),
        op::RSC_CANCEL => Request::Cancel(cancel(resource)),
        op::GET_RECURRING => Request::RecurringOperations(recurring_of(root)),
        op::CHECK => Request::Check { watchdog: watchdog(root) },
        op::ALERT_EXEC => alert(root.only_descendant(element::ALERT)),
        op::IPC_FWD => Request::Proxy(proxy::decode_command(root, payload)),
        other => Request::Unknown(other.to_owned()),
    };
    Ok(RequestMessage { client_name: text(root, attribute::CLIENT_NAME), options, request })
}

fn register(root: &Element<'_>) -> Request {
    Request::Register {
        version: root.attribute(attribute::PROTOCOL_VERSION).and_then(ProtocolVersion::parse),
        is_provider: is_true(root, attribute::IS_IPC_PROVIDER),
        client_name: None,
    }
}

fn register_resource(resource: Option<&Element<'_>>, options: u32) -> Request {
    let part = |name| resource.and_then(|resource| text(resource, name));
    let agent = Agent {
        standard: part(attribute::CLASS).unwrap_or_default(),
        provider: part(attribute::PROVIDER),
        name: part(attribute::TYPE).unwrap_or_default(),
    };
    let drop_recurring = options & call_option::DROP_RECURRING_TEST != 0;
    Request::RegisterResource { resource_id: resource.and_then(resource_id), agent, drop_recurring }
}

fn execute(resource: Option<&Element<'_>>, options: u32) -> Execute {
    let nothing = Element::default();
    let resource = resource.unwrap_or(&nothing);
    Execute {
        resource_id: resource_id(resource),
        action: resource.attribute(attribute::RSC_ACTION).unwrap_or_default().into(),
        interval: interval(resource),
        timeout: millis(resource, attribute::TIMEOUT),
        start_delay: millis(resource, attribute::RSC_START_DELAY),
        user_data: text(resource, attribute::RSC_USERDATA_STR),
        params: Arc::new(params::decode(resource)),
        notify: Notify {
            origin_only: options & call_option::NOTIFY_ORIGIN_ONLY != 0,
            changes_only: options & call_option::NOTIFY_CHANGES_ONLY != 0,
        },
    }
}

fn cancel(resource: Option<&Element<'_>>) -> Cancel {
    let nothing = Element::default();
    let resource = resource.unwrap_or(&nothing);
    Cancel {
        resource_id: resource_id(resource),
        action: text(resource, attribute::RSC_ACTION),
        interval: interval(resource),
    }
}

/// Unlike the others this one is looked for in its place alone.
fn recurring_of(root: &Element<'_>) -> Option<ResourceId> {
    root.child(element::CALL_DATA)?.child(element::RSC).and_then(resource_id)
}

fn watchdog(root: &Element<'_>) -> Option<String> {
    let data = root.child(element::CALL_DATA)?.elements().next()?;
    text(data, attribute::WATCHDOG)
}

fn alert(alert: Option<&Element<'_>>) -> Request {
    let nothing = Element::default();
    let alert = alert.unwrap_or(&nothing);
    Request::Alert {
        id: text(alert, attribute::ALERT_ID),
        path: text(alert, attribute::ALERT_PATH),
        timeout: millis(alert, attribute::TIMEOUT),
        params: params::decode(alert),
    }
}

/// What a client adds to a request besides its content.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RequestFields<'a> {
    /// How long the client waits, for `lrmd_timeout` of the root. Servers do not read it.
    pub timeout: Millis,
    /// The identity got at sign-on, for `lrmd_async_id`. Servers do not read it; 3.0 clients do not send it.
    pub token: Option<&'a str>,
}

/// Writes a request as a client.
///
/// ```
/// use pcmk_remote_rs::model::{RequestMessage, Request};
/// use pcmk_remote_rs::wire::codec::{Envelope, RequestFields, encode_request};
/// let poke = RequestMessage { client_name: None, options: 0, request: Request::Poke };
/// let text = encode_request(&poke, &RequestFields::default(), Envelope::Local);
/// assert!(text.starts_with(r#"<lrmd_command t="lrmd" lrmd_op="lrmd_rsc_poke""#), "{text}");
/// ```
pub fn encode_request(message: &RequestMessage, fields: &RequestFields<'_>, envelope: Envelope) -> String {
    let mut writer = Writer::new();
    match &message.request {
        Request::Proxy(command) => proxy::encode_command(command, envelope, &mut writer),
        Request::Register { version, is_provider, client_name } => {
            writer.start(element::COMMAND).attribute(attribute::T, value::LRMD);
            writer.attribute(attribute::OP, op::REGISTER);
            let name = client_name.as_deref().or(message.client_name.as_deref());
            writer.optional(attribute::CLIENT_NAME, name);
            if let Some(version) = version {
                writer.number(attribute::PROTOCOL_VERSION, version);
            }
            if *is_provider {
                writer.attribute(attribute::IS_IPC_PROVIDER, value::TRUE);
            }
            write_envelope(&mut writer, envelope, MessageType::Request);
        }
        request => {
            writer.start(element::COMMAND).attribute(attribute::T, value::LRMD);
            writer.optional(attribute::ASYNC_ID, fields.token);
            writer.attribute(attribute::OP, operation(request));
            writer.optional(attribute::CLIENT_NAME, message.client_name.as_deref());
            writer.number(attribute::TIMEOUT, sendable(fields.timeout));
            writer.number(attribute::CALL_OPT, options(request, message.options));
            write_envelope(&mut writer, envelope, MessageType::Request);
            encode_data(request, &mut writer);
        }
    }
    writer.finish()
}

/// The option bits that say what the request's own fields say.
fn options(request: &Request, others: u32) -> u32 {
    match request {
        Request::RegisterResource { drop_recurring: true, .. } => call_option::DROP_RECURRING,
        Request::RegisterResource { drop_recurring: false, .. } => 0,
        Request::Execute(execute) => {
            let origin_only = if execute.notify.origin_only { call_option::NOTIFY_ORIGIN_ONLY } else { 0 };
            let changes_only = if execute.notify.changes_only { call_option::NOTIFY_CHANGES_ONLY } else { 0 };
            origin_only | changes_only
        }
        // Only the one who sends an alert hears how it went.
        Request::Alert { .. } => others | call_option::NOTIFY_ORIGIN_ONLY,
        _ => others,
    }
}

fn operation(request: &Request) -> &str {
    match request {
        Request::Register { .. } => op::REGISTER,
        Request::Poke => op::POKE,
        Request::RegisterResource { .. } => op::RSC_REGISTER,
        Request::UnregisterResource(_) => op::RSC_UNREGISTER,
        Request::ResourceInfo(_) => op::RSC_INFO,
        Request::Execute(_) => op::RSC_EXEC,
        Request::Cancel(_) => op::RSC_CANCEL,
        Request::RecurringOperations(_) => op::GET_RECURRING,
        Request::Check { .. } => op::CHECK,
        Request::Alert { .. } => op::ALERT_EXEC,
        Request::Proxy(_) => op::IPC_FWD,
        Request::Unknown(op) => op,
    }
}

/// Writes `lrmd_calldata`, where the request has any.
fn encode_data(request: &Request, writer: &mut Writer) {
    let data = match request {
        Request::Register { .. } | Request::Proxy(_) | Request::Unknown(_) => return,
        Request::RecurringOperations(None) => return,
        Request::Check { .. } => element::CHECK,
        Request::Alert { .. } => element::ALERT,
        _ => element::RSC,
    };
    writer.start(element::CALL_DATA).start(data).attribute(attribute::ORIGIN, ORIGIN);
    match request {
        Request::RegisterResource { resource_id, agent, .. } => {
            writer.optional(attribute::RSC_ID, resource_id.as_ref().map(ResourceId::as_str));
            writer.attribute(attribute::CLASS, &agent.standard);
            writer.optional(attribute::PROVIDER, agent.provider.as_deref());
            writer.attribute(attribute::TYPE, &agent.name);
        }
        Request::UnregisterResource(resource_id)
        | Request::ResourceInfo(resource_id)
        | Request::RecurringOperations(resource_id) => {
            writer.optional(attribute::RSC_ID, resource_id.as_ref().map(ResourceId::as_str));
        }
        Request::Execute(execute) => encode_execute(execute, writer),
        Request::Cancel(cancel) => {
            writer.optional(attribute::RSC_ACTION, cancel.action.as_deref());
            writer.optional(attribute::RSC_ID, cancel.resource_id.as_ref().map(ResourceId::as_str));
            writer.number(attribute::RSC_INTERVAL, cancel.interval.0);
        }
        Request::Check { watchdog } => {
            writer.optional(attribute::WATCHDOG, watchdog.as_deref());
        }
        Request::Alert { id, path, timeout, params } => {
            writer
                .optional(attribute::ALERT_ID, id.as_deref())
                .optional(attribute::ALERT_PATH, path.as_deref());
            writer.number(attribute::TIMEOUT, sendable(*timeout));
            params::encode(params, writer);
        }
        Request::Register { .. } | Request::Poke | Request::Proxy(_) | Request::Unknown(_) => {}
    }
    writer.end().end();
}

fn encode_execute(execute: &Execute, writer: &mut Writer) {
    writer.optional(attribute::RSC_ID, execute.resource_id.as_ref().map(ResourceId::as_str));
    writer.attribute(attribute::RSC_ACTION, &execute.action);
    writer.optional(attribute::RSC_USERDATA_STR, execute.user_data.as_deref());
    writer.number(attribute::RSC_INTERVAL, execute.interval.0);
    writer.number(attribute::TIMEOUT, sendable(execute.timeout));
    writer.number(attribute::RSC_START_DELAY, sendable(execute.start_delay));
    params::encode(&execute.params, writer);
}
