// SPDX-License-Identifier: LGPL-2.1-or-later
//! The C interface as Pacemaker 3.0 has it (liblrmd.so.52).

use std::ffi::{CStr, c_int};
use std::sync::OnceLock;

use super::behaviour::{Behaviour, FreeElement};
use super::layout::{self, Layout};
use super::words::{AlertWords, common_status, exit_of, version};
use crate::model::{Millis, ProtocolVersion, Release};
use crate::sys::crmcommon::PacemakerLibrary;
use crate::wire::ipc::IpcLayout;

/// `lrmd_event_data_t`.
pub type LrmdEventData = super::event::Event<libc::time_t>;
/// Whose agents, standards and metadata callers expect: for the layers below, which know releases themselves.
pub const RELEASE: Release = Release::V3_0;
/// Pacemaker's common library of this release.
pub const CRM_COMMON: PacemakerLibrary = PacemakerLibrary::new(c"libcrmcommon.so.68");
/// Its fencing library.
pub const FENCING: PacemakerLibrary = PacemakerLibrary::new(c"libstonithd.so.56");
/// How the common library frees the document of an element.
pub const FREE_ELEMENT: FreeElement = PacemakerLibrary::pcmk__xml_free;

/// How objects of daemons are laid out in this process.
pub fn layout() -> &'static Layout {
    static LAYOUT: OnceLock<&'static Layout> = OnceLock::new();
    let later = [(PARTS, &layout::V3_0_1), (c"pcmk__serve_execd_ipc", &layout::V3_0_2)];
    LAYOUT.get_or_init(|| layout::choose(CRM_COMMON, &layout::V3_0_0, &later))
}

/// Came with 3.0.1, in which local messages come in parts.
const PARTS: &CStr = c"pcmk__ipc_msg_append";

/// How the library behaves.
pub const BEHAVIOUR: Behaviour = Behaviour {
    slow_handshake_event_code: -libc::ETIME,
    immediate_failure_has_connect_event: false,
    connect_event_is_dispatched: true,
    refusal_event_precedes_disconnect: true,
    unfinished_sign_on_has_disconnect_event: true,
    waited_call_delivers_outside_dispatch: false,
    default_keys_stand_in: false,
    protocol_version: ProtocolVersion::SCHEMAS,
    shutdown_answer_limit: None,
    metadata_limit: Millis(20_000),
    local_layout,
};

/// Client and server are of one release on a node.
fn local_layout() -> IpcLayout {
    if CRM_COMMON.has(PARTS) { IpcLayout::New } else { IpcLayout::Old }
}

/// How alert agents are spoken to.
pub const ALERT_WORDS: AlertWords =
    AlertWords { prefixes: &["CRM_alert_"], version: version("3.0.0"), status, exit };

fn status(code: c_int) -> &'static str {
    match code {
        -1 => "Pending",
        0 => "Done",
        2 => "Timed out",
        3 => "Unsupported",
        _ => common_status(code).unwrap_or("Unrecognized status (bug?)"),
    }
}

/// One list for every kind of exit status, and it grows: Pacemaker's own library knows it.
fn exit(code: c_int) -> String {
    exit_of(CRM_COMMON, code).unwrap_or_else(|| format!("Exit status {code}"))
}
