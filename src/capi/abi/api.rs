// SPDX-License-Identifier: LGPL-2.1-or-later
//! The handle and its table of operations. The slots' order and types are the contract: most of the interface has no
//! symbols, callers reach it through this table.

use std::ffi::{c_char, c_int, c_uint, c_void};

use super::LrmdEventData;
use super::shared::{LrmdKeyValue, LrmdList, LrmdRscInfo};

/// A GList of GLib.
pub type GList = c_void;
/// Bits of `enum lrmd_call_options`.
pub type CallOptions = c_uint;
/// Called for each event of a connection; the event is lent for the length of the call.
pub type LrmdEventCallback = Option<unsafe extern "C" fn(event: *mut LrmdEventData)>;

/// A connection to an executor.
#[repr(C)]
#[derive(Debug)]
pub struct Lrmd {
    /// The operations; never NULL.
    pub cmds: *mut LrmdApiOperations,
    /// The library's own.
    pub lrmd_private: *mut c_void,
}

/// What can be done with a connection. Results are 0 or positive, or a negated errno.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs, reason = "each is documented where it is done, as a slot! in src/capi/client")]
pub struct LrmdApiOperations {
    pub connect: unsafe extern "C" fn(lrmd: *mut Lrmd, client_name: *const c_char, fd: *mut c_int) -> c_int,
    pub connect_async:
        unsafe extern "C" fn(lrmd: *mut Lrmd, client_name: *const c_char, timeout: c_int) -> c_int,
    pub is_connected: unsafe extern "C" fn(lrmd: *mut Lrmd) -> c_int,
    pub poke_connection: unsafe extern "C" fn(lrmd: *mut Lrmd) -> c_int,
    pub disconnect: unsafe extern "C" fn(lrmd: *mut Lrmd) -> c_int,
    pub register_rsc: unsafe extern "C" fn(
        lrmd: *mut Lrmd,
        rsc_id: *const c_char,
        standard: *const c_char,
        provider: *const c_char,
        agent: *const c_char,
        options: CallOptions,
    ) -> c_int,
    pub get_rsc_info: unsafe extern "C" fn(
        lrmd: *mut Lrmd,
        rsc_id: *const c_char,
        options: CallOptions,
    ) -> *mut LrmdRscInfo,
    pub get_recurring_ops: unsafe extern "C" fn(
        lrmd: *mut Lrmd,
        rsc_id: *const c_char,
        timeout_ms: c_int,
        options: CallOptions,
        output: *mut *mut GList,
    ) -> c_int,
    pub unregister_rsc:
        unsafe extern "C" fn(lrmd: *mut Lrmd, rsc_id: *const c_char, options: CallOptions) -> c_int,
    pub set_callback: unsafe extern "C" fn(lrmd: *mut Lrmd, callback: LrmdEventCallback),
    pub exec: unsafe extern "C" fn(
        lrmd: *mut Lrmd,
        rsc_id: *const c_char,
        action: *const c_char,
        userdata: *const c_char,
        interval_ms: c_uint,
        timeout: c_int,
        start_delay: c_int,
        options: CallOptions,
        params: *mut LrmdKeyValue,
    ) -> c_int,
    pub cancel: unsafe extern "C" fn(
        lrmd: *mut Lrmd,
        rsc_id: *const c_char,
        action: *const c_char,
        interval_ms: c_uint,
    ) -> c_int,
    pub get_metadata: unsafe extern "C" fn(
        lrmd: *mut Lrmd,
        standard: *const c_char,
        provider: *const c_char,
        agent: *const c_char,
        output: *mut *mut c_char,
        options: CallOptions,
    ) -> c_int,
    pub list_agents: unsafe extern "C" fn(
        lrmd: *mut Lrmd,
        agents: *mut *mut LrmdList,
        standard: *const c_char,
        provider: *const c_char,
    ) -> c_int,
    pub list_ocf_providers:
        unsafe extern "C" fn(lrmd: *mut Lrmd, agent: *const c_char, providers: *mut *mut LrmdList) -> c_int,
    pub list_standards: unsafe extern "C" fn(lrmd: *mut Lrmd, standards: *mut *mut LrmdList) -> c_int,
    pub exec_alert: unsafe extern "C" fn(
        lrmd: *mut Lrmd,
        alert_id: *const c_char,
        alert_path: *const c_char,
        timeout: c_int,
        params: *mut LrmdKeyValue,
    ) -> c_int,
    pub get_metadata_params: unsafe extern "C" fn(
        lrmd: *mut Lrmd,
        standard: *const c_char,
        provider: *const c_char,
        agent: *const c_char,
        output: *mut *mut c_char,
        options: CallOptions,
        params: *mut LrmdKeyValue,
    ) -> c_int,
}
