// SPDX-License-Identifier: LGPL-2.1-or-later
//! How much a peer may cost, in time and memory.
use super::memory::MemoryLimits;
use std::time::Duration;

/// Bounds on peers; the defaults suit any cluster that Pacemaker supports.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// From accept to a finished handshake.
    pub handshake: Duration,
    /// Connections whose handshake is not finished: so many that have said nothing, and as many that have. Who has to make
    /// room beyond that, and that the time is shorter when many wait, is decided in `newcomers`.
    pub unauthenticated: usize,
    /// For one message, from its first byte, and again each time so much of it has come as a slow link carries in that
    /// time (see [`Limits::message_progress`]).
    pub message: Duration,
    /// Without progress while something waits to be sent.
    pub stalled: Duration,
    /// What all peers of a class may hold together.
    pub memory: MemoryLimits,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            handshake: Duration::from_secs(10),
            unauthenticated: 256,
            message: Duration::from_secs(60),
            stalled: Duration::from_secs(60),
            memory: MemoryLimits::default(),
        }
    }
}

impl Limits {
    /// Bytes of a message that is not complete which give it the same time again: 16 KiB a second. However much has
    /// come, a peer that is silent has no more time than at the beginning.
    pub fn message_progress(&self) -> usize {
        usize::try_from(self.message.as_secs()).unwrap_or(usize::MAX).max(1).saturating_mul(16 * 1024)
    }
}
