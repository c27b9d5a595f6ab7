// SPDX-License-Identifier: LGPL-2.1-or-later
//! Gives memory back after a crowd. What a peer costs lies between what others cost, so that freeing it empties no page
//! of the heap's end; a look at the whole heap costs too much for each peer that leaves, and little once for many.
use crate::sys::heap::Heap;
use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::sleep;

/// After so many have left.
const CROWD: usize = 32;
/// After so many bytes were freed of what budgets count.
const BYTES: usize = 8 * 1024 * 1024;
/// Most of a crowd leaves at once; this is for the others.
const PAUSE: Duration = Duration::from_secs(1);

#[derive(Default)]
struct Freed {
    peers: Cell<usize>,
    bytes: Cell<usize>,
    planned: Cell<bool>,
    wake: Rc<Notify>,
}

thread_local!(static FREED: Freed = Freed::default());

impl Freed {
    /// Counts; true when the heap is to be looked at and nothing of that kind is planned.
    fn add(&self, peers: usize, bytes: usize) -> bool {
        self.peers.set(self.peers.get().saturating_add(peers));
        self.bytes.set(self.bytes.get().saturating_add(bytes));
        let much = self.peers.get() >= CROWD || self.bytes.get() >= BYTES;
        much && !self.planned.replace(true)
    }

    /// Forgets what was counted; whether that was anything. Without it the next look is planned as the first was.
    fn take(&self) -> bool {
        let any = (self.peers.replace(0) > 0) | (self.bytes.replace(0) > 0);
        self.planned.set(any);
        any
    }
}

/// A peer has left, of whatever kind.
pub(super) fn peer_left() {
    freed(1, 0);
}

/// So many bytes were freed.
pub(super) fn bytes_freed(bytes: usize) {
    freed(0, bytes);
}

fn freed(peers: usize, bytes: usize) {
    // A thread that ends gives everything back.
    let _ = FREED.try_with(|freed| {
        if freed.add(peers, bytes) {
            freed.wake.notify_one();
        }
    });
}

/// Looks at the heap whenever it is worth it, and again after those who leave later than the others: what they had may
/// lie at the heap's end. One task for each thread.
pub(super) async fn serve() {
    let wake = FREED.with(|freed| Rc::clone(&freed.wake));
    let mut heap = Heap::default();
    loop {
        wake.notified().await;
        sleep(PAUSE).await;
        while FREED.with(Freed::take) {
            heap.give_back();
            sleep(PAUSE).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_that_leave_or_much_that_is_freed_is_worth_one_look() {
        let freed = Freed::default();
        assert!((1..CROWD).all(|_| !freed.add(1, 0)));
        assert!(freed.add(1, 0) && !freed.add(1, BYTES), "planned once");
        assert!(freed.take() && !freed.add(CROWD, BYTES), "looked at again while somebody leaves");
        assert!(freed.take() && !freed.take());
        assert!(!freed.add(CROWD - 1, BYTES - 1) && freed.add(0, 1));
    }
}
