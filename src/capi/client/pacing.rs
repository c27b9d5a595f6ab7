// SPDX-License-Identifier: LGPL-2.1-or-later
//! Many connections in one main loop: together they take no more than a few milliseconds of one iteration, so that the
//! caller's other sources have their turn. Those that were left out come first in the next.
//!
//! The loop asks sources of a lower priority only when those of a higher one have nothing to do, which a peer that sends
//! without end can prevent. So when the connections of a thread have worked for long, they all rest for half that time.
//!
//! Whoever is left out joins the queue of the next round. A round is over when all who wait in it have run, however
//! many iterations that takes; nobody joins it meanwhile.

use std::cell::Cell;
use std::time::{Duration, Instant};

use crate::sys::glib;

/// Of one iteration, for the work of all connections together. A single one may overrun it by what it does in one turn.
/// Being asked and left out is not counted: among very many that alone would use it up, and nobody would ever run.
const BUDGET: Duration = Duration::from_millis(3);

/// Work of all connections, less what they have rested since, before they have to rest.
const BEFORE_REST: Duration = Duration::from_millis(2);
/// However long they have worked, they rest no longer.
const LONGEST_REST: Duration = Duration::from_millis(100);

thread_local! {
    static PACE: Pace = const { Pace::new() };
    static LOAD: Cell<Load> = const { Cell::new(Load { work: Duration::ZERO, seen: None, rest_until: None }) };
}

/// How long the connections have worked, less the time in which they did not.
#[derive(Clone, Copy, Debug)]
struct Load {
    work: Duration,
    /// Until when that is counted.
    seen: Option<Instant>,
    rest_until: Option<Instant>,
}

impl Load {
    /// They have worked from `begun` until `now`.
    fn worked(&mut self, begun: Instant, now: Instant) {
        let idle = self.seen.map_or(Duration::MAX, |seen| begun.saturating_duration_since(seen));
        self.work = self.work.saturating_sub(idle.saturating_mul(2));
        self.work = self.work.saturating_add(now.saturating_duration_since(begun));
        self.seen = Some(now);
        if self.work >= BEFORE_REST {
            self.rest_until = Some(now + (self.work / 2).min(LONGEST_REST));
        }
    }

    /// How long they still have to rest.
    fn rest(&self, now: Instant) -> Option<Duration> {
        self.rest_until.map(|until| until.saturating_duration_since(now)).filter(|left| !left.is_zero())
    }
}

/// How long the connections of this thread have to rest before they may work.
#[allow(clippy::disallowed_methods, reason = "the main loop's time is what this is about")]
pub(super) fn rest() -> Option<Duration> {
    LOAD.get().rest(Instant::now())
}

#[derive(Debug)]
struct Pace {
    spent: Cell<Duration>,
    round: Cell<u64>,
    /// How many wait in this round and in the next.
    waiting: Cell<usize>,
    waiting_next: Cell<usize>,
}

impl Pace {
    const fn new() -> Self {
        Self {
            spent: Cell::new(Duration::ZERO),
            round: Cell::new(0),
            waiting: Cell::new(0),
            waiting_next: Cell::new(0),
        }
    }

    fn begin(&self) {
        self.spent.set(Duration::ZERO);
        if self.waiting.get() == 0 {
            self.round.set(self.round.get() + 1);
            self.waiting.set(self.waiting_next.replace(0));
        }
    }

    fn worked(&self, time: Duration) {
        self.spent.set(self.spent.get().saturating_add(time));
    }

    fn may_run(&self, place: &Cell<Option<u64>>) -> bool {
        let spent = self.spent.get() >= BUDGET;
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
pub(super) struct QueuePlace(Cell<Option<u64>>);

impl QueuePlace {
    /// May this connection work now? If not, it is to be asked again in the next iteration.
    pub(super) fn may_run(&self) -> bool {
        PACE.with(|pace| {
            if glib::is_new_iteration() {
                pace.begin();
            }
            pace.may_run(&self.0)
        })
    }
}

/// The work of one connection in one iteration, from when this is made until it is dropped.
pub(super) struct Work(Instant);

impl Work {
    #[allow(clippy::disallowed_methods, reason = "the main loop's time is what this is about")]
    pub(super) fn begin() -> Self {
        Self(Instant::now())
    }
}

impl Drop for Work {
    #[allow(clippy::disallowed_methods, reason = "the main loop's time is what this is about")]
    fn drop(&mut self) {
        let now = Instant::now();
        // At the thread's end nothing is counted any longer.
        let _ = PACE.try_with(|pace| pace.worked(now.saturating_duration_since(self.0)));
        let _ = LOAD.try_with(|load| {
            let mut changed = load.get();
            changed.worked(self.0, now);
            load.set(changed);
        });
    }
}

impl Drop for QueuePlace {
    fn drop(&mut self) {
        // At the thread's end there is no queue any longer.
        let _ = PACE.try_with(|pace| pace.leave(&self.0));
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "a test of time")]
mod tests {
    use super::*;

    /// Iterations in which each of `count` connections always has work that takes half the budget; who ran, by
    /// iteration.
    fn play(count: usize, iterations: usize) -> Vec<Vec<usize>> {
        let pace = Pace::new();
        let places: Vec<Cell<Option<u64>>> = (0..count).map(|_| Cell::new(None)).collect();
        let mut ran = Vec::new();
        for _ in 0..iterations {
            pace.begin();
            let mut now_ran = Vec::new();
            for (number, place) in places.iter().enumerate() {
                if pace.may_run(place) {
                    pace.worked(BUDGET / 2);
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
    fn work_without_end_leaves_the_loop_a_third_of_its_time() {
        let begun = Instant::now();
        let ms = |ms| begun + Duration::from_millis(ms);
        let mut load = Load { work: Duration::ZERO, seen: None, rest_until: None };
        // Now and then.
        for number in 0..10 {
            load.worked(ms(number * 10), ms(number * 10 + 1));
            assert_eq!(load.rest(ms(number * 10 + 1)), None);
        }
        let (mut now, mut worked) = (ms(1000), 0);
        while now < ms(2000) {
            match load.rest(now) {
                Some(rest) => now += rest,
                None => {
                    load.worked(now, now + Duration::from_millis(1));
                    now += Duration::from_millis(1);
                    worked += 1;
                }
            }
        }
        assert!((600..=670).contains(&worked), "{worked}");
        load.worked(ms(5000), ms(9000));
        assert_eq!(load.rest(ms(9000)), Some(LONGEST_REST));
        assert_eq!(load.rest(ms(9000) + LONGEST_REST), None);
    }

    #[test]
    fn few_connections_never_wait() {
        assert_eq!(play(2, 3), [[0, 1], [0, 1], [0, 1]]);
    }

    #[test]
    fn who_goes_away_holds_nobody_up() {
        let pace = Pace::new();
        let (gone, stays) = (Cell::new(None), Cell::new(None));
        pace.begin();
        pace.worked(BUDGET);
        assert!(!pace.may_run(&gone));
        pace.begin();
        assert!(!pace.may_run(&stays));
        pace.leave(&gone);
        pace.begin();
        assert!(pace.may_run(&stays));
    }
}
