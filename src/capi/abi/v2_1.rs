// SPDX-License-Identifier: LGPL-2.1-or-later
//! The C interface as Pacemaker 2.1 has it (liblrmd.so.28).

use std::ffi::c_uint;

use crate::driver::blocking::Release;

/// `lrmd_event_data_t`.
pub type LrmdEventData = super::event::Event<c_uint>;
/// Which behaviour callers expect.
pub const RELEASE: Release = Release::V2_1;

/// `pcmk__remote_t`.
pub type Remote = super::remote::RemoteV2_1;
