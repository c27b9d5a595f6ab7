// SPDX-License-Identifier: LGPL-2.1-or-later
//! The only place where the daemons read the clock.
#![allow(clippy::disallowed_methods, reason = "this is the home of the clock")]

use crate::model::{Moment, Now};
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::time::Instant;

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
    pub(super) fn now(&self) -> Now {
        let epoch_s = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        Now { mono: self.moment(), epoch_s }
    }

    /// What the monotonic clock shows.
    pub(super) fn moment(&self) -> Moment {
        Moment::new(self.origin.elapsed())
    }

    /// The runtime's name for a moment of the core.
    pub(super) fn instant(&self, moment: Moment) -> Instant {
        self.origin + moment.since_origin()
    }
}

/// The runtime's present, for deadlines of sockets.
pub(super) fn instant_now() -> Instant {
    Instant::now()
}
