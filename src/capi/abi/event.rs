// SPDX-License-Identifier: LGPL-2.1-or-later
//! The event, whose layout differs between releases only in the type of its two time stamps.

use std::ffi::{c_char, c_int, c_uint, c_void};
use std::ptr;

/// `enum lrmd_callback_event`.
pub type CallbackEvent = c_uint;
/// `enum ocf_exitcode`.
pub type OcfExitCode = c_int;

/// What has happened on a connection, as the callback gets it.
///
/// `Time` is `unsigned int` in Pacemaker 2.1 and `time_t` in 3.0, which moves every field behind it.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Event<Time> {
    /// Which kind of event: one of `EVENT_*`.
    pub r#type: CallbackEvent,
    /// The resource's id.
    pub rsc_id: *const c_char,
    /// The action.
    pub op_type: *const c_char,
    /// What the request brought along.
    pub user_data: *const c_char,
    /// The request's number.
    pub call_id: c_int,
    /// Timeout in milliseconds.
    pub timeout: c_int,
    /// Interval in milliseconds; 0: once.
    pub interval_ms: c_uint,
    /// Start delay in milliseconds.
    pub start_delay: c_int,
    /// 1 when the resource was unregistered meanwhile.
    pub rsc_deleted: c_int,
    /// The OCF exit code.
    pub rc: OcfExitCode,
    /// How the executor fared.
    pub op_status: c_int,
    /// What the agent printed.
    pub output: *const c_char,
    /// Start of the run, seconds since the epoch.
    pub t_run: Time,
    /// Last change of the exit code, seconds since the epoch.
    pub t_rcchange: Time,
    /// Length of the run in milliseconds.
    pub exec_time: c_uint,
    /// Wait before the run in milliseconds.
    pub queue_time: c_uint,
    /// Result of connecting: 0 or a negated errno.
    pub connection_rc: c_int,
    /// A GHashTable of the operation's parameters, or NULL.
    pub params: *mut c_void,
    /// The connection's node.
    pub remote_nodename: *const c_char,
    /// Why the action failed.
    pub exit_reason: *const c_char,
}

impl<Time: Default> Event<Time> {
    /// All zero and NULL.
    pub fn empty() -> Self {
        Self {
            r#type: 0,
            rsc_id: ptr::null(),
            op_type: ptr::null(),
            user_data: ptr::null(),
            call_id: 0,
            timeout: 0,
            interval_ms: 0,
            start_delay: 0,
            rsc_deleted: 0,
            rc: 0,
            op_status: 0,
            output: ptr::null(),
            t_run: Time::default(),
            t_rcchange: Time::default(),
            exec_time: 0,
            queue_time: 0,
            connection_rc: 0,
            params: ptr::null_mut(),
            remote_nodename: ptr::null(),
            exit_reason: ptr::null(),
        }
    }
}
