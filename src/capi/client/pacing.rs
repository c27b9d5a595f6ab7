// SPDX-License-Identifier: LGPL-2.1-or-later
//! Many connections in one main loop: together they take no more than a few milliseconds of one iteration, so that the
//! caller's other sources have their turn. Those that were left out come first in the next.
//!
//! Whoever is left out joins the queue of the next round. A round is over when all who wait in it have run, however
//! many iterations that takes; nobody joins it meanwhile.

use std::cell::Cell;
use std::time::{Duration, Instant};

use crate::sys::glib;

/// Of one iteration, for all connections together. A single one may overrun it by what it does in one turn.
const BUDGET: Duration = Duration::from_millis(3);

thread_local! {
    static PACE: Pace = const { Pace::new() };
}

#[derive(Debug)]
struct Pace {
    begun: Cell<Option<Instant>>,
    round: Cell<u64>,
    /// How many wait in this round and in the next.
    waiting: Cell<usize>,
    waiting_next: Cell<usize>,
}

impl Pace {
    const fn new() -> Self {
        Self {
            begun: Cell::new(None),
            round: Cell::new(0),
            waiting: Cell::new(0),
            waiting_next: Cell::new(0),
        }
    }

    fn begin(&self, now: Instant) {
        self.begun.set(Some(now));
        if self.waiting.get() == 0 {
            self.round.set(self.round.get() + 1);
            self.waiting.set(self.waiting_next.replace(0));
        }
    }

    fn may_run(&self, place: &Cell<Option<u64>>, now: Instant) -> bool {
        let spent = self.begun.get().is_some_and(|begun| now.saturating_duration_since(begun) >= BUDGET);
        match place.get() {
            Some(round) if spent || round > self.round.get() => false,
            Some(_) => {
                self.leave(place);
                true
            }
            None if spent || self.waiting.get() > 0 => {
                place.set(Some(self.round.get() + 1));
                self.waiting_next.set(self.waiting_next.get() + 1);
                false
            }
            None => true,
        }
    }

    fn leave(&self, place: &Cell<Option<u64>>) {
        let Some(round) = place.take() else { return };
        let count = if round > self.round.get() { &self.waiting_next } else { &self.waiting };
        count.set(count.get().saturating_sub(1));
    }
}

/// The place of one connection in the queue, if it waits. Dropping it leaves the queue.
#[derive(Debug, Default)]
pub(super) struct Place(Cell<Option<u64>>);

impl Place {
    /// May this connection work now? If not, it is to be asked again in the next iteration.
    #[allow(clippy::disallowed_methods, reason = "the main loop's time is what this is about")]
    pub(super) fn may_run(&self) -> bool {
        PACE.with(|pace| {
            let now = Instant::now();
            if glib::is_new_iteration() {
                pace.begin(now);
            }
            pace.may_run(&self.0, now)
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // At the thread's end there is no queue any longer.
        let _ = PACE.try_with(|pace| pace.leave(&self.0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Iterations in which each of `count` connections always has work that takes half the budget; who ran, by
    /// iteration.
    fn play(count: usize, iterations: usize) -> Vec<Vec<usize>> {
        let pace = Pace::new();
        let places: Vec<Cell<Option<u64>>> = (0..count).map(|_| Cell::new(None)).collect();
        #[allow(clippy::disallowed_methods, reason = "any moment would do")]
        let mut now = Instant::now();
        let mut ran = Vec::new();
        for _ in 0..iterations {
            pace.begin(now);
            let mut now_ran = Vec::new();
            for (number, place) in places.iter().enumerate() {
                if pace.may_run(place, now) {
                    now += BUDGET / 2;
                    now_ran.push(number);
                }
            }
            ran.push(now_ran);
        }
        ran
    }

    #[test]
    fn everybody_has_turns_however_much_the_first_ones_have_to_do() {
        let ran = play(5, 30);
        assert_eq!(ran[..3], [vec![0, 1], vec![2, 3], vec![4]]);
        for number in 0..5 {
            let gaps = ran.windows(4).filter(|window| !window.iter().any(|ran| ran.contains(&number)));
            assert_eq!(gaps.count(), 0, "{number} in {ran:?}");
        }
    }

    #[test]
    fn few_connections_never_wait() {
        assert_eq!(play(2, 3), [[0, 1], [0, 1], [0, 1]]);
    }

    #[test]
    fn who_goes_away_holds_nobody_up() {
        let pace = Pace::new();
        #[allow(clippy::disallowed_methods, reason = "any moment would do")]
        let now = Instant::now();
        let (gone, stays) = (Cell::new(None), Cell::new(None));
        pace.begin(now);
        assert!(!pace.may_run(&gone, now + BUDGET));
        pace.begin(now);
        assert!(!pace.may_run(&stays, now));
        pace.leave(&gone);
        pace.begin(now);
        assert!(pace.may_run(&stays, now));
    }
}
