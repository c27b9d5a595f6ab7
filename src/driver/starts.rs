// SPDX-License-Identifier: LGPL-2.1-or-later
//! What is to be started and has not been yet.
//!
//! A start holds its thread until the program executes, so no loop does all those that one turn brings. With threads, one
//! of them takes the [`next`](Starts::next) again and again; a loop without threads takes one, then gives the others a
//! turn.
//!
//! Clients take turns: one that has asked for thousands of runs waits for them, and the others do not. How many wait is
//! bounded by the core, which has one run in flight for each resource and refuses the operations and alerts of a client
//! that has too many.
use crate::core::PeerId;
use std::collections::{BTreeMap, VecDeque};

/// The client that asked; None: it is not known.
pub(super) type Owner = Option<PeerId>;

/// A place in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ticket {
    owner: Owner,
    number: u64,
}

/// The queue.
#[derive(Debug)]
pub(super) struct Starts<T> {
    /// Those of one owner, in the order of coming. No line is empty.
    lines: BTreeMap<Owner, BTreeMap<u64, T>>,
    /// The owners of these lines, in the order of their turns.
    turns: VecDeque<Owner>,
    last: u64,
}

impl<T> Default for Starts<T> {
    fn default() -> Self {
        Self { lines: BTreeMap::new(), turns: VecDeque::new(), last: 0 }
    }
}

impl<T> Starts<T> {
    /// Puts `start` behind all others of its owner.
    pub(super) fn add(&mut self, owner: Owner, start: T) -> Ticket {
        self.last = self.last.saturating_add(1);
        let line = self.lines.entry(owner).or_default();
        if line.is_empty() {
            self.turns.push_back(owner);
        }
        line.insert(self.last, start);
        Ticket { owner, number: self.last }
    }

    /// Takes a start out that is not to be; None when it has been taken.
    pub(super) fn withdraw(&mut self, ticket: Ticket) -> Option<T> {
        let line = self.lines.get_mut(&ticket.owner)?;
        let start = line.remove(&ticket.number);
        if line.is_empty() {
            self.lines.remove(&ticket.owner);
            self.turns.retain(|owner| *owner != ticket.owner);
        }
        start
    }

    /// Does none wait?
    pub(super) fn is_empty(&self) -> bool {
        self.turns.is_empty()
    }

    /// Takes the oldest start of the owner whose turn it is.
    pub(super) fn next(&mut self) -> Option<T> {
        let owner = self.turns.pop_front()?;
        let line = self.lines.get_mut(&owner)?;
        let (_, start) = line.pop_first()?;
        if line.is_empty() {
            self.lines.remove(&owner);
        } else {
            self.turns.push_back(owner);
        }
        Some(start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Owner = Some(PeerId(1));
    const B: Owner = Some(PeerId(2));

    fn all(starts: &mut Starts<&'static str>) -> Vec<&'static str> {
        std::iter::from_fn(|| starts.next()).collect()
    }

    #[test]
    fn starts_come_in_their_order_less_those_that_were_withdrawn() {
        let mut starts = Starts::default();
        let tickets = ["a", "b", "c"].map(|start| starts.add(A, start));
        assert_eq!(starts.next(), Some("a"));
        assert_eq!(starts.withdraw(tickets[0]), None, "it has been taken");
        assert_eq!((starts.withdraw(tickets[1]), starts.withdraw(tickets[1])), (Some("b"), None));
        starts.add(A, "d");
        assert_eq!(all(&mut starts), ["c", "d"]);
    }

    #[test]
    fn an_owner_of_one_start_does_not_wait_for_those_of_another() {
        let mut starts = Starts::default();
        for start in ["a1", "a2", "a3"] {
            starts.add(A, start);
        }
        starts.add(B, "b1");
        starts.add(None, "n1");
        assert_eq!(all(&mut starts), ["a1", "b1", "n1", "a2", "a3"]);
    }

    #[test]
    fn an_owner_whose_starts_are_all_withdrawn_has_no_turn_and_nothing_is_left() {
        let mut starts = Starts::default();
        let (first, second) = (starts.add(A, "a1"), starts.add(B, "b1"));
        assert_eq!(starts.withdraw(first), Some("a1"));
        starts.add(A, "a2");
        assert_eq!(all(&mut starts), ["b1", "a2"]);
        assert_eq!(starts.withdraw(second), None);
        assert!(starts.is_empty() && starts.lines.is_empty());
    }
}
