// SPDX-License-Identifier: LGPL-2.1-or-later
//! The clock in the runtime's terms.
#![allow(clippy::disallowed_methods, reason = "it reads the clock")]

use crate::driver::clock::Clock;
use crate::model::Moment;
use tokio::time::Instant;

/// The runtime's name for a moment of the core.
pub(super) fn instant(clock: Clock, moment: Moment) -> Instant {
    Instant::from_std(clock.instant_of(moment))
}

/// The runtime's present, for deadlines of sockets.
pub(super) fn instant_now() -> Instant {
    Instant::now()
}
