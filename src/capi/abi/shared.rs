// SPDX-License-Identifier: LGPL-2.1-or-later
//! Layouts that are the same in Pacemaker 2.1 and 3.0. capi-tests/values.c compares them with upstream's header.

use std::ffi::{c_char, c_int};

/// One parameter of an operation, and the rest of the list.
#[repr(C)]
#[derive(Debug)]
pub struct LrmdKeyValue {
    /// Name; owned.
    pub key: *mut c_char,
    /// Value; owned.
    pub value: *mut c_char,
    /// The next one, owned, or NULL.
    pub next: *mut LrmdKeyValue,
}

/// One name of a listing (agents, providers, standards), and the rest of the list.
#[repr(C)]
#[derive(Debug)]
pub struct LrmdList {
    /// The name; owned by the list, in spite of its type, which is upstream's.
    pub val: *const c_char,
    /// The next one, owned, or NULL.
    pub next: *mut LrmdList,
}

/// A registered resource: its id and its agent.
#[repr(C)]
#[derive(Debug)]
pub struct LrmdRscInfo {
    /// The resource's id; owned.
    pub id: *mut c_char,
    /// The agent's name within its standard and provider; owned.
    pub r#type: *mut c_char,
    /// The agent's standard, such as "ocf"; owned.
    pub standard: *mut c_char,
    /// The agent's provider; owned; NULL for a standard without providers.
    pub provider: *mut c_char,
}

/// A recurring operation that an executor has.
#[repr(C)]
#[derive(Debug)]
pub struct LrmdOpInfo {
    /// The resource's id; owned.
    pub rsc_id: *mut c_char,
    /// The action, such as "monitor"; owned.
    pub action: *mut c_char,
    /// Interval in milliseconds, as decimal digits; owned.
    pub interval_ms_s: *mut c_char,
    /// Timeout in milliseconds, as decimal digits; owned.
    pub timeout_ms_s: *mut c_char,
}

/// `pcmk__action_result_t`: what became of an agent's run.
#[repr(C)]
#[derive(Debug)]
pub struct ActionResult {
    /// The exit code.
    pub exit_status: c_int,
    /// How it fared: `enum pcmk_exec_status`.
    pub execution_status: c_int,
    /// Why it failed, or NULL.
    pub exit_reason: *mut c_char,
    /// What it printed, or NULL.
    pub action_stdout: *mut c_char,
    /// What it complained, or NULL.
    pub action_stderr: *mut c_char,
}
