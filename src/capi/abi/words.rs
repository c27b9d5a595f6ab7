// SPDX-License-Identifier: LGPL-2.1-or-later
//! What alert agents are told: the same facts in each release, under names and in words of its own.

use std::ffi::{CStr, c_int};

use crate::sys::crmcommon::PacemakerLibrary;

/// How a release speaks to alert agents.
#[derive(Clone, Copy, Debug)]
pub struct AlertWords {
    /// What stands before a key's name. Each key is told once with each.
    pub prefixes: &'static [&'static str],
    /// Pacemaker's version.
    pub version: &'static str,
    /// How the executor fared.
    pub status: fn(c_int) -> &'static str,
    /// How the agent fared; asked for when the executor fared well.
    pub exit: fn(c_int) -> String,
}

/// What the packager said to be the version, or the first one of the release.
pub(super) const fn version(first: &'static str) -> &'static str {
    match option_env!("PCMK_REMOTE_RS_PACEMAKER_VERSION") {
        Some(version) => version,
        None => first,
    }
}

/// Statuses whose words have not changed.
pub(super) fn common_status(status: c_int) -> Option<&'static str> {
    Some(match status {
        1 => "Cancelled",
        4 => "Error",
        5 => "Hard error",
        6 => "Fatal error",
        7 => "Not installed",
        8 => "Internal communication failure",
        9 => "Cannot execute now",
        10 => "No fence device",
        11 => "CIB secrets unavailable",
        _ => return None,
    })
}

/// The words of `library` for an exit status; None if it cannot be asked.
pub(super) fn exit_of(library: PacemakerLibrary, code: c_int) -> Option<String> {
    // SAFETY: the function has no conditions; its answer is a string that stays.
    unsafe {
        let text = library.crm_exit_str(code).ok()?;
        (!text.is_null()).then(|| CStr::from_ptr(text).to_string_lossy().into_owned())
    }
}
