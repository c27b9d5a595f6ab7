// SPDX-License-Identifier: LGPL-2.1-or-later
//! The C interface as Pacemaker 3.0 has it (liblrmd.so.52).

use crate::driver::blocking::Release;
use crate::sys::crmcommon::CrmCommon;

/// `lrmd_event_data_t`.
pub type LrmdEventData = super::event::Event<libc::time_t>;
/// Which behaviour callers expect.
pub const RELEASE: Release = Release::V3_0;
/// Pacemaker's common library of this release.
pub const CRM_COMMON: CrmCommon = CrmCommon::new(c"libcrmcommon.so.68");
/// How that library frees the document of an element.
pub const FREE_ELEMENT: super::FreeElement = CrmCommon::pcmk__xml_free;
