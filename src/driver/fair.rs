// SPDX-License-Identifier: LGPL-2.1-or-later
//! Who is next where many share one resource: the one that has used least of it.
//!
//! This is start-time fair queueing. Each has an account of what it has used. The queue has a virtual time, which is
//! where the account of the one served last stood; an account that was idle is raised to it, so that nothing can be
//! saved up. One that asks rarely is served before all that ask without end, however many these are.
use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::time::Duration;

/// Places that an empty queue keeps.
const KEPT_PLACES: usize = 256;

/// What one has used, in a queue's virtual time (nanoseconds).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Used(pub(crate) u64);

impl Used {
    /// Adds what was used now.
    pub(crate) fn add(&mut self, time: Duration) {
        self.0 = self.0.saturating_add(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
    }

    fn raise(&mut self, least: Self) -> bool {
        let was_idle = *self < least;
        *self = (*self).max(least);
        was_idle
    }
}

/// A place among those that wait. The least is next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    start: Used,
    /// Was it not idle before? Those that were go first among equals.
    is_busy: bool,
    number: u64,
}

/// Gives out places, in virtual time. See the module's documentation.
#[derive(Debug, Default)]
pub(crate) struct Fairness {
    /// Where the account of the one that was served last stood.
    clock: Used,
}

impl Fairness {
    /// Counts as used what an account has not used while it was idle; was there any?
    pub(crate) fn raise(&self, used: &mut Used) -> bool {
        used.raise(self.clock)
    }

    /// A place for one that has used `used`. `number` orders equals, and is greater with each call.
    pub(crate) fn place(&self, used: &mut Used, number: u64) -> Place {
        let is_busy = !self.raise(used);
        Place { start: *used, is_busy, number }
    }

    /// The one at this place is served.
    pub(crate) fn serve(&mut self, place: Place) {
        self.clock.raise(place.start);
    }
}

#[derive(Debug)]
struct Entry<T>(Place, T);

/// The greatest is the next.
impl<T> Ord for Entry<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        other.0.cmp(&self.0)
    }
}

impl<T> PartialOrd for Entry<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> PartialEq for Entry<T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<T> Eq for Entry<T> {}

/// Those that wait, none of whom leaves before its turn. Among equals the one that came first is next.
#[derive(Debug)]
pub(crate) struct FairQueue<T> {
    fairness: Fairness,
    waiting: BinaryHeap<Entry<T>>,
}

impl<T> Default for FairQueue<T> {
    fn default() -> Self {
        Self { fairness: Fairness::default(), waiting: BinaryHeap::new() }
    }
}

impl<T> FairQueue<T> {
    /// Puts one in, at [its place](Fairness::place).
    pub(crate) fn push(&mut self, used: &mut Used, number: u64, item: T) {
        self.waiting.push(Entry(self.fairness.place(used, number), item));
    }

    /// The number of the next one.
    pub(crate) fn next_number(&self) -> Option<u64> {
        self.waiting.peek().map(|Entry(place, _)| place.number)
    }

    /// The next one.
    pub(crate) fn pop(&mut self) -> Option<T> {
        let Some(Entry(place, item)) = self.waiting.pop() else {
            if self.waiting.capacity() > KEPT_PLACES {
                self.waiting.shrink_to(KEPT_PLACES);
            }
            return None;
        };
        self.fairness.serve(place);
        Some(item)
    }

    #[cfg(test)]
    pub(crate) fn capacity(&self) -> usize {
        self.waiting.capacity()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_asks_rarely_is_served_before_those_that_ask_without_end() {
        let mut queue = FairQueue::default();
        let mut used = [Used::default(); 101];
        (0..100).for_each(|who| queue.push(&mut used[who], 0, who));
        for round in 1..1000 {
            if round > 100 && round % 100 == 50 {
                queue.push(&mut used[100], round, 100);
                assert_eq!(queue.pop(), Some(100), "round {round}");
                used[100].add(Duration::from_micros(50));
            }
            let who = queue.pop().unwrap();
            used[who].add(Duration::from_millis(1));
            queue.push(&mut used[who], round, who);
        }
    }

    #[test]
    fn idle_time_is_not_saved_up() {
        let mut queue = FairQueue::default();
        let (mut busy, mut idle) = (Used::default(), Used::default());
        busy.add(Duration::from_secs(1));
        queue.push(&mut busy, 1, "busy");
        assert_eq!(queue.pop(), Some("busy"));
        queue.push(&mut idle, 2, "idle");
        assert_eq!(idle, busy);
    }

    #[test]
    fn equals_are_served_in_the_order_in_which_they_came() {
        let mut queue = FairQueue::default();
        for number in 0..5 {
            queue.push(&mut Used::default(), number, number);
        }
        assert_eq!(queue.next_number(), Some(0));
        assert_eq!((0..5).filter_map(|_| queue.pop()).collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
        assert_eq!(queue.pop(), None);
    }
}
