// SPDX-License-Identifier: LGPL-2.1-or-later
//! What an executor tells its clients unasked.
use super::decoded::{CodecError, FromServer};
use super::envelope::{Envelope, MessageType, ORIGIN, write_envelope};
use super::value::{int, interval, is_number, millis, resource_id, seconds, sendable, text};
use super::{params, proxy};
use crate::model::{CallId, Completion, ExecStatus, Notification, OcfExit, Outcome, ResourceId};
use crate::wire::names::{attribute, element, op};
use crate::wire::xml::{Element, Writer};
use std::sync::Arc;

pub(super) fn decode(root: &Element<'_>) -> Result<FromServer, CodecError> {
    let (rc, call_id) = (int(root, attribute::RC), CallId(int(root, attribute::CALL_ID)));
    let resource_id = resource_id(root);
    let notification = match root.attribute(attribute::OP).unwrap_or_default() {
        op::RSC_EXEC => Notification::Completed(Box::new(completion(root)?)),
        op::RSC_REGISTER => Notification::Registered { rc, call_id, resource_id },
        op::RSC_UNREGISTER => Notification::Unregistered { rc, call_id, resource_id },
        op::POKE => Notification::Poke { rc, call_id, resource_id },
        op::NEW_CLIENT => Notification::NewClient,
        other => return Ok(FromServer::Unknown { op: other.to_owned() }),
    };
    Ok(FromServer::Notification(notification))
}

fn completion(root: &Element<'_>) -> Result<Completion, CodecError> {
    let missing = CodecError::Missing { root: root.name.to_string(), what: attribute::RSC_ID };
    let exit = match is_number(root, attribute::EXEC_RC) {
        true => OcfExit(int(root, attribute::EXEC_RC)),
        false => OcfExit::UNKNOWN,
    };
    let status = match is_number(root, attribute::EXEC_OP_STATUS) {
        true => ExecStatus::from_code(int(root, attribute::EXEC_OP_STATUS)),
        false => None,
    };
    // As upstream's clients read it.
    let rc_change = match is_number(root, attribute::RCCHANGE_TIME) {
        true => attribute::RCCHANGE_TIME,
        false => attribute::RUN_TIME,
    };
    Ok(Completion {
        call_id: CallId(int(root, attribute::CALL_ID)),
        resource_id: resource_id(root).ok_or(missing)?,
        action: root.attribute(attribute::RSC_ACTION).unwrap_or_default().into(),
        interval: interval(root),
        timeout: millis(root, attribute::TIMEOUT),
        start_delay: millis(root, attribute::RSC_START_DELAY),
        user_data: text(root, attribute::RSC_USERDATA_STR),
        outcome: Outcome {
            exit,
            status: status.unwrap_or(ExecStatus::Unknown),
            reason: text(root, attribute::RSC_EXIT_REASON),
            output: text(root, attribute::RSC_OUTPUT),
        },
        resource_deleted: int(root, attribute::RSC_DELETED) != 0,
        run_time_s: seconds(root, attribute::RUN_TIME),
        rc_change_s: seconds(root, rc_change),
        exec_time: millis(root, attribute::EXEC_TIME),
        // Old executors send negative garbage for operations cancelled before they ran.
        queue_time: millis(root, attribute::QUEUE_TIME),
        params: Arc::new(params::decode(root)),
    })
}

/// Writes a notification. Its text is the same for all clients of one carrier; an [`Envelope::Tls`]'s number
/// is not used.
///
/// ```
/// use pcmk_remote_rs::model::Notification;
/// use pcmk_remote_rs::wire::codec::{Envelope, encode_notification};
/// let text = encode_notification(&Notification::NewClient, Envelope::Local);
/// assert_eq!(text, r#"<lrmd_notify lrmd_origin="pcmk-remote-rs" lrmd_op="lrmd_rsc_new_client"/>"#);
/// ```
pub fn encode_notification(notification: &Notification, envelope: Envelope) -> String {
    let mut writer = Writer::new();
    match notification {
        Notification::Proxy(notice) => proxy::encode_notice(notice, envelope, &mut writer),
        Notification::Completed(completion) => {
            begin(&mut writer);
            encode_completion(completion, &mut writer);
            write_envelope(&mut writer, envelope, MessageType::Notify);
            params::encode(&completion.params, &mut writer);
        }
        Notification::NewClient => {
            begin(&mut writer).attribute(attribute::OP, op::NEW_CLIENT);
            write_envelope(&mut writer, envelope, MessageType::Notify);
        }
        Notification::Registered { rc, call_id, resource_id } => {
            generic(&mut writer, op::RSC_REGISTER, *rc, *call_id, resource_id.as_ref(), envelope);
        }
        Notification::Unregistered { rc, call_id, resource_id } => {
            generic(&mut writer, op::RSC_UNREGISTER, *rc, *call_id, resource_id.as_ref(), envelope);
        }
        Notification::Poke { rc, call_id, resource_id } => {
            generic(&mut writer, op::POKE, *rc, *call_id, resource_id.as_ref(), envelope);
        }
    }
    writer.finish()
}

/// Bytes of an agent's output in a short notification. Escaped they are six times as many at most, which a local
/// client of Pacemaker up to 3.0.0 can receive.
const SHORT_OUTPUT: usize = 16 * 1024;

/// The same notification with no more of an agent's output than any peer can receive; None when there is no more.
pub fn encode_short_notification(notification: &Notification, envelope: Envelope) -> Option<String> {
    let Notification::Completed(completion) = notification else { return None };
    let output = completion.outcome.output.as_deref().filter(|output| output.len() > SHORT_OUTPUT)?;
    let end = (0..=SHORT_OUTPUT).rev().find(|end| output.is_char_boundary(*end)).unwrap_or(0);
    let (kept, cut) = output.split_at_checked(end)?;
    let mut short = completion.clone();
    short.outcome.output = Some(format!("{kept}\n({} more bytes of output left out)", cut.len()));
    Some(encode_notification(&Notification::Completed(short), envelope))
}

fn begin(writer: &mut Writer) -> &mut Writer {
    writer.start(element::NOTIFY).attribute(attribute::ORIGIN, ORIGIN)
}

fn generic(
    writer: &mut Writer,
    op: &str,
    rc: i32,
    call_id: CallId,
    resource_id: Option<&ResourceId>,
    envelope: Envelope,
) {
    begin(writer).number(attribute::RC, rc).number(attribute::CALL_ID, call_id).attribute(attribute::OP, op);
    writer.optional(attribute::RSC_ID, resource_id.map(ResourceId::as_str));
    write_envelope(writer, envelope, MessageType::Notify);
}

fn encode_completion(completion: &Completion, writer: &mut Writer) {
    let outcome = &completion.outcome;
    writer
        .number(attribute::TIMEOUT, sendable(completion.timeout))
        .number(attribute::RSC_INTERVAL, completion.interval.0)
        .number(attribute::RSC_START_DELAY, sendable(completion.start_delay))
        .number(attribute::EXEC_RC, outcome.exit.0)
        .number(attribute::EXEC_OP_STATUS, outcome.status.code())
        .number(attribute::CALL_ID, completion.call_id)
        .number(attribute::RSC_DELETED, u8::from(completion.resource_deleted))
        .number(attribute::RUN_TIME, completion.run_time_s)
        .number(attribute::RCCHANGE_TIME, completion.rc_change_s)
        .number(attribute::EXEC_TIME, sendable(completion.exec_time))
        .number(attribute::QUEUE_TIME, sendable(completion.queue_time))
        .attribute(attribute::OP, op::RSC_EXEC)
        .attribute(attribute::RSC_ID, completion.resource_id.as_str())
        .attribute(attribute::RSC_ACTION, &completion.action)
        .optional(attribute::RSC_USERDATA_STR, completion.user_data.as_deref())
        .optional(attribute::RSC_EXIT_REASON, outcome.reason.as_deref())
        .optional(attribute::RSC_OUTPUT, outcome.output.as_deref());
}
