// SPDX-License-Identifier: LGPL-2.1-or-later
//! The C interface as Pacemaker 3.0 has it (liblrmd.so.52).

use crate::model::Release;
use crate::sys::crmcommon::PacemakerLibrary;

/// `lrmd_event_data_t`.
pub type LrmdEventData = super::event::Event<libc::time_t>;
/// Which behaviour callers expect.
pub const RELEASE: Release = Release::V3_0;
/// Pacemaker's common library of this release.
pub const CRM_COMMON: PacemakerLibrary = PacemakerLibrary::new(c"libcrmcommon.so.68");
/// Its fencing library.
pub const FENCING: PacemakerLibrary = PacemakerLibrary::new(c"libstonithd.so.56");
/// How the common library frees the document of an element.
pub const FREE_ELEMENT: super::FreeElement = PacemakerLibrary::pcmk__xml_free;
/// How alert agents are spoken to.
pub const ALERT_WORDS: super::words::AlertWords = super::words::V3_0;

/// `pcmk__remote_t`.
pub type Remote = super::remote::RemoteV3_0;
