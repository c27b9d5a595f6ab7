// SPDX-License-Identifier: LGPL-2.1-or-later
//! The C interface as Pacemaker 3.0 has it (liblrmd.so.52).

use crate::driver::blocking::Release;

/// `lrmd_event_data_t`.
pub type LrmdEventData = super::event::Event<libc::time_t>;
/// Which behaviour callers expect.
pub const RELEASE: Release = Release::V3_0;

/// `pcmk__remote_t`.
pub type Remote = super::remote::RemoteV3_0;
