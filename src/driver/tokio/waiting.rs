// SPDX-License-Identifier: LGPL-2.1-or-later
//! Bounds on peers that have not proved anything yet.
use std::cell::RefCell;
use std::collections::HashMap;
use std::net::IpAddr;
use std::rc::Rc;

/// Peers whose handshake is not finished, by source address.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    by_source: RefCell<HashMap<IpAddr, usize>>,
}

/// A place among the waiting; given back when dropped.
#[derive(Debug)]
pub(super) struct WaitingPlace {
    waiting: Rc<Waiting>,
    source: IpAddr,
}

impl Waiting {
    /// A place for a peer from `source`, unless there are too many.
    pub(super) fn enter(
        self: &Rc<Self>,
        source: IpAddr,
        in_all: usize,
        per_source: usize,
    ) -> Option<WaitingPlace> {
        let mut by_source = self.by_source.borrow_mut();
        if by_source.values().sum::<usize>() >= in_all {
            return None;
        }
        let count = by_source.entry(source).or_default();
        if *count >= per_source {
            return None;
        }
        *count += 1;
        Some(WaitingPlace { waiting: Rc::clone(self), source })
    }
}

impl Drop for WaitingPlace {
    fn drop(&mut self) {
        let mut by_source = self.waiting.by_source.borrow_mut();
        if let Some(count) = by_source.get_mut(&self.source) {
            *count -= 1;
            if *count == 0 {
                by_source.remove(&self.source);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_bounded_per_source_and_in_all_and_given_back() {
        let waiting = Rc::new(Waiting::default());
        let one: IpAddr = [127, 0, 0, 1].into();
        let two: IpAddr = [127, 0, 0, 2].into();
        let first = waiting.enter(one, 3, 2);
        let second = waiting.enter(one, 3, 2);
        assert!(first.is_some() && second.is_some());
        assert!(waiting.enter(one, 3, 2).is_none());
        let third = waiting.enter(two, 3, 2);
        assert!(third.is_some());
        assert!(waiting.enter(two, 3, 2).is_none(), "full in all");
        drop(first);
        assert!(waiting.enter(one, 3, 2).is_some());
    }
}
