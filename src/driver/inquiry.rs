// SPDX-License-Identifier: LGPL-2.1-or-later
//! Asks an agent of this node for its metadata without waiting: for callers with a loop of their own.
#![allow(clippy::disallowed_methods, reason = "a driver: it reads the clock")]

use super::running::Running;
use crate::agents::discovery::{self, Inquiry, Metadata, NoMetadata, Node};
use crate::agents::{Capture, Convention, Ended, outcome};
use crate::model::{Agent, ExecStatus, Millis, OcfExit, Outcome, Params, RunResult, Standard};
use std::fmt;
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

/// The longest that is waited; a time beyond it could not be reckoned with.
pub(super) const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);

/// What became of the question.
pub enum Asked {
    /// The agent need not be asked: an XML document.
    Known(Vec<u8>),
    /// The agent runs.
    Running(Box<Asking>),
}

/// Why no agent runs.
#[derive(Debug)]
pub enum Refused {
    /// There is no such agent, or its name is not complete.
    Unprepared(NoMetadata),
    /// It could not be started.
    NotStarted(Box<RunResult>),
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unprepared(reason) => reason.fmt(f),
            Self::NotStarted(result) => {
                f.write_str(result.outcome.reason.as_deref().unwrap_or("the agent could not be started"))
            }
        }
    }
}

impl std::error::Error for Refused {}

/// An agent that runs for its metadata. Dropping it kills the agent with all that it has started.
pub struct Asking {
    inquiry: Inquiry,
    running: Running,
    limit: Millis,
    fence: bool,
}

/// What an agent's run has come to.
#[derive(Debug)]
pub struct Answer {
    /// Exit code, status and reason; the output is below.
    pub outcome: Outcome,
    /// What it printed, as it was.
    pub stdout: Vec<u8>,
    /// What it wrote to its standard error.
    pub stderr: Vec<u8>,
}

impl Answer {
    /// One without a run.
    pub const fn without_run(outcome: Outcome) -> Self {
        Self { outcome, stdout: Vec::new(), stderr: Vec::new() }
    }
}

impl From<Refused> for Answer {
    fn from(refused: Refused) -> Self {
        let outcome = |exit, status, reason: String| Outcome::new(exit, status).because(reason);
        Self::without_run(match refused {
            Refused::NotStarted(verdict) => verdict.outcome,
            Refused::Unprepared(NoMetadata::NotInstalled(reason)) => {
                outcome(OcfExit::NOT_INSTALLED, ExecStatus::NotInstalled, reason)
            }
            Refused::Unprepared(NoMetadata::Invalid(reason)) => {
                outcome(OcfExit::ERROR, ExecStatus::FatalError, reason)
            }
            Refused::Unprepared(
                NoMetadata::CannotRun(reason) | NoMetadata::TimedOut(reason) | NoMetadata::Failed(reason),
            ) => outcome(OcfExit::ERROR, ExecStatus::Error, reason),
        })
    }
}

/// Finds out where the metadata of `agent` comes from, and starts the agent if it must be asked; it has as long as
/// `limit`. An OCF agent is given `params`. `units` is asked for the description of a unit, and may wait for it.
///
/// # Errors
/// There is no such agent, or it could not be started.
pub(super) fn ask(agent: &Agent, params: &Params, limit: Millis, node: &Node<'_>) -> Result<Asked, Refused> {
    let known = discovery::metadata(agent, params, node);
    match known.map_err(Refused::Unprepared)? {
        Metadata::Known(document) => Ok(Asked::Known(document)),
        Metadata::Ask(inquiry) => {
            let deadline = Instant::now() + Duration::from(limit).min(LONGEST);
            let running = Running::start(&inquiry.plan, node.config, inquiry.input, deadline)
                .map_err(Refused::NotStarted)?;
            let fence = agent.standard() == Some(Standard::Stonith);
            Ok(Asked::Running(Box::new(Asking { inquiry: *inquiry, running, limit, fence })))
        }
    }
}

impl Asking {
    /// For a caller that waits.
    pub(super) fn into_parts(self) -> (Inquiry, Running) {
        (self.inquiry, self.running)
    }

    /// The agent's process.
    pub const fn pid(&self) -> i32 {
        self.running.pid()
    }

    /// Readable when [`Asking::advance`] has something to do. One that is no longer given need not be watched; none is
    /// closed before `self` is dropped.
    pub fn descriptors(&self) -> [Option<BorrowedFd<'_>>; 3] {
        self.running.descriptors()
    }

    /// When [`Asking::advance`] has something to do even if nothing is readable: in so much time.
    pub fn time_left(&self) -> Duration {
        self.running.deadline().saturating_duration_since(Instant::now())
    }

    /// Does what is due, and gives the answer, once. Never blocks.
    pub fn advance(&mut self) -> Option<Answer> {
        let (ended, capture) = self.running.advance(Instant::now())?;
        let Some(ended) = ended else {
            let late = self.inquiry.late(self.limit).to_string();
            let outcome = Outcome::new(OcfExit::ERROR, ExecStatus::Timeout).because(late);
            return Some(Answer { outcome, stdout: capture.stdout.kept, stderr: capture.stderr.kept });
        };
        let Capture { stdout, stderr } = capture;
        if stdout.dropped > 0 {
            let name = self.inquiry.plan.program.display();
            let outcome = Outcome::new(OcfExit::ERROR, ExecStatus::Error);
            let outcome = outcome.because(format!("{name} printed more than 10 MiB of metadata"));
            return Some(Answer { outcome, stdout: Vec::new(), stderr: stderr.kept });
        }
        // The reason is found in its standard error. Exit codes of fence agents are their own.
        let mut complaint = Capture::default();
        complaint.stderr.add(&stderr.kept);
        let raw = self.fence && matches!(ended, Ended::Exited(_));
        let mut outcome =
            outcome(if raw { Convention::Alert } else { Convention::Ocf }, ended, complaint).outcome;
        outcome.output = None;
        Some(Answer { outcome, stdout: stdout.kept, stderr: stderr.kept })
    }
}
