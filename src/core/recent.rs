// SPDX-License-Identifier: LGPL-2.1-or-later
//! What is kept of an operation's latest run for those who look: when it was due, when it began, how it ended. Requests
//! and results do not depend on it.
use super::view::{LastResult, shortened};
use crate::model::{Millis, Moment, Now, Outcome};

/// See the module's documentation.
#[derive(Debug)]
pub(super) struct Recent {
    /// When the next run is due, or the one in flight was.
    due: Moment,
    /// When the run in flight began.
    began: Moment,
    last: Option<LastResult>,
    lateness: Option<Millis>,
    /// Why the latest run ended so, until the resource has it.
    reason: Option<Box<str>>,
}

impl Recent {
    /// Due after this time.
    pub(super) fn due_after(now: Now, delay: Millis) -> Self {
        Self {
            due: now.mono.after(delay),
            began: Moment::default(),
            last: None,
            lateness: None,
            reason: None,
        }
    }

    /// The next run is due after this time.
    pub(super) fn rest(&mut self, now: Now, delay: Millis) {
        self.due = now.mono.after(delay);
    }

    /// A run begins, or has begun later than was thought.
    pub(super) fn begin(&mut self, at: Moment) {
        self.began = at;
        self.lateness = Some(at.since(self.due).into());
    }

    /// A run has ended.
    pub(super) fn end(&mut self, outcome: &Outcome, now: Now) {
        self.last = Some(LastResult { exit: outcome.exit, status: outcome.status, ended_s: now.epoch_s });
        self.reason = outcome.reason.as_deref().map(shortened);
    }

    pub(super) const fn take_reason(&mut self) -> Option<Box<str>> {
        self.reason.take()
    }

    pub(super) const fn last(&self) -> Option<&LastResult> {
        self.last.as_ref()
    }

    pub(super) const fn lateness(&self) -> Option<Millis> {
        self.lateness
    }

    /// When the next run is due, or the one in flight was.
    pub(super) const fn due(&self) -> Moment {
        self.due
    }

    /// When the run in flight began.
    pub(super) const fn began(&self) -> Moment {
        self.began
    }
}
