// SPDX-License-Identifier: LGPL-2.1-or-later
//! One action of one unit, from LoadUnit to the end of its job.
use super::{Bus, CallError, Link, drop_in};
use crate::agents::{UnitAction, UnitPlan};
use crate::model::RunResult;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

/// Between two attempts while systemd or the bus is away.
const REST: Duration = Duration::from_millis(250);
/// Attempts of an action that changes something: a minute's worth. Usually the timeout ends it before.
const ATTEMPTS: u32 = 240;
/// Attempts of one that only looks: after that its result is "pending", which is not a failure.
const LOOKS: u32 = 4;
/// How often a job whose end nobody announces is asked for.
const INQUIRY: Duration = Duration::from_secs(2);

pub(in crate::driver) struct Action<'a, L> {
    link: &'a L,
    plan: &'a UnitPlan,
    /// What it waits for, for the administrator.
    phase: Rc<Cell<&'static str>>,
    /// Its job, once systemd has queued it.
    job: RefCell<Option<String>>,
    /// Was the drop-in changed, without systemd having read that?
    unread: Cell<bool>,
}

impl<'a, L: Link> Action<'a, L> {
    pub(in crate::driver) fn new(link: &'a L, plan: &'a UnitPlan) -> Self {
        let phase = Rc::new(Cell::new("D-Bus did not answer"));
        Self { link, plan, phase, job: RefCell::default(), unread: Cell::default() }
    }

    /// Has what it waits for, in words, told here too.
    #[cfg(feature = "capi")]
    pub(in crate::driver) fn telling(mut self, phase: Rc<Cell<&'static str>>) -> Self {
        phase.set(self.phase.get());
        self.phase = phase;
        self
    }

    /// In words, what it waits for.
    #[cfg(feature = "daemon")]
    pub(in crate::driver) fn phase(&self) -> &'static str {
        self.phase.get()
    }

    pub(in crate::driver) async fn run(&self) -> RunResult {
        let attempts = if self.plan.action == UnitAction::Status { LOOKS } else { ATTEMPTS };
        let mut attempt = 0;
        loop {
            let why = match self.attempt().await {
                Ok(verdict) => return verdict,
                Err(CallError::Refused { name, message }) => {
                    return self.plan.failed(&format!("{message} ({name})"));
                }
                Err(CallError::Interrupted(why)) => why,
            };
            attempt += 1;
            if !self.link.ever_met() {
                return self.without_systemd(&why);
            }
            if attempt >= attempts {
                let looks = self.plan.action == UnitAction::Status;
                return if looks { self.plan.pending(&why) } else { self.plan.failed(&why) };
            }
            log::info!("{} of {} goes on when systemd is back: {why}", self.plan.action_name, self.plan.unit);
            self.phase.set("systemd or D-Bus is away");
            self.link.sleep(REST).await;
        }
    }

    fn without_systemd(&self, why: &str) -> RunResult {
        match &self.plan.if_unknown {
            Some(verdict) => RunResult::clone(verdict),
            None => self.plan.failed(&format!("systemd cannot be reached: {why}")),
        }
    }

    async fn attempt(&self) -> Result<RunResult, CallError> {
        let bus = self.link.bus().await?;
        self.phase.set("systemd did not answer");
        let unit = bus.load(&self.plan.unit).await?;
        if let Some(verdict) = &self.plan.if_unknown
            && !matches!(bus.unit_text(&unit, "LoadState").await?.as_str(), "loaded" | "masked")
        {
            return Ok(RunResult::clone(verdict));
        }
        match self.plan.action {
            UnitAction::Status => Ok(self.plan.state(&bus.unit_text(&unit, "ActiveState").await?)),
            UnitAction::Metadata => {
                let description = bus.unit_text(&unit, "Description").await?;
                Ok(self.plan.metadata(Some(&description)))
            }
            _ => self.change(&bus, &unit).await,
        }
    }

    async fn change(&self, bus: &L::Bus, unit: &str) -> Result<RunResult, CallError> {
        let mut ends = bus.job_ends();
        let known = self.job.borrow().clone();
        let (job, missed) = match known {
            // While there was no connection its end may have been announced.
            Some(job) => (job.clone(), !bus.has_job(&job).await?),
            None => match self.queue(bus, unit).await? {
                Ok(job) => (job, false),
                Err(verdict) => return Ok(verdict),
            },
        };
        self.job.replace(Some(job.clone()));
        self.phase.set("systemd has not finished its job");
        if !missed && let Some(result) = self.job_end(bus, &job, &mut ends).await? {
            return self.ended(bus, unit, &result).await;
        }
        let state = bus.unit_text(unit, "ActiveState").await?;
        // An announcement that crossed the question has arrived by now.
        if let Some(result) = bus.announced(&job, &mut ends) {
            return self.ended(bus, unit, &result).await;
        }
        Ok(self.plan.job_vanished(&state))
    }

    /// The result of an action whose job has ended. A unit that systemd restarts meanwhile is waited for.
    async fn ended(&self, bus: &L::Bus, unit: &str, result: &str) -> Result<RunResult, CallError> {
        if result != "done" || !self.plan.action.wants_active() {
            return Ok(self.plan.job_ended(result));
        }
        self.phase.set("the unit has not settled");
        loop {
            let state = bus.unit_text(unit, "ActiveState").await?;
            if let Some(verdict) = self.plan.job_done(&state) {
                return Ok(verdict);
            }
            self.link.sleep(REST).await;
        }
    }

    /// Queues the job; the inner error is the result when there will be none.
    async fn queue(&self, bus: &L::Bus, unit: &str) -> Result<Result<String, RunResult>, CallError> {
        match self.plan.action {
            UnitAction::Start => {
                if let Err(error) = drop_in::write(self.plan) {
                    return Ok(Err(self.plan.drop_in_failed(error.raw_os_error().unwrap_or(0))));
                }
                self.unread.set(true);
            }
            UnitAction::Stop if drop_in::remove(self.plan) => self.unread.set(true),
            UnitAction::Reload if !bus.unit_flag(unit, "CanReload").await? => {
                return Ok(Err(self.plan.cannot()));
            }
            _ => {}
        }
        if self.unread.get() {
            match self.link.changed(bus).await {
                // The unit can run without its drop-in, and stop with it.
                Err(CallError::Refused { name, message }) => {
                    log::warn!("systemd did not read the drop-in of {}: {message} ({name})", self.plan.unit);
                }
                result => result?,
            }
            self.unread.set(false);
        }
        let Some(method) = self.plan.action.job_method() else { return Ok(Err(self.plan.cannot())) };
        match bus.queue(method, &self.plan.unit).await {
            Ok(job) => Ok(Ok(job)),
            Err(CallError::Refused { name, message }) => Ok(Err(self.plan.refused(&name, &message))),
            Err(interrupted) => Err(interrupted),
        }
    }

    /// Waits for the end of the job to be announced: its result; None when the job is gone without.
    async fn job_end(
        &self,
        bus: &L::Bus,
        job: &str,
        ends: &mut <L::Bus as Bus>::Ends,
    ) -> Result<Option<String>, CallError> {
        loop {
            if let Some(result) = bus.announcement(job, ends, INQUIRY).await? {
                return Ok(Some(result));
            }
            if !bus.has_job(job).await? {
                return Ok(None);
            }
        }
    }
}
