// SPDX-License-Identifier: LGPL-2.1-or-later
//! Runs agents and alerts; actions of units are handed on to [`Units`].
//!
//! A run is over when its process has ended: whoever inherited its pipes is not waited for. Nothing here
//! ends a child unless told to, so agents survive the daemon.
use super::errand::{Begun, Errand};
use super::output::Output;
use super::starter::{Order, Pending, Progress, Starter};
use super::systemd::Units;
use crate::agents::{self, AgentConfig, Capture, Convention, Ended, Means, Plan, UnitPlan};
use crate::core::{PeerId, RunId};
use crate::driver::exit::try_end;
use crate::driver::files::NodeFiles;
use crate::driver::launch::killed_before_its_start;
use crate::driver::oom::OomCounter;
use crate::model::{Alert, Execution, KillScope, RunResult, Standard};
use crate::sys::process;
use std::cell::RefCell;
use std::future::poll_fn;
use std::os::fd::{AsFd, OwnedFd};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::unix::AsyncFd;
use tokio::sync::Notify;
use tokio::task::spawn_local;

/// Ends a run before its time. Dropping it changes nothing.
#[derive(Clone, Default)]
pub struct RunHandle {
    stage: Rc<RefCell<Stage>>,
    /// For an action of a unit, which has no process of ours: ends the waiting for systemd.
    stop: Option<Rc<Notify>>,
}

/// How far a run is.
#[derive(Default)]
enum Stage {
    /// Over, or without a process.
    #[default]
    Absent,
    /// It waits for its start.
    Waits(Pending),
    /// It was killed while it was being started.
    Condemned(Pending, KillScope),
    /// The process, until it is reaped: so long its number cannot go to another.
    Runs(i32),
}

impl RunHandle {
    /// SIGKILLs the run, if it is not over; one that `starter` has not begun with is not started. Its end is reported
    /// as ever. A unit is left to systemd, only the run is over.
    pub fn kill(&self, scope: KillScope, starter: &Starter) {
        if let Some(stop) = &self.stop {
            stop.notify_one();
        }
        let mut stage = self.stage.borrow_mut();
        *stage = match std::mem::take(&mut *stage) {
            Stage::Waits(pending) | Stage::Condemned(pending, _) => match starter.stop(&pending) {
                true => Stage::Absent,
                false => Stage::Condemned(pending, scope),
            },
            Stage::Runs(pid) => {
                kill(pid, scope);
                Stage::Runs(pid)
            }
            Stage::Absent => Stage::Absent,
        };
    }

    /// The process, while there is one.
    pub fn pid(&self) -> Option<i32> {
        if let Stage::Runs(pid) = *self.stage.borrow() { Some(pid) } else { None }
    }

    /// There is a process now. False: it was said before that the run has begun.
    fn runs(&self, pid: i32) -> bool {
        match self.stage.replace(Stage::Runs(pid)) {
            Stage::Waits(pending) => !pending.errand.was_told(),
            Stage::Condemned(pending, scope) => {
                kill(pid, scope);
                !pending.errand.was_told()
            }
            Stage::Absent => true,
            Stage::Runs(_) => false,
        }
    }
}

fn kill(pid: i32, scope: KillScope) {
    let killed = match scope {
        KillScope::Group => process::kill_group(pid),
        KillScope::Process => process::kill_process(pid),
    };
    if let Err(error) = killed {
        log::warn!("Could not end process {pid}: {error}");
    }
}

/// A run, and who asked for it.
#[derive(Clone, Copy, Debug)]
pub struct Asked {
    /// Its number.
    pub run: RunId,
    /// The client, if it is known.
    pub owner: Option<PeerId>,
}

/// Starts an agent; what becomes of it is told by `starter`.
///
/// # Panics
/// Outside a `LocalSet` on a runtime with I/O.
pub fn start(asked: Asked, execution: &Execution, starter: &Starter, units: &Units) -> RunHandle {
    if !matches!(execution.agent.standard(), Some(Standard::Systemd | Standard::Service)) {
        let execution = Arc::new(execution.clone());
        let order = Arc::clone(&execution);
        return run(asked, Some(execution), Box::new(move |config| plan(&order, config)), starter);
    }
    match agents::plan(execution, starter.config(), &NodeFiles) {
        Ok(Means::Unit(plan)) => run_unit(asked.run, plan, units.clone(), starter),
        Ok(Means::Process(plan)) => run(asked, None, Box::new(move |_| Ok(plan)), starter),
        Err(refused) => run(asked, None, Box::new(move |_| Err(refused)), starter),
    }
}

fn plan(execution: &Execution, config: &AgentConfig) -> Result<Plan, Box<RunResult>> {
    match agents::plan(execution, config, &NodeFiles)? {
        Means::Process(plan) => Ok(plan),
        Means::Unit(plan) => Err(Box::new(plan.failed("the agent's standard is not that of units"))),
    }
}

fn run_unit(run: RunId, plan: UnitPlan, units: Units, starter: &Starter) -> RunHandle {
    let stop = Rc::new(Notify::new());
    let handle = RunHandle { stop: Some(Rc::clone(&stop)), ..RunHandle::default() };
    let starter = starter.clone();
    drop(spawn_local(async move { starter.tell(run, Progress::Ended(units.run(&plan, &stop).await)) }));
    handle
}

/// Starts an alert; the rest is as with [`start`].
///
/// # Panics
/// As [`start`].
pub fn start_alert(asked: Asked, alert: &Alert, starter: &Starter) -> RunHandle {
    let alert = alert.clone();
    run(asked, None, Box::new(move |config| agents::plan_alert(&alert, config, &NodeFiles)), starter)
}

/// `execution`: what is run, if others like it may follow.
fn run(asked: Asked, execution: Option<Arc<Execution>>, order: Order, starter: &Starter) -> RunHandle {
    let Asked { run, owner } = asked;
    let (handle, starter) = (RunHandle::default(), starter.clone());
    let lacked_memory = OOM.with(OomCounter::recent);
    let errand = if execution.as_ref().is_some_and(|execution| starts_here(execution, &starter)) {
        let errand = starter.start_here(run, order);
        if let Some(pid) = errand.pid() {
            handle.stage.replace(Stage::Runs(pid));
        }
        Ok(errand)
    } else {
        starter.add(run, owner, order).map(|pending| {
            let errand = Arc::clone(&pending.errand);
            handle.stage.replace(Stage::Waits(pending));
            starter.tell(run, Progress::Waits);
            errand
        })
    };
    let running = handle.clone();
    drop(spawn_local(async move {
        let result = match errand {
            Ok(errand) => carry_out(&errand, execution.as_deref(), running, &starter, lacked_memory).await,
            Err(refused) => *refused,
        };
        starter.tell(run, Progress::Ended(result));
    }));
    handle
}

/// Secrets are read from files, of which it is not known where they are.
fn starts_here(execution: &Execution, starter: &Starter) -> bool {
    starter.starts_here(&execution.agent) && !agents::needs_secrets(&execution.params)
}

/// From the start to the end. `lacked_memory`: kills for lack of memory before it, if the kernel tells.
async fn carry_out(
    errand: &Errand,
    execution: Option<&Execution>,
    handle: RunHandle,
    starter: &Starter,
    lacked_memory: Option<u64>,
) -> RunResult {
    match starter.answer(errand).await {
        Some(Ok(begun)) => {
            if let Some(execution) = execution {
                starter.note(&execution.agent, &begun);
            }
            if handle.runs(begun.pid) {
                starter.tell(errand.run, Progress::Started(begun.since));
            }
            let result = Run::new(begun, handle).end().await;
            let explained = agents::may_have_lacked_memory(&result)
                && OOM.with(|counter| counter.has_grown(lacked_memory));
            if explained { agents::short_of_memory(result) } else { result }
        }
        Some(Err(refused)) => {
            handle.stage.take();
            *refused
        }
        None => killed_before_its_start(),
    }
}

thread_local!(static OOM: OomCounter = OomCounter::of_ourselves());

/// A running process and what it has printed so far.
struct Run {
    pidfd: AsyncFd<OwnedFd>,
    stdout: Output,
    stderr: Output,
    convention: Convention,
    handle: RunHandle,
}

impl Run {
    fn new(begun: Begun, handle: RunHandle) -> Self {
        let Begun { pidfd, stdout, stderr, plan, .. } = begun;
        let (stdout, stderr) = (Output::new(stdout), Output::new(stderr));
        Self { pidfd, stdout, stderr, convention: plan.convention, handle }
    }

    async fn end(mut self) -> RunResult {
        let ended = match poll_fn(|context| Poll::Ready(self.poll_end(context))).await {
            Poll::Ready(ended) => ended,
            Poll::Pending => {
                for output in [&mut self.stdout, &mut self.stderr] {
                    if let Err(error) = output.watch() {
                        log::warn!("What a process prints cannot be read before its end: {error}");
                    }
                }
                poll_fn(|context| self.poll_end(context)).await
            }
        };
        let capture = Capture { stdout: self.stdout.finish(), stderr: self.stderr.finish() };
        agents::outcome(self.convention, ended, capture)
    }

    fn poll_end(&mut self, context: &mut Context<'_>) -> Poll<Ended> {
        while let Poll::Ready(ready) = self.pidfd.poll_read_ready(context) {
            match (try_end(self.pidfd.as_fd()), ready) {
                (None, Ok(mut guard)) => guard.clear_ready(),
                (ended, _) => {
                    self.handle.stage.take();
                    return Poll::Ready(ended.unwrap_or(Ended::Lost));
                }
            }
        }
        self.stdout.poll(context);
        self.stderr.poll(context);
        Poll::Pending
    }
}
