// SPDX-License-Identifier: LGPL-2.1-or-later
//! Waiting on one connection, under poll(2).
use super::reports::{NotSent, Report};
use super::turn::TURN;
use super::{CallProblem, Connection, Event, Problem};
use crate::driver::link::wait;
use crate::model::{Millis, Registered, Reply, Request};
use std::time::{Duration, Instant};

/// As long as the answer to an earlier call is waited for when the caller names no limit (local IPC).
const STALE_LIMIT: Duration = Duration::from_secs(5);

impl Connection {
    /// Waits until the connection is signed on, or is over.
    ///
    /// # Errors
    /// Why there is none.
    pub fn wait_for_sign_on(&mut self) -> Result<Registered, Problem> {
        loop {
            match self.next_report(Instant::now() + TURN) {
                Some(Report::SignedOn(registered)) => return Ok(registered),
                Some(Report::Ended(problem)) => return Err(problem),
                Some(Report::NotSent(not_sent)) => return Err(not_sent.into()),
                Some(report) => self.keep(report),
                None => self.wait_for_answer(None),
            }
        }
    }

    /// The next thing that happened, which is waited for until `deadline` at most. None: nothing has happened, or all
    /// of it was told (see [`is_over`](Self::is_over)).
    pub fn wait_for_event(&mut self, deadline: Instant) -> Option<Event> {
        let mut late = false;
        loop {
            // Who waits has no other sources to serve.
            self.turn.end(false);
            let event = self.next_event();
            if event.is_some() || late || self.is_over() {
                return event;
            }
            late = Instant::now() >= deadline;
            let until = self.deadline().map_or(deadline, |own| own.min(deadline));
            if let Some((descriptor, wanted, _)) = self.descriptor() {
                wait(descriptor, wanted, Some(until));
            }
            self.advance();
        }
    }

    /// Asks and waits for the answer. `options`: bits for the message besides those of the request's own fields.
    /// `timeout` 0: the carrier's default, 10 seconds for a remote node (which no call may exceed) and 5 seconds for the
    /// local executor. Notifications that come meanwhile are kept for [`next_event`](Self::next_event); so is the end
    /// of the connection.
    ///
    /// # Errors
    /// Why there is no answer. A refusal is an answer: see [`Reply::result`].
    pub fn call(&mut self, request: Request, options: u32, timeout: Millis) -> Result<Reply, CallProblem> {
        if !self.is_ready() {
            return Err(CallProblem::NotConnected);
        }
        self.wait_while_stale(timeout);
        let now = self.clock.moment();
        let core = self.carrier.core().ok_or(CallProblem::NotConnected)?;
        let asked = core.call_with(request, options, timeout, now)?;
        // Over TLS no answer is the end of the connection; that one is what the caller hears of.
        let mut failed = None;
        loop {
            match self.next_report(Instant::now() + TURN) {
                Some(Report::Answered(id, reply)) if id == asked => return Ok(reply),
                Some(Report::Unanswered(id, error)) if id == asked => failed = Some(error.into()),
                Some(Report::NotSent(not_sent)) => return Err(self.abandon(not_sent)),
                Some(Report::Ended(problem)) => {
                    self.keep(Report::Ended(problem.clone()));
                    return Err(problem.into());
                }
                Some(report) => self.keep(report),
                None => match failed {
                    Some(problem) => return Err(problem),
                    None => self.wait_for_answer(None),
                },
            }
        }
    }

    /// No call is possible before the answer to an earlier one that was late (local IPC); it has as much time as the
    /// new one.
    fn wait_while_stale(&mut self, timeout: Millis) {
        let limit = if timeout == Millis(0) { STALE_LIMIT } else { timeout.into() };
        let deadline = Instant::now() + limit;
        while self.carrier.core().is_some_and(|core| core.is_stale()) && Instant::now() < deadline {
            self.wait_for_answer(Some(deadline));
        }
    }

    /// The core waits for an answer to what was never sent.
    fn abandon(&mut self, not_sent: NotSent) -> CallProblem {
        self.carrier.abandon(not_sent.clone(), &mut self.reports);
        while let Some(report) = self.next_report(Instant::now() + TURN) {
            self.keep(report);
        }
        not_sent.into()
    }

    fn wait_for_answer(&mut self, deadline: Option<Instant>) {
        let deadline = [deadline, self.deadline()].into_iter().flatten().min();
        self.carrier.wait_for_answer(deadline, &mut self.reports);
    }
}
