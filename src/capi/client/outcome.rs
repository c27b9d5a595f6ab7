// SPDX-License-Identifier: LGPL-2.1-or-later
//! What the executor tells, as events for C.

use std::ffi::{CStr, CString, c_char, c_int, c_uint};
use std::ptr;

use super::handle::Handle;
use super::xml;
use crate::capi::abi::LrmdEventData;
use crate::model::{CallId, Completion, Millis, Notification, ResourceId};
use crate::sys::cmem;
use crate::sys::glib::containers::{self, StringTable};
use crate::wire::codec::{Envelope, encode_notification};

const REGISTER: c_uint = 0;
const UNREGISTER: c_uint = 1;
const EXEC_COMPLETE: c_uint = 2;
pub(super) const DISCONNECT: c_uint = 3;
pub(super) const CONNECT: c_uint = 4;
const POKE: c_uint = 5;
const NEW_CLIENT: c_uint = 6;

/// Tells C about `notification`, if C listens.
pub(super) fn tell(handle: &Handle, notification: Notification) {
    match &notification {
        Notification::Registered { call_id, resource_id, .. } => {
            generic(handle, REGISTER, *call_id, resource_id.as_ref());
        }
        Notification::Unregistered { call_id, resource_id, .. } => {
            generic(handle, UNREGISTER, *call_id, resource_id.as_ref());
        }
        Notification::Poke { call_id, resource_id, .. } => {
            generic(handle, POKE, *call_id, resource_id.as_ref());
        }
        Notification::NewClient => {
            handle.emit(&mut LrmdEventData { r#type: NEW_CLIENT, ..LrmdEventData::empty() });
        }
        Notification::Completed(completion) => completed(handle, completion),
        Notification::Proxy(_) => proxied(handle, notification),
    }
}

fn generic(handle: &Handle, kind: c_uint, call_id: CallId, resource_id: Option<&ResourceId>) {
    let resource_id = resource_id.map(|id| c_string(id.as_str()));
    handle.emit(&mut LrmdEventData {
        r#type: kind,
        call_id: call_id.0,
        rsc_id: pointer(resource_id.as_deref()),
        ..LrmdEventData::empty()
    });
}

fn completed(handle: &Handle, completion: &Completion) {
    // Without a callback nothing needs to be built.
    if handle.callback.get().is_none() {
        return;
    }
    let outcome = &completion.outcome;
    let resource_id = c_string(completion.resource_id.as_str());
    let action = c_string(&completion.action);
    let user_data = completion.user_data.as_deref().map(c_string);
    let mut params = StringTable::new();
    for (name, value) in completion.params.iter() {
        params.insert(&c_string(name), &c_string(value));
    }
    let mut event = LrmdEventData {
        r#type: EXEC_COMPLETE,
        rsc_id: resource_id.as_ptr(),
        op_type: action.as_ptr(),
        user_data: pointer(user_data.as_deref()),
        call_id: completion.call_id.0,
        timeout: int(completion.timeout),
        interval_ms: completion.interval.0,
        start_delay: int(completion.start_delay),
        rsc_deleted: completion.resource_deleted.into(),
        rc: outcome.exit.0,
        op_status: outcome.status.code(),
        // The callback may free both, and put others in their place.
        output: copy(outcome.output.as_deref()),
        exit_reason: copy(outcome.reason.as_deref()),
        t_run: completion.run_time_s.try_into().unwrap_or_default(),
        t_rcchange: completion.rc_change_s.try_into().unwrap_or_default(),
        exec_time: unsigned(completion.exec_time),
        queue_time: unsigned(completion.queue_time),
        params: params.into_raw(),
        ..LrmdEventData::empty()
    };
    handle.emit(&mut event);
    // SAFETY: the strings and the table are ours, or what the callback put in their place for us to free; NULL where
    // it took them.
    unsafe {
        cmem::free(event.output.cast_mut());
        cmem::free(event.exit_reason.cast_mut());
        if !event.params.is_null() {
            containers::destroy(event.params);
        }
    }
}

/// A message of a proxied session, as a tree, to whoever asked for those.
fn proxied(handle: &Handle, notification: Notification) {
    let (callback, user_data) = handle.proxy_callback();
    let Some(callback) = callback.filter(|_| handle.lifecycle.is_usable()) else { return };
    // Upstream hears nothing at all from a local executor without an event callback.
    if !handle.is_remote() && handle.callback.get().is_none() {
        return;
    }
    let envelope = if handle.is_remote() { Envelope::Tls { msg_id: 0 } } else { Envelope::Local };
    let text = encode_notification(&notification, envelope);
    // The message may be large, and is in the text.
    drop(notification);
    match xml::bounded_document_of(&text) {
        Ok(document) => {
            let (lrmd, node) = (handle.lrmd.get(), document.root().as_raw());
            // SAFETY: the callback that C has set is valid as long as it is set; the tree outlives the call, and no
            // borrow of the handle is alive.
            handle.run_callback(|| unsafe { callback(lrmd, user_data, node) });
        }
        Err(error) => log::error!("A message of a proxied session is ignored: {error}"),
    }
}

/// Up to the first NUL, which XML cannot carry anyway.
fn c_string(text: &str) -> CString {
    let end = text.find('\0').unwrap_or(text.len());
    CString::new(text.get(..end).unwrap_or_default()).unwrap_or_default()
}

fn pointer(text: Option<&CStr>) -> *const c_char {
    text.map_or(ptr::null(), CStr::as_ptr)
}

fn copy(text: Option<&str>) -> *const c_char {
    text.map_or(ptr::null_mut(), |text| cmem::string_of(text.as_bytes())).cast_const()
}

fn int(time: Millis) -> c_int {
    c_int::try_from(time.0).unwrap_or(c_int::MAX)
}

fn unsigned(time: Millis) -> c_uint {
    c_uint::try_from(time.0).unwrap_or(c_uint::MAX)
}
