// SPDX-License-Identifier: LGPL-2.1-or-later
//! What a connection runs over, TLS or local IPC, as far as they differ.
use super::Wanted;
use super::reports::{NotSent, Reports};
use super::turn::TURN;
use crate::core::Client;
use crate::driver::link::wait;
use nix::poll::{PollTimeout, poll};
use std::fmt::Debug;
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

/// An executor mostly answers within this time; going to sleep and waking up costs as much again.
const EAGER: Duration = Duration::from_micros(50);

pub(super) trait Carrier: Debug + Send {
    /// Over TLS?
    fn is_remote(&self) -> bool;

    /// Connects and reads as far as that does not wait, until `until` at most. What was read before is made reports of
    /// first.
    fn advance(&mut self, now: Instant, until: Instant, reports: &mut Reports);

    /// Makes a report of what was read, if it gives one before `until`, and sends what there is to send.
    fn pump(&mut self, now: Instant, until: Instant, reports: &mut Reports);

    /// Sends what there is to send.
    fn submit(&mut self, now: Instant, reports: &mut Reports);

    /// Was something read that [`pump`](Self::pump) has not looked at?
    fn has_more(&self) -> bool;

    /// The client's side of the protocol; None before and after the time in which messages can be exchanged.
    fn core(&mut self) -> Option<&mut Client>;

    /// What is to be watched, and a number that changes with the descriptor.
    fn descriptor(&self) -> Option<(BorrowedFd<'_>, Wanted, u32)>;

    /// When [`advance`](Self::advance) is due although the descriptor is not ready.
    fn deadline(&self) -> Option<Instant>;

    /// The request whose answer the core waits for was not sent.
    fn abandon(&mut self, not_sent: NotSent, reports: &mut Reports);

    /// Waits a while, until `deadline` at most, for the answer that the core waits for.
    fn wait_for_answer(&mut self, deadline: Option<Instant>, reports: &mut Reports) {
        if !self.has_more()
            && let Some((descriptor, wanted, _)) = self.descriptor()
        {
            let begun = Instant::now();
            let mut ready = Ok(0);
            while ready == Ok(0) && begun.elapsed() < EAGER {
                ready = poll(&mut [wanted.of(descriptor)], PollTimeout::ZERO);
            }
            if ready == Ok(0) {
                wait(descriptor, wanted, deadline);
            }
        }
        let now = Instant::now();
        self.advance(now, now + TURN, reports);
    }
}
