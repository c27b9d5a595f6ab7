// SPDX-License-Identifier: LGPL-2.1-or-later
//! The C interface as Pacemaker 2.1 has it (liblrmd.so.28).

use std::ffi::{c_int, c_uint};
use std::sync::OnceLock;

use super::behaviour::{Behaviour, FreeElement};
use super::layout::{self, Layout};
use super::words::{AlertWords, common_status, version};
use crate::model::{Millis, ProtocolVersion, Release};
use crate::sys::crmcommon::PacemakerLibrary;
use crate::wire::ipc::IpcLayout;

/// `lrmd_event_data_t`.
pub type LrmdEventData = super::event::Event<c_uint>;
/// Whose agents, standards and metadata callers expect: for the layers below, which know releases themselves.
pub const RELEASE: Release = Release::V2_1;
/// Pacemaker's common library of this release.
pub const CRM_COMMON: PacemakerLibrary = PacemakerLibrary::new(c"libcrmcommon.so.34");
/// Its fencing library.
pub const FENCING: PacemakerLibrary = PacemakerLibrary::new(c"libstonithd.so.26");
/// How the common library frees the document of an element.
pub const FREE_ELEMENT: FreeElement = PacemakerLibrary::free_xml;

/// How objects of daemons are laid out in this process.
pub fn layout() -> &'static Layout {
    static LAYOUT: OnceLock<&'static Layout> = OnceLock::new();
    let later = [(c"pcmk__ipc_fd", &layout::V2_1_7), (c"pcmk__daemon_metadata", &layout::V2_1_8)];
    LAYOUT.get_or_init(|| layout::choose(CRM_COMMON, &layout::V2_1_5, &later))
}

/// How the library behaves.
pub const BEHAVIOUR: Behaviour = Behaviour {
    slow_handshake_event_code: -libc::EKEYREJECTED,
    immediate_failure_has_connect_event: true,
    connect_event_is_dispatched: false,
    refusal_event_precedes_disconnect: false,
    unfinished_sign_on_has_disconnect_event: false,
    waited_call_delivers_outside_dispatch: true,
    default_keys_stand_in: true,
    protocol_version: ProtocolVersion { major: 1, minor: 1 },
    shutdown_answer_limit: Some(Millis(20_000)),
    metadata_limit: Millis(30_000),
    local_layout: || IpcLayout::Old,
};

/// How alert agents are spoken to.
pub const ALERT_WORDS: AlertWords =
    AlertWords { prefixes: &["CRM_notify_", "CRM_alert_"], version: version("2.1.5"), status, exit };

fn status(code: c_int) -> &'static str {
    match code {
        -1 => "pending",
        0 => "complete",
        2 => "Timed Out",
        3 => "NOT SUPPORTED",
        _ => common_status(code).unwrap_or("UNKNOWN!"),
    }
}

fn exit(code: c_int) -> String {
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
