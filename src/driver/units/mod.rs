// SPDX-License-Identifier: LGPL-2.1-or-later
//! Actions of systemd's units, for any loop that can wait for the system bus and for the time.
//!
//! systemd and the bus may be restarted at any time, while a job runs too: the connection is made again, and
//! the job, which systemd remembers, is waited for again.
mod action;
mod drop_in;

pub(super) use action::Action;

use crate::agents;
use std::rc::Rc;
use std::time::Duration;

/// Ends of jobs that a slow reader may have waiting; beyond that it asks for the job itself.
pub(super) const JOBS_KEPT: usize = 1024;

/// The interface of systemd's jobs.
pub(super) const JOB: &str = "org.freedesktop.systemd1.Job";

/// Why a call gave nothing.
#[derive(Debug)]
pub(super) enum CallError {
    /// systemd or the bus is away, perhaps for a moment only.
    Interrupted(String),
    /// A refusal: name of the error and message.
    Refused { name: String, message: String },
}

impl CallError {
    /// What an error of this name means.
    pub(super) fn named(name: String, message: String) -> Self {
        if agents::is_interruption(&name, &message) {
            return Self::Interrupted(format!("{message} ({name})"));
        }
        Self::Refused { name, message }
    }
}

/// What all actions share: the connection to systemd, which changes of unit files it has read, and the time.
pub(super) trait Link {
    /// Its connection.
    type Bus: Bus;

    /// The connection that there is, or a new one.
    async fn bus(&self) -> Result<Rc<Self::Bus>, CallError>;
    /// Makes systemd read a change of unit files that was just made.
    async fn changed(&self, bus: &Self::Bus) -> Result<(), CallError>;
    /// Has systemd ever answered? If not it is not "away", it is not there.
    fn ever_met(&self) -> bool;
    /// Waits.
    async fn sleep(&self, time: Duration);
}

/// A connection to the system bus on which systemd tells of its jobs.
pub(super) trait Bus {
    /// A place in the announcements.
    type Ends;

    /// The ends of jobs from now on.
    fn job_ends(&self) -> Self::Ends;
    /// The result of this job, if its end has been announced.
    fn announced(&self, job: &str, ends: &mut Self::Ends) -> Option<String>;
    /// The same, waited for; None: it was not announced within this time, or announcements were missed.
    async fn announcement(
        &self,
        job: &str,
        ends: &mut Self::Ends,
        within: Duration,
    ) -> Result<Option<String>, CallError>;
    /// The unit's object; systemd has one for any name that is well-formed.
    async fn load(&self, unit: &str) -> Result<String, CallError>;
    /// Queues a job; its object.
    async fn queue(&self, method: &str, unit: &str) -> Result<String, CallError>;
    /// A property of a unit that is a text.
    async fn unit_text(&self, unit: &str, name: &str) -> Result<String, CallError>;
    /// A property of a unit that is true or false.
    async fn unit_flag(&self, unit: &str, name: &str) -> Result<bool, CallError>;
    /// Is this job still to be done?
    async fn has_job(&self, job: &str) -> Result<bool, CallError>;
}
