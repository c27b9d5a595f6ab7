// SPDX-License-Identifier: LGPL-2.1-or-later
//! Numbers that name or time an operation.
use std::fmt;
use std::time::Duration;

/// A span in milliseconds, as the protocol counts timeouts, delays and durations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Millis(pub u64);

impl From<Millis> for Duration {
    fn from(span: Millis) -> Self {
        Duration::from_millis(span.0)
    }
}

impl From<Duration> for Millis {
    fn from(span: Duration) -> Self {
        Self(u64::try_from(span.as_millis()).unwrap_or(u64::MAX))
    }
}

/// For people: `20ms`, `1.5s`, `2m`, `1h`.
impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            ms if ms > 0 && ms.is_multiple_of(3_600_000) => write!(f, "{}h", ms / 3_600_000),
            ms if ms > 0 && ms.is_multiple_of(60_000) => write!(f, "{}m", ms / 60_000),
            ms if ms >= 1000 && ms.is_multiple_of(1000) => write!(f, "{}s", ms / 1000),
            ms if ms >= 1000 => write!(f, "{}.{:03}s", ms / 1000, ms % 1000),
            ms => write!(f, "{ms}ms"),
        }
    }
}

/// How long a recurring operation rests between the end of one run and the start of the next.
/// Zero means that the operation does not recur.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Interval(pub u32);

impl Interval {
    /// Does the operation repeat?
    pub const fn recurs(self) -> bool {
        self.0 > 0
    }
}

impl From<Interval> for Millis {
    fn from(interval: Interval) -> Self {
        Self(u64::from(interval.0))
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Millis::from(*self).fmt(f)
    }
}

/// The executor's number for one request, counted over all clients; never below 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(pub i32);

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
