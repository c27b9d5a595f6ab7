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
const fn version(first: &'static str) -> &'static str {
    match option_env!("PCMK_REMOTE_RS_PACEMAKER_VERSION") {
        Some(version) => version,
        None => first,
    }
}

/// Pacemaker 2.1.
pub const V2_1: AlertWords = AlertWords {
    prefixes: &["CRM_notify_", "CRM_alert_"],
    version: version("2.1.5"),
    status: status_2_1,
    exit: exit_2_1,
};

/// Pacemaker 3.0.
pub const V3_0: AlertWords =
    AlertWords { prefixes: &["CRM_alert_"], version: version("3.0.0"), status: status_3_0, exit: exit_3_0 };

/// Statuses whose words have not changed.
fn status(status: c_int) -> Option<&'static str> {
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

fn status_2_1(code: c_int) -> &'static str {
    match code {
        -1 => "pending",
        0 => "complete",
        2 => "Timed Out",
        3 => "NOT SUPPORTED",
        _ => status(code).unwrap_or("UNKNOWN!"),
    }
}

fn status_3_0(code: c_int) -> &'static str {
    match code {
        -1 => "Pending",
        0 => "Done",
        2 => "Timed out",
        3 => "Unsupported",
        _ => status(code).unwrap_or("Unrecognized status (bug?)"),
    }
}

fn exit_2_1(code: c_int) -> String {
    let text = match code {
        0 => "ok",
        1 => "error",
        2 => "invalid parameter",
        3 => "unimplemented feature",
        4 => "insufficient privileges",
        5 => "not installed",
        6 => "not configured",
        7 => "not running",
        8 => "promoted",
        9 => "promoted (failed)",
        190 => "OCF_DEGRADED",
        191 => "promoted (degraded)",
        _ => "unknown",
    };
    text.to_owned()
}

/// 3.0 has one list for every kind of exit status, and it grows: Pacemaker's own library knows it.
fn exit_3_0(code: c_int) -> String {
    exit_of(super::v3_0::CRM_COMMON, code).unwrap_or_else(|| format!("Exit status {code}"))
}

fn exit_of(library: PacemakerLibrary, code: c_int) -> Option<String> {
    // SAFETY: the function has no conditions; its answer is a string that stays.
    unsafe {
        let text = library.crm_exit_str(code).ok()?;
        (!text.is_null()).then(|| CStr::from_ptr(text).to_string_lossy().into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_release_has_words_for_every_status() {
        for code in 1..=11 {
            assert_ne!((V2_1.status)(code), "UNKNOWN!");
            assert_ne!((V3_0.status)(code), "Unrecognized status (bug?)");
        }
        assert_eq!([(V2_1.status)(0), (V3_0.status)(0)], ["complete", "Done"]);
        assert_eq!([(V2_1.status)(12), (V3_0.status)(12)], ["UNKNOWN!", "Unrecognized status (bug?)"]);
        assert_eq!((V2_1.exit)(7), "not running");
    }

    #[test]
    fn pacemakers_library_knows_exit_statuses() {
        // 2.1's, which tests/setup installs, has the same list.
        assert_eq!(exit_of(super::super::v2_1::CRM_COMMON, 7).as_deref(), Some("Not running"));
    }
}
