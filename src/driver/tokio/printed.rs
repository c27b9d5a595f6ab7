// SPDX-License-Identifier: LGPL-2.1-or-later
//! What all agents in flight have printed, which is held until each has ended. When that is too much, no more is kept of
//! those who have printed much; the others' words, which are short as a rule, are kept as ever.
use crate::agents::Stream;
use crate::model::options::OUTPUT_MEMORY;
use log::warn;
use std::cell::Cell;

/// So much of each output is kept whatever the others have printed, in bytes.
const SHARE: usize = 64 * 1024;

struct Printed {
    held: Cell<usize>,
    limit: Cell<usize>,
    /// Was it told that there is too much?
    told: Cell<bool>,
}

thread_local! {
    static PRINTED: Printed =
        const { Printed { held: Cell::new(0), limit: Cell::new(usize::MAX), told: Cell::new(false) } };
}

impl Printed {
    /// Adds to an output, as far as there is room.
    fn add(&self, stream: &mut Stream, bytes: &[u8]) {
        let before = stream.kept.len();
        let fits = self.held.get().saturating_add(bytes.len()) <= self.limit.get();
        let room = if fits { bytes.len() } else { bytes.len().min(SHARE.saturating_sub(before)) };
        let (taken, dropped) = bytes.split_at(room);
        stream.add(taken);
        stream.dropped += dropped.len() as u64;
        self.held.set(self.held.get().saturating_add(stream.kept.len() - before));
        if !dropped.is_empty() && !self.told.replace(true) {
            warn!(
                "Agents have printed {} bytes, {} are the most ({} raises it): no more is kept of those that print much",
                self.held.get(),
                self.limit.get(),
                OUTPUT_MEMORY.variable
            );
        }
    }

    /// An output is held no longer.
    fn forget(&self, stream: &Stream) {
        self.held.set(self.held.get().saturating_sub(stream.kept.len()));
        if self.held.get() <= self.limit.get() / 2 {
            self.told.set(false);
        }
    }
}

/// How much may be held, in bytes, for the agents of this thread.
pub(super) fn set_limit(limit: usize) {
    PRINTED.with(|printed| printed.limit.set(limit));
}

/// Adds to an output of an agent, as far as there is room.
pub(super) fn add(stream: &mut Stream, bytes: &[u8]) {
    PRINTED.with(|printed| printed.add(stream, bytes));
}

/// What was added to this output is held no longer.
pub(super) fn forget(stream: &Stream) {
    // A thread that ends holds nothing.
    let _ = PRINTED.try_with(|printed| printed.forget(stream));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_that_prints_much_takes_nothing_from_the_others() {
        let printed = Printed { held: Cell::new(0), limit: Cell::new(10 * SHARE), told: Cell::new(false) };
        let (mut greedy, mut modest) = (Stream::default(), Stream::default());
        for _ in 0..20 {
            printed.add(&mut greedy, &[b'x'; SHARE]);
        }
        assert_eq!((greedy.kept.len(), greedy.dropped), (10 * SHARE, 10 * SHARE as u64));
        printed.add(&mut modest, &[b'y'; SHARE]);
        printed.add(&mut modest, b"z");
        assert_eq!((modest.kept.len(), modest.dropped), (SHARE, 1));
        assert!(printed.told.get());
        printed.forget(&greedy);
        printed.forget(&modest);
        assert!(printed.held.get() == 0 && !printed.told.get());
    }
}
