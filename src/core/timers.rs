// SPDX-License-Identifier: LGPL-2.1-or-later
//! The timer table: what is due when, one entry per subject.
use super::RunId;
use super::operation_key::OperationKey;
use crate::model::Moment;
use std::collections::{BTreeMap, BTreeSet};

/// What a timer is about. A subject has at most one timer of each kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Timer {
    /// A run has used up its time: kill it.
    RunLimit(RunId),
    /// A queued operation may start now.
    StartDelay(OperationKey),
    /// A recurring operation has rested for its interval: run it again.
    Interval(OperationKey),
    /// Alerts had time enough to finish: exit without them.
    DrainAlerts,
}

/// All timers, by time and by subject.
#[derive(Debug, Default)]
pub(super) struct Timers {
    by_time: BTreeSet<(Moment, Timer)>,
    by_timer: BTreeMap<Timer, Moment>,
}

impl Timers {
    /// Arms `timer`, replacing its earlier time.
    pub(super) fn set(&mut self, timer: Timer, at: Moment) {
        if let Some(earlier) = self.by_timer.insert(timer, at) {
            self.by_time.remove(&(earlier, timer));
        }
        self.by_time.insert((at, timer));
    }

    /// Disarms `timer`; nothing happens if it was not armed.
    pub(super) fn clear(&mut self, timer: Timer) {
        if let Some(at) = self.by_timer.remove(&timer) {
            self.by_time.remove(&(at, timer));
        }
    }

    /// When the earliest timer is due.
    pub(super) fn next(&self) -> Option<Moment> {
        self.by_time.first().map(|(at, _)| *at)
    }

    /// Takes the earliest timer if it is due.
    pub(super) fn expire(&mut self, now: Moment) -> Option<Timer> {
        let (at, timer) = *self.by_time.first()?;
        if at > now {
            return None;
        }
        self.clear(timer);
        Some(timer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn at(seconds: u64) -> Moment {
        Moment::new(Duration::from_secs(seconds))
    }

    #[test]
    fn fires_in_order_of_time_and_only_what_is_due() {
        let mut timers = Timers::default();
        timers.set(Timer::RunLimit(RunId(1)), at(3));
        timers.set(Timer::RunLimit(RunId(2)), at(1));
        timers.set(Timer::DrainAlerts, at(9));
        assert_eq!(timers.next(), Some(at(1)));
        assert_eq!(timers.expire(at(0)), None);
        assert_eq!(timers.expire(at(5)), Some(Timer::RunLimit(RunId(2))));
        assert_eq!(timers.expire(at(5)), Some(Timer::RunLimit(RunId(1))));
        assert_eq!(timers.expire(at(5)), None);
        assert_eq!(timers.next(), Some(at(9)));
    }

    #[test]
    fn a_timer_set_again_fires_once_at_its_new_time() {
        let mut timers = Timers::default();
        timers.set(Timer::DrainAlerts, at(1));
        timers.set(Timer::DrainAlerts, at(4));
        assert_eq!(timers.next(), Some(at(4)));
        assert_eq!(timers.expire(at(3)), None);
        assert_eq!(timers.expire(at(4)), Some(Timer::DrainAlerts));
        assert_eq!(timers.next(), None);
    }

    #[test]
    fn a_cleared_timer_never_fires() {
        let mut timers = Timers::default();
        timers.set(Timer::DrainAlerts, at(1));
        timers.clear(Timer::DrainAlerts);
        timers.clear(Timer::DrainAlerts);
        assert_eq!(timers.expire(at(100)), None);
    }
}
