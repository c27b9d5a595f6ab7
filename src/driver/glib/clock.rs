// SPDX-License-Identifier: LGPL-2.1-or-later
//! The clocks of an executor in GLib's loop.
#![allow(clippy::disallowed_methods, reason = "a driver: it reads the clock")]

use crate::model::{Moment, Now};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Turns the machine's clocks into the core's.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    origin: Instant,
}

impl Clock {
    /// A clock whose origin is now.
    pub(super) fn start() -> Self {
        Self { origin: Instant::now() }
    }

    /// What the clocks show.
    pub(super) fn now(self) -> Now {
        let epoch_s = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        Now { mono: Moment::new(self.origin.elapsed()), epoch_s }
    }

    /// What the monotonic clock shows.
    pub(super) fn moment(self) -> Moment {
        Moment::new(self.origin.elapsed())
    }

    /// How long until a moment of the core's; nothing if it has passed.
    pub(super) fn until(self, moment: Moment) -> Duration {
        moment.since_origin().saturating_sub(self.origin.elapsed())
    }
}
