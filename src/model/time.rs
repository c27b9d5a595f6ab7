// SPDX-License-Identifier: LGPL-2.1-or-later
//! Time as a value: the pure layers are told what time it is.
use super::Millis;
use std::time::Duration;

/// A point on the monotonic clock, counted from an origin that the driver chose once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(Duration);

impl Moment {
    /// The moment that lies `since_origin` after the driver's origin.
    pub const fn new(since_origin: Duration) -> Self {
        Self(since_origin)
    }

    /// How far this moment lies from the driver's origin.
    pub const fn since_origin(self) -> Duration {
        self.0
    }

    /// The moment `delay` later; stays at the end of time rather than overflow.
    pub fn after(self, delay: Millis) -> Self {
        Self(self.0.saturating_add(delay.into()))
    }

    /// Time from `earlier` to this moment; zero when `earlier` is in fact later.
    pub fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

impl std::ops::Add<Duration> for Moment {
    type Output = Self;

    /// Stays at the end of time rather than overflow.
    fn add(self, time: Duration) -> Self {
        Self(self.0.saturating_add(time))
    }
}

/// What the clocks show at one step: the monotonic one for durations, the calendar for reports.
#[derive(Clone, Copy, Debug, Default)]
pub struct Now {
    /// For durations and deadlines.
    pub mono: Moment,
    /// Seconds since the Unix epoch, as results carry them.
    pub epoch_s: u64,
}
