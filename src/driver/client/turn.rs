// SPDX-License-Identifier: LGPL-2.1-or-later
//! How long a connection works before the caller's loop goes on, whatever the peer sends.
use std::time::{Duration, Instant};

/// Of one turn. A message that takes longer is finished, and one is always taken.
pub(super) const TURN: Duration = Duration::from_millis(2);

/// The turn that is under way, from the first thing that is done in it until there is nothing more to tell or its time
/// is over.
#[derive(Debug, Default)]
pub(super) struct Turn {
    ends: Option<Instant>,
    told: bool,
    cut: bool,
}

impl Turn {
    /// Begins a turn, unless one is under way; when it ends.
    pub(super) fn begin(&mut self, now: Instant) -> Instant {
        *self.ends.get_or_insert_with(|| {
            (self.told, self.cut) = (false, false);
            now + TURN
        })
    }

    /// Something is told to the caller.
    pub(super) const fn tell(&mut self) {
        self.told = true;
    }

    /// Is the time of the turn over? Not before something was told, so that each turn gets ahead.
    pub(super) fn is_over(&self, now: Instant) -> bool {
        self.told && self.ends.is_some_and(|ends| now >= ends)
    }

    /// The turn ends; `cut`: although there is more to do.
    pub(super) const fn end(&mut self, cut: bool) {
        self.ends = None;
        self.cut = cut;
    }

    /// Did the last turn end although there was more to do?
    pub(super) const fn was_cut(&self) -> bool {
        self.cut && self.ends.is_none()
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "a test of time")]
mod tests {
    use super::*;

    #[test]
    fn a_turn_tells_something_and_ends_with_its_time() {
        let now = Instant::now();
        let mut turn = Turn::default();
        assert_eq!(turn.begin(now), now + TURN);
        // Late in an iteration it is still the same turn.
        assert_eq!(turn.begin(now + TURN * 2), now + TURN);
        assert!(!turn.is_over(now + TURN * 2), "nothing was told yet");
        turn.tell();
        assert!(!turn.is_over(now) && turn.is_over(now + TURN));
        turn.end(true);
        assert!(turn.was_cut());
        turn.begin(now);
        assert!(!turn.was_cut());
        turn.end(false);
        assert!(!turn.was_cut());
    }
}
