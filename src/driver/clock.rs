// SPDX-License-Identifier: LGPL-2.1-or-later
//! The machine's clocks in the core's terms, for every driver.
#![allow(clippy::disallowed_methods, reason = "this is the home of the clock")]

use crate::model::Moment;
#[cfg(any(feature = "daemon", feature = "capi"))]
use crate::model::Now;
use nix::time::{ClockId, clock_gettime};
use std::time::Instant;

/// Counts moments from its start.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    origin: Instant,
}

impl Clock {
    /// A clock whose origin is now.
    pub(super) fn start() -> Self {
        Self { origin: Instant::now() }
    }

    /// When it was started.
    pub(super) const fn origin(self) -> Instant {
        self.origin
    }

    /// What the clocks show.
    #[cfg(any(feature = "daemon", feature = "capi"))]
    pub(super) fn now(self) -> Now {
        Now { mono: self.moment(), epoch_s: epoch_s() }
    }

    /// What the monotonic clock shows.
    pub(super) fn moment(self) -> Moment {
        self.at(Instant::now())
    }

    /// The core's name for an instant; the origin stands for all before it.
    pub(super) fn at(self, instant: Instant) -> Moment {
        Moment::new(instant.saturating_duration_since(self.origin))
    }

    /// The machine's name for a moment of the core's.
    pub(super) fn instant_of(self, moment: Moment) -> Instant {
        self.origin + moment.since_origin()
    }
}

/// The time of day, as time(2) has it; before 1970 it is 1970. The kernel's note of it from its last tick is read in a
/// tenth of the time that the clock itself takes.
fn epoch_s() -> u64 {
    let time = clock_gettime(ClockId::CLOCK_REALTIME_COARSE);
    time.ok().and_then(|time| u64::try_from(time.tv_sec()).ok()).unwrap_or_default()
}

/// The time of day as certificates have it.
pub(super) fn seconds_since_1970() -> i64 {
    i64::try_from(epoch_s()).unwrap_or(i64::MAX)
}
