// SPDX-License-Identifier: LGPL-2.1-or-later
//! The C interface as Pacemaker 2.1 has it (liblrmd.so.28).

use std::ffi::c_uint;

use crate::driver::blocking::Release;
use crate::sys::crmcommon::CrmCommon;

/// `lrmd_event_data_t`.
pub type LrmdEventData = super::event::Event<c_uint>;
/// Which behaviour callers expect.
pub const RELEASE: Release = Release::V2_1;
/// Pacemaker's common library of this release.
pub const CRM_COMMON: CrmCommon = CrmCommon::new(c"libcrmcommon.so.34");
/// How that library frees the document of an element.
pub const FREE_ELEMENT: super::FreeElement = CrmCommon::free_xml;
