// SPDX-License-Identifier: LGPL-2.1-or-later
//! Alerts: has the executor run the configured agents for an event.
//!
//! * `content`: which alerts an event concerns and what their agents are told.
//! * `stamp`: the event's time.

mod content;
mod stamp;

use std::ffi::{CStr, c_char, c_int, c_void};

use self::content::{Alert, Event, Operation};
use self::stamp::Stamp;
use super::handle::Handle;
use super::text::owned;
use crate::capi::abi::api::Lrmd;
use crate::capi::abi::{ALERT_WORDS, LrmdEventData, internal};
use crate::capi::entry::entry;
use crate::model::{Millis, Request};
use crate::sys::glib::containers;
use crate::wire::names::call_option;

const SOME_FAILED: c_int = -1;
const ALL_FAILED: c_int = -2;

entry! {
    /// Alerts of a node attribute's new value.
    ///
    /// Returns 0, -1 when some of the agents could not be started, -2 when none could, or when `lrmd` is NULL.
    ///
    /// # Safety
    /// `lrmd` is NULL or came from this library and was not deleted; `alert_list` is NULL or a GList of
    /// `pcmk__alert_t`; the strings are NULL, which is taken for "", or C strings. Everything stays the caller's.
    pub unsafe fn lrmd_send_attribute_alert(
        lrmd: *mut Lrmd,
        alert_list: *mut c_void,
        #[shown] node: *const c_char,
        nodeid: u32,
        #[shown] attr_name: *const c_char,
        attr_value: *const c_char,
    ) -> c_int, failed = ALL_FAILED; {
        // SAFETY: the caller's promise.
        unsafe {
            // A change of nothing concerns nobody.
            let list = if attr_name.is_null() { std::ptr::null_mut() } else { alert_list };
            let event = Event::attribute(or_empty(node), nodeid, or_empty(attr_name), or_empty(attr_value));
            alert(lrmd, list, Some(&event))
        }
    }
}

entry! {
    /// Alerts of a node's new state. Returns as `lrmd_send_attribute_alert()`.
    ///
    /// # Safety
    /// As for `lrmd_send_attribute_alert()`.
    pub unsafe fn lrmd_send_node_alert(
        lrmd: *mut Lrmd,
        alert_list: *mut c_void,
        #[shown] node: *const c_char,
        nodeid: u32,
        #[shown] state: *const c_char,
    ) -> c_int, failed = ALL_FAILED; {
        // SAFETY: the caller's promise.
        unsafe { alert(lrmd, alert_list, Some(&Event::node(or_empty(node), nodeid, or_empty(state)))) }
    }
}

entry! {
    /// Alerts of a fencing action with the result `op_rc`. Returns as `lrmd_send_attribute_alert()`.
    ///
    /// # Safety
    /// As for `lrmd_send_attribute_alert()`.
    pub unsafe fn lrmd_send_fencing_alert(
        lrmd: *mut Lrmd,
        alert_list: *mut c_void,
        #[shown] target: *const c_char,
        #[shown] task: *const c_char,
        desc: *const c_char,
        op_rc: c_int,
    ) -> c_int, failed = ALL_FAILED; {
        // SAFETY: the caller's promise.
        unsafe {
            let event = Event::fencing(or_empty(target), or_empty(task), or_empty(desc), op_rc);
            alert(lrmd, alert_list, Some(&event))
        }
    }
}

entry! {
    /// Alerts of a finished operation; of a probe only if it found what was not expected. Returns as
    /// `lrmd_send_attribute_alert()`.
    ///
    /// # Safety
    /// As for `lrmd_send_attribute_alert()`; `op` is NULL, and then there is nothing to tell, or an event.
    pub unsafe fn lrmd_send_resource_alert(
        lrmd: *mut Lrmd,
        alert_list: *mut c_void,
        #[shown] node: *const c_char,
        op: *const LrmdEventData,
    ) -> c_int, failed = ALL_FAILED; {
        // SAFETY: the caller's promise; the strings are copied.
        unsafe {
            let event = op.as_ref().and_then(|op| {
                let operation = Operation {
                    resource: or_empty(op.rsc_id),
                    action: or_empty(op.op_type),
                    transition: owned(op.user_data),
                    interval_ms: op.interval_ms,
                    timeout_ms: op.timeout,
                    exec_time_ms: op.exec_time,
                    status: op.op_status,
                    rc: op.rc,
                };
                Event::resource(or_empty(node), &operation, &ALERT_WORDS)
            });
            alert(lrmd, alert_list, event.as_ref())
        }
    }
}

/// Starts the agents of those alerts that `event` concerns.
///
/// # Safety
/// As for [`lrmd_send_attribute_alert`].
unsafe fn alert(lrmd: *mut Lrmd, list: *mut c_void, event: Option<&Event>) -> c_int {
    // SAFETY: the caller's promise.
    let Some(handle) = (unsafe { Handle::of(lrmd) }) else { return ALL_FAILED };
    let Some(event) = event else { return 0 };
    // SAFETY: the caller's promise.
    handle.poison_on_panic(|| unsafe { send(&handle, list, event) })
}

/// Starts the agents of those alerts that `event` concerns.
///
/// # Safety
/// As for [`lrmd_send_attribute_alert`].
unsafe fn send(handle: &Handle, list: *mut c_void, event: &Event) -> c_int {
    // All are read before the first is sent: a lost connection is told by a callback, which may free the list.
    // SAFETY: the caller's promise; a list's items are alerts.
    let alerts: Vec<Alert> = unsafe {
        containers::items::<internal::Alert>(list)
            .filter_map(|item| item.as_ref())
            .map(|item| read(item))
            .collect()
    };
    let stamp = Stamp::now();
    let (mut succeeded, mut failed) = (false, false);
    for alert in alerts.iter().filter(|alert| event.concerns(alert)) {
        let timeout = Millis(u64::try_from(alert.timeout_ms).unwrap_or(0));
        let request = Request::Alert {
            id: alert.id.clone(),
            path: alert.path.clone(),
            timeout,
            params: event.told_to(alert, &stamp, &ALERT_WORDS),
        };
        let answer =
            handle.call(request, call_option::NOTIFY_ORIGIN_ONLY, timeout).and_then(|reply| match reply.rc {
                rc if rc < 0 => Err(rc),
                _ => Ok(()),
            });
        match answer {
            Ok(()) => succeeded = true,
            Err(error) => {
                failed = true;
                log::error!("alert {} was not sent: error {error}", alert.id.as_deref().unwrap_or_default());
            }
        }
    }
    match (succeeded, failed) {
        (_, false) => 0,
        (true, true) => SOME_FAILED,
        (false, true) => ALL_FAILED,
    }
}

/// Copies an alert of the caller's.
///
/// # Safety
/// Its pointers are NULL or what [`internal::Alert`] says.
unsafe fn read(alert: &internal::Alert) -> Alert {
    // SAFETY: the caller's promise; NULL is kept away from what does not take it.
    unsafe {
        Alert {
            id: owned(alert.id),
            path: owned(alert.path),
            recipient: or_empty(alert.recipient),
            format: (!alert.tstamp_format.is_null())
                .then(|| CStr::from_ptr(alert.tstamp_format).to_bytes().to_vec()),
            timeout_ms: alert.timeout,
            kinds: alert.flags,
            attributes: names(alert.select_attribute_name),
            own: containers::entries(alert.envvars)
                .filter_map(|(key, value)| Some((lossy(key), lossy(value?))))
                .collect(),
        }
    }
}

/// The strings of a list that NULL ends; None for NULL.
///
/// # Safety
/// `list` is NULL or such a list.
unsafe fn names(list: *const *const c_char) -> Option<Vec<String>> {
    if list.is_null() {
        return None;
    }
    let mut names = Vec::new();
    // SAFETY: the list is walked to the NULL at its end, and no further.
    unsafe {
        let mut place = list;
        while !(*place).is_null() {
            names.push(or_empty(*place));
            place = place.add(1);
        }
    }
    Some(names)
}

/// The text; "" for NULL.
///
/// # Safety
/// `string` is NULL or a C string.
unsafe fn or_empty(string: *const c_char) -> String {
    // SAFETY: the caller's promise.
    unsafe { owned(string) }.unwrap_or_default()
}

fn lossy(string: &CStr) -> String {
    string.to_string_lossy().into_owned()
}
