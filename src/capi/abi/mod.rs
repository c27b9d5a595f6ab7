// SPDX-License-Identifier: LGPL-2.1-or-later
//! Layouts that C callers see. Nothing outside this folder may know in which version of Pacemaker one differs.
//!
//! Both releases are always compiled, so that both are tested in one run; which one a build of the library wears is
//! said by `--cfg pcmk_abi="2.1"` or `"3.0"`, and is 3.0 without. Everything else uses the names of this module.

pub mod api;
pub mod event;
pub mod internal;
pub mod output;
pub mod remote;
pub mod sessions;
pub mod shared;
pub mod v2_1;
pub mod v3_0;
pub mod words;

#[cfg(pcmk_abi = "2.1")]
pub use v2_1::{ALERT_WORDS, CRM_COMMON, FENCING, FREE_ELEMENT, LrmdEventData, RELEASE, Remote};
#[cfg(not(pcmk_abi = "2.1"))]
pub use v3_0::{ALERT_WORDS, CRM_COMMON, FENCING, FREE_ELEMENT, LrmdEventData, RELEASE, Remote};

use crate::sys::crmcommon::{Missing, PacemakerLibrary};
use std::ffi::c_void;

/// A function of [`CRM_COMMON`] that frees the document of an element.
pub type FreeElement = unsafe fn(&PacemakerLibrary, *mut c_void) -> Result<(), Missing>;
