// SPDX-License-Identifier: LGPL-2.1-or-later
//! The C interface as Pacemaker 2.1 has it (liblrmd.so.28).

use std::ffi::c_uint;

use crate::model::Release;
use crate::sys::crmcommon::PacemakerLibrary;

/// `lrmd_event_data_t`.
pub type LrmdEventData = super::event::Event<c_uint>;
/// Which behaviour callers expect.
pub const RELEASE: Release = Release::V2_1;
/// Pacemaker's common library of this release.
pub const CRM_COMMON: PacemakerLibrary = PacemakerLibrary::new(c"libcrmcommon.so.34");
/// Its fencing library.
pub const FENCING: PacemakerLibrary = PacemakerLibrary::new(c"libstonithd.so.26");
/// How the common library frees the document of an element.
pub const FREE_ELEMENT: super::FreeElement = PacemakerLibrary::free_xml;
/// How alert agents are spoken to.
pub const ALERT_WORDS: super::words::AlertWords = super::words::V2_1;

/// `pcmk__remote_t`.
pub type Remote = super::remote::RemoteV2_1;
