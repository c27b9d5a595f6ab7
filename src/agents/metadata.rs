// SPDX-License-Identifier: LGPL-2.1-or-later
//! What is known of an agent's metadata before any agent runs.
use super::plan::Plan;
use crate::model::{OcfExit, RunResult};
use std::fmt;

/// Where an agent's metadata comes from.
pub enum Metadata {
    /// We do: an XML document.
    Known(Vec<u8>),
    /// The agent does.
    Ask(Box<Inquiry>),
}

/// A run of an agent for its metadata.
pub struct Inquiry {
    /// What to start. Its convention does not matter.
    pub plan: Plan,
    /// What it is to read from its standard input.
    pub input: &'static [u8],
    /// Makes of what it printed what clusters are to see, or says what is wrong with it.
    pub(super) adapt: fn(Vec<u8>) -> Result<Vec<u8>, String>,
}

/// Why there is no metadata.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoMetadata {
    /// The agent's name is not complete, or its standard has none.
    Invalid(String),
    /// There is no such agent here.
    NotInstalled(String),
    /// The agent is here, and could not be started.
    CannotRun(String),
    /// The agent was run and did not print what it should.
    Failed(String),
    /// The agent did not end in time and was killed.
    TimedOut(String),
}

impl fmt::Display for NoMetadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid(reason)
            | Self::NotInstalled(reason)
            | Self::CannotRun(reason)
            | Self::Failed(reason)
            | Self::TimedOut(reason) => f.write_str(reason),
        }
    }
}

impl std::error::Error for NoMetadata {}

impl NoMetadata {
    /// The result of an agent that was found, and that the kernel would not execute.
    pub fn not_started(verdict: RunResult) -> Self {
        Self::CannotRun(verdict.outcome.reason.unwrap_or_default())
    }
}

/// The result of an agent that was not found, or whose run could not be planned.
impl From<RunResult> for NoMetadata {
    fn from(verdict: RunResult) -> Self {
        let reason = verdict.outcome.reason.unwrap_or_default();
        match verdict.outcome.exit {
            OcfExit::NOT_INSTALLED | OcfExit::INSUFFICIENT_PRIVILEGES => Self::NotInstalled(reason),
            _ => Self::Failed(reason),
        }
    }
}
