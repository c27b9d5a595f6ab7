// SPDX-License-Identifier: LGPL-2.1-or-later
//! What waits for one consumer, and who has caused it.
use crate::core::PeerId;
use crate::model::Moment;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Bytes that one producer may have in one queue before it is held.
pub(super) const MARK: usize = 256 * 1024;
/// Bytes that producers may have in one queue together, and sessions in their provider's, before they are held.
pub(super) const SHARED: usize = 1024 * 1024;
/// Whose input something was put into a queue for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::driver::hub) enum Cause {
    /// No peer's that is connected.
    Executor,
    /// A client of the executor.
    Peer(PeerId),
    /// A local client of a proxied server.
    Session(PeerId),
}

/// Since when producers are held for this consumer, and when it last took something.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pressure {
    pub(super) since: Moment,
    pub(super) progress: Moment,
}

/// The queue of one consumer as segments of one cause each, in the order in which they leave.
///
/// A local client takes responses and events independently of each other; here they leave in one order, which is close
/// enough.
#[derive(Debug, Default)]
pub(super) struct Consumer {
    segments: VecDeque<(Cause, usize)>,
    /// So many of the segments are in `shares`: what leaves at once is never counted.
    counted: usize,
    uncounted_bytes: usize,
    pub(super) queued: usize,
    shares: BTreeMap<PeerId, usize>,
    /// Of the counted bytes, those of proxied sessions.
    pub(super) session_bytes: usize,
    /// Producers with too large a share.
    pub(super) holding: BTreeSet<PeerId>,
    /// The sessions that this consumer serves, and whether all of them are held.
    pub(super) sessions: BTreeSet<PeerId>,
    pub(super) sessions_held: bool,
    pub(super) is_provider: bool,
    pub(super) pressure: Option<Pressure>,
    /// Has a producer been cut off for what waits here? Its bytes stay until they are sent.
    pub(super) has_cut: bool,
}

impl Consumer {
    /// `queued` bytes wait now; what is new is of this cause. True: much of it has not been counted.
    pub(super) fn note(&mut self, cause: Cause, queued: usize) -> bool {
        let grown = queued.saturating_sub(self.queued);
        if grown == 0 {
            self.shrink(queued);
            return false;
        }
        self.queued = queued;
        let before = self.uncounted_bytes;
        self.uncounted_bytes += grown;
        let last_is_counted = self.counted == self.segments.len();
        match self.segments.back_mut() {
            Some((last, bytes)) if *last == cause && !last_is_counted => *bytes += grown,
            _ => self.segments.push_back((cause, grown)),
        }
        before <= MARK && self.uncounted_bytes > MARK
    }

    /// Forgets what has been taken, from the front. True: something was.
    pub(super) fn shrink(&mut self, queued: usize) -> bool {
        let mut taken = self.queued.saturating_sub(queued);
        if taken == 0 {
            return false;
        }
        self.queued = queued;
        while taken > 0
            && let Some((cause, bytes)) = self.segments.front_mut()
        {
            let (cause, part) = (*cause, taken.min(*bytes));
            *bytes -= part;
            let empty = *bytes == 0;
            taken -= part;
            if self.counted == 0 {
                self.uncounted_bytes = self.uncounted_bytes.saturating_sub(part);
            } else {
                self.uncount(cause, part);
            }
            if empty {
                self.segments.pop_front();
                self.counted = self.counted.saturating_sub(1);
            }
        }
        true
    }

    fn uncount(&mut self, cause: Cause, bytes: usize) {
        let (Cause::Peer(peer) | Cause::Session(peer)) = cause else { return };
        if matches!(cause, Cause::Session(_)) {
            self.session_bytes = self.session_bytes.saturating_sub(bytes);
        }
        if let Some(share) = self.shares.get_mut(&peer) {
            *share = share.saturating_sub(bytes);
            if *share == 0 {
                self.shares.remove(&peer);
            }
        }
    }

    /// Counts what still waits.
    pub(super) fn count(&mut self) {
        for (cause, bytes) in self.segments.range(self.counted..) {
            match cause {
                Cause::Executor => continue,
                Cause::Session(_) => self.session_bytes += bytes,
                Cause::Peer(_) => {}
            }
            if let Cause::Peer(peer) | Cause::Session(peer) = cause {
                *self.shares.entry(*peer).or_default() += bytes;
            }
        }
        self.counted = self.segments.len();
        self.uncounted_bytes = 0;
    }

    /// Is there nothing that producers are judged by?
    pub(super) fn is_idle(&self) -> bool {
        self.queued == 0 && self.holding.is_empty() && !self.sessions_held && self.pressure.is_none()
    }

    /// What a peer that has left caused is charged to no producer from now on.
    pub(super) fn disown(&mut self, peer: PeerId) {
        self.count();
        self.shares.remove(&peer);
    }

    /// The producer that holds most, and how much; `own` is not asked.
    pub(super) fn largest(&self, own: PeerId) -> Option<(PeerId, usize)> {
        let others = self.shares.iter().filter(|(peer, _)| **peer != own);
        others.max_by_key(|(_, share)| **share).map(|(peer, share)| (*peer, *share))
    }

    /// Which producers have too much here now: more than the mark, or more than their part where all together have more
    /// than they may. One that was held stays so until half of that is taken.
    pub(super) fn judge(&self, own: PeerId) -> BTreeSet<PeerId> {
        let is_other = |peer: PeerId| peer != own && !self.sessions.contains(&peer);
        let (mut count, mut bytes) = (0_usize, 0_usize);
        for (_, share) in self.shares.iter().filter(|(peer, _)| is_other(**peer)) {
            count += 1;
            bytes += share;
        }
        let part = if bytes > SHARED { MARK.min(SHARED / count.max(1)) } else { MARK };
        let too_much = |peer: PeerId, share: usize| {
            let mark = if is_other(peer) { part } else { MARK };
            share > if self.holding.contains(&peer) { mark / 2 } else { mark }
        };
        self.shares.iter().filter(|(peer, share)| too_much(**peer, **share)).map(|(peer, _)| *peer).collect()
    }
}
