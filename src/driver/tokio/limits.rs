// SPDX-License-Identifier: LGPL-2.1-or-later
//! How much a peer may cost, in time and memory.
use std::time::Duration;

/// Bounds on peers; the defaults suit any cluster that Pacemaker supports.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// From accept to a finished handshake.
    pub handshake: Duration,
    /// Connections whose handshake is not finished: so many that have said nothing, and as many that have. Who has to make
    /// room beyond that, and that the time is shorter when many wait, is decided in `newcomers`.
    pub unauthenticated: usize,
    /// For one message, from its first byte; grows with what has arrived (see [`Limits::message_time`]).
    pub message: Duration,
    /// Without progress while something waits to be sent.
    pub stalled: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            handshake: Duration::from_secs(10),
            unauthenticated: 256,
            message: Duration::from_secs(60),
            stalled: Duration::from_secs(60),
        }
    }
}

impl Limits {
    /// How long a message of which `received` bytes are here may take: a slow link is given a second for each
    /// 16 KiB, a peer that sends a byte a second gains nothing.
    pub fn message_time(&self, received: usize) -> Duration {
        self.message + Duration::from_secs(u64::try_from(received / (16 * 1024)).unwrap_or(u64::MAX))
    }
}
