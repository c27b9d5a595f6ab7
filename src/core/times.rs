// SPDX-License-Identifier: LGPL-2.1-or-later
//! When an operation arrived and when it first began, as its first result tells.
use crate::model::{Millis, Moment, Now};

/// A first run's times. Later runs of a recurring operation have none.
#[derive(Debug)]
pub(super) struct Times {
    arrived: Option<Moment>,
    began: Option<Now>,
}

impl Times {
    pub(super) const fn arrived(now: Now) -> Self {
        Self { arrived: Some(now.mono), began: None }
    }

    /// The operation's turn has come; only the first time counts.
    pub(super) fn begin(&mut self, now: Now) {
        self.began.get_or_insert(now);
    }

    /// The first run had to wait for its start, until `since`.
    pub(super) fn begin_late(&mut self, since: Moment, now: Now) {
        if self.began.is_some() {
            let epoch_s = now.epoch_s.saturating_sub(now.mono.since(since).as_secs());
            self.began = Some(Now { mono: since, epoch_s });
        }
    }

    /// The first run is over.
    pub(super) const fn forget(&mut self) {
        (self.arrived, self.began) = (None, None);
    }

    pub(super) fn began_at(&self) -> Option<Moment> {
        self.began.map(|began| began.mono)
    }

    /// Seconds since the epoch; 0 when there is nothing to tell.
    pub(super) fn began_s(&self) -> u64 {
        self.began.map_or(0, |began| began.epoch_s)
    }

    /// From arrival to begin; zero unless both are known.
    pub(super) fn waited(&self) -> Millis {
        match (self.arrived, self.began) {
            (Some(arrived), Some(began)) => began.mono.since(arrived).into(),
            _ => Millis(0),
        }
    }

    /// From begin until `now`; zero when it has not begun.
    pub(super) fn ran(&self, now: Moment) -> Millis {
        self.began.map_or(Millis(0), |began| now.since(began.mono).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::testing::now;

    #[test]
    fn each_transition_changes_what_is_told() {
        let mut times = Times::arrived(now(1_000));
        let told = |times: &Times| (times.waited().0, times.ran(now(9_000).mono).0, times.began_at());
        assert_eq!(told(&times), (0, 0, None));
        times.begin(now(3_000));
        times.begin(now(5_000));
        assert_eq!(told(&times), (2_000, 6_000, Some(now(3_000).mono)), "the first begin counts");
        times.forget();
        assert_eq!(told(&times), (0, 0, None));
    }
}
