// SPDX-License-Identifier: LGPL-2.1-or-later
//! What is to be started and has not been: in the order of coming, whoever does the starts.
//!
//! A start holds its thread until the program executes, so that no loop does all that one turn brings. With threads, one
//! of them takes what is [`next`](Starts::next) again and again; a loop without takes one, then gives the others a turn.
//!
//! The order of a resource is kept, as the core has one run in flight for each. The bound is the core's too: it refuses
//! the operations and alerts of a client that asks for too many, so that who fills the queue is who is refused.
use std::collections::BTreeMap;

/// A place in the queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ticket(u64);

/// The queue.
#[derive(Debug)]
pub(super) struct Starts<T> {
    waiting: BTreeMap<Ticket, T>,
    last: Ticket,
}

impl<T> Default for Starts<T> {
    fn default() -> Self {
        Self { waiting: BTreeMap::new(), last: Ticket(0) }
    }
}

impl<T> Starts<T> {
    /// Puts `start` behind all others.
    pub(super) fn add(&mut self, start: T) -> Ticket {
        self.last = Ticket(self.last.0.saturating_add(1));
        self.waiting.insert(self.last, start);
        self.last
    }

    /// Takes a start out that is not to be; None when it has been taken.
    pub(super) fn withdraw(&mut self, ticket: Ticket) -> Option<T> {
        self.waiting.remove(&ticket)
    }

    /// Does none wait?
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Takes the one that has waited longest.
    pub(super) fn next(&mut self) -> Option<T> {
        self.waiting.pop_first().map(|(_, start)| start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starts_come_in_their_order_less_those_that_were_withdrawn() {
        let mut starts = Starts::default();
        let tickets = ["a", "b", "c"].map(|start| starts.add(start));
        assert_eq!(starts.next(), Some("a"));
        assert_eq!(starts.withdraw(tickets[0]), None, "it has begun");
        assert_eq!((starts.withdraw(tickets[1]), starts.withdraw(tickets[1])), (Some("b"), None));
        starts.add("d");
        assert_eq!([starts.next(), starts.next(), starts.next()], [Some("c"), Some("d"), None]);
    }
}
