// SPDX-License-Identifier: LGPL-2.1-or-later
//! Waiting on one connection, under poll(2).
use super::{CallProblem, Carrier, Connection, Event, Problem, Report};
use crate::core::ClientError;
use crate::driver::link::timeout;
use crate::model::{Millis, Reply, Request};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::time::{Duration, Instant};

/// An answer of an executor takes so long mostly; going to sleep and waking up costs as much again.
const EAGER: Duration = Duration::from_micros(50);

impl Connection {
    /// Waits until the connection is signed on, or is over.
    ///
    /// # Errors
    /// Why there is none.
    pub fn wait_for_sign_on(&mut self) -> Result<crate::model::Registered, Problem> {
        loop {
            match self.next_report() {
                Some(Report::SignedOn(registered)) => return Ok(registered),
                Some(Report::Ended(problem)) => return Err(problem),
                Some(Report::Unsendable(reason)) => return Err(Problem::Unsendable(reason)),
                Some(Report::NotSent(errno)) => return Err(Problem::Broken(errno)),
                Some(Report::Notification(notification)) => {
                    self.kept.push_back(Event::Notification(notification));
                }
                Some(Report::Answered(..) | Report::Unanswered(..)) => {}
                None => self.wait(false),
            }
        }
    }

    /// Asks and waits for the answer. `timeout` 0: the carrier's default. Notifications that come meanwhile are kept
    /// for [`next_event`](Self::next_event); so is the end of the connection.
    ///
    /// # Errors
    /// Why there is no answer.
    pub fn call(&mut self, request: Request, options: u32, timeout: Millis) -> Result<Reply, CallProblem> {
        if !self.is_ready() {
            return Err(CallProblem::NotConnected);
        }
        let asked = self.start_call(request, options, timeout)?;
        // Over TLS no answer is the end of the connection; that one is what the caller hears of.
        let mut failed = None;
        loop {
            match self.next_report() {
                Some(Report::Answered(id, reply)) if id == asked => return Ok(reply),
                Some(Report::Unanswered(id, error)) if id == asked => {
                    failed = Some(unanswered(error));
                    if !self.is_remote() {
                        break;
                    }
                }
                Some(Report::Ended(problem)) => {
                    self.kept.push_back(Event::Ended(problem.clone()));
                    failed = Some(ended(problem));
                    break;
                }
                Some(Report::Unsendable(reason)) => {
                    self.abandon(&reason);
                    failed = Some(CallProblem::TooLarge(reason));
                    break;
                }
                Some(Report::Notification(notification)) => {
                    self.kept.push_back(Event::Notification(notification));
                }
                Some(Report::NotSent(errno)) => {
                    self.abandon(errno.desc());
                    failed = Some(CallProblem::NotSent(errno));
                    break;
                }
                Some(Report::SignedOn(_) | Report::Answered(..) | Report::Unanswered(..)) => {}
                None if failed.is_some() => break,
                None => self.wait(true),
            }
        }
        Err(failed.unwrap_or(CallProblem::NotConnected))
    }

    /// The core waits for an answer to what was never sent.
    fn abandon(&mut self, reason: &str) {
        match &mut self.carrier {
            Carrier::Local(local) => local.give_up(),
            Carrier::Remote(remote) => {
                remote.give_up(Problem::Unsendable(reason.to_owned()));
                if let Some(Report::Ended(problem)) = self.next_report() {
                    self.kept.push_back(Event::Ended(problem));
                }
            }
        }
    }

    /// Waits for news or for the deadline, then advances. `eager`: an answer is expected at once.
    fn wait(&mut self, eager: bool) {
        if let Carrier::Local(local) = &mut self.carrier {
            return local.wait();
        }
        let deadline = self.deadline();
        if let Some((descriptor, wanted, _)) = self.descriptor() {
            let mut interest = PollFlags::empty();
            interest.set(PollFlags::POLLIN, wanted.read);
            interest.set(PollFlags::POLLOUT, wanted.write);
            let mut descriptors = [PollFd::new(descriptor, interest)];
            let begun = Instant::now();
            let mut ready = Ok(0);
            while eager && ready == Ok(0) && begun.elapsed() < EAGER {
                ready = poll(&mut descriptors, PollTimeout::ZERO);
            }
            if ready == Ok(0) {
                let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
                // Whatever poll says, `advance` finds out.
                let _ = poll(&mut descriptors, left.map_or(PollTimeout::NONE, timeout));
            }
        }
        self.advance();
    }
}

fn unanswered(error: ClientError) -> CallProblem {
    match error {
        ClientError::TimedOut => CallProblem::TimedOut,
        ClientError::Stale => CallProblem::Stale,
        ClientError::NotConnected | ClientError::Closed => CallProblem::NotConnected,
        error => CallProblem::Refused(error),
    }
}

fn ended(problem: Problem) -> CallProblem {
    match problem {
        Problem::LateAnswer => CallProblem::TimedOut,
        problem => CallProblem::Ended(problem),
    }
}
