// SPDX-License-Identifier: LGPL-2.1-or-later
//! Runs agents and alerts; actions of units are handed on to [`Units`].
//!
//! A run is over when its process has ended: whoever inherited its pipes is not waited for. Nothing here
//! ends a child unless told to, so agents survive the daemon.
use super::output::Output;
use super::starter::{Begun, Order, Starter};
use super::systemd::Units;
use super::watch;
use crate::agents::{
    self, AgentConfig, Capture, Convention, Ended, Means, Plan, StartFailure, UnitPlan, start_failed,
};
use crate::driver::exit::try_end;
use crate::driver::files::NodeFiles;
use crate::driver::oom::OomCounter;
use crate::driver::starts::Ticket;
use crate::model::{Alert, Execution, KillScope, RunResult, Standard};
use crate::sys::process;
use crate::sys::spawn::Child;
use std::cell::Cell;
use std::future::poll_fn;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::unix::AsyncFd;
use tokio::sync::Notify;
use tokio::task::spawn_local;
use tokio::time::timeout;

/// What happens to a run.
#[derive(Debug)]
pub enum Progress {
    /// It waits for its start. Said at most once, by [`start`] or [`start_alert`] itself.
    Waits,
    /// It runs. Not said of a run that could not be started, nor of an action of a unit.
    Started,
    /// It is over. Said once, from a task.
    Ended(RunResult),
}

/// Ends a run before its time. Dropping it changes nothing.
#[derive(Clone, Debug, Default)]
pub struct RunHandle {
    stage: Rc<Cell<Stage>>,
    /// For an action of a unit, which has no process of ours: ends the waiting for systemd.
    stop: Option<Rc<Notify>>,
}

/// How far a run is.
#[derive(Clone, Copy, Debug, Default)]
enum Stage {
    /// Over, or without a process.
    #[default]
    Absent,
    /// It waits for its start.
    Waits(Ticket),
    /// It was to be killed while it was being started.
    Condemned(KillScope),
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
        match self.stage.get() {
            Stage::Waits(ticket) if starter.withdraw(ticket) => self.stage.set(Stage::Absent),
            Stage::Waits(_) => self.stage.set(Stage::Condemned(scope)),
            Stage::Runs(pid) => kill(pid, scope),
            Stage::Absent | Stage::Condemned(_) => {}
        }
    }

    /// The process, while there is one.
    pub fn pid(&self) -> Option<i32> {
        if let Stage::Runs(pid) = self.stage.get() { Some(pid) } else { None }
    }

    /// There is a process now.
    fn runs(&self, pid: i32) {
        if let Stage::Condemned(scope) = self.stage.replace(Stage::Runs(pid)) {
            kill(pid, scope);
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

/// Starts an agent; what becomes of it is told to `report`.
///
/// # Panics
/// Outside a `LocalSet` on a runtime with I/O.
pub fn start(
    execution: &Execution,
    starter: &Starter,
    units: &Units,
    report: impl FnMut(Progress) + 'static,
) -> RunHandle {
    if !matches!(execution.agent.standard(), Some(Standard::Systemd | Standard::Service)) {
        let execution = execution.clone();
        return run(Box::new(move |config| plan(&execution, config)), starter, report);
    }
    match agents::plan(execution, starter.config(), &NodeFiles) {
        Ok(Means::Unit(plan)) => run_unit(plan, units.clone(), report),
        Ok(Means::Process(plan)) => run(Box::new(move |_| Ok(plan)), starter, report),
        Err(refused) => run(Box::new(move |_| Err(refused)), starter, report),
    }
}

fn plan(execution: &Execution, config: &AgentConfig) -> Result<Plan, Box<RunResult>> {
    match agents::plan(execution, config, &NodeFiles)? {
        Means::Process(plan) => Ok(plan),
        Means::Unit(plan) => Err(Box::new(plan.failed("the agent's standard is not that of units"))),
    }
}

fn run_unit(plan: UnitPlan, units: Units, mut report: impl FnMut(Progress) + 'static) -> RunHandle {
    let stop = Rc::new(Notify::new());
    let handle = RunHandle { stop: Some(Rc::clone(&stop)), ..RunHandle::default() };
    drop(spawn_local(async move { report(Progress::Ended(units.run(&plan, &stop).await)) }));
    handle
}

/// Starts an alert; the rest is as with [`start`].
///
/// # Panics
/// As [`start`].
pub fn start_alert(alert: &Alert, starter: &Starter, report: impl FnMut(Progress) + 'static) -> RunHandle {
    let alert = alert.clone();
    let order = move |config: &AgentConfig| agents::plan_alert(&alert, config, &NodeFiles);
    run(Box::new(order), starter, report)
}

fn run(order: Order, starter: &Starter, mut report: impl FnMut(Progress) + 'static) -> RunHandle {
    let handle = RunHandle::default();
    match starter.add(order) {
        Ok((ticket, answer)) => {
            handle.stage.set(Stage::Waits(ticket));
            report(Progress::Waits);
            let handle = handle.clone();
            drop(spawn_local(async move {
                let result = match answer.await {
                    Ok(begun) => end(begun, handle, &mut report).await,
                    Err(_) => killed_before_its_start(),
                };
                report(Progress::Ended(result));
            }));
        }
        Err(refused) => drop(spawn_local(async move { report(Progress::Ended(*refused)) })),
    }
    handle
}

async fn end(
    begun: Result<Begun, Box<RunResult>>,
    handle: RunHandle,
    report: &mut impl FnMut(Progress),
) -> RunResult {
    match begun.and_then(|begun| watched(begun, handle)) {
        Ok(run) => {
            report(Progress::Started);
            run.end().await
        }
        Err(refused) => *refused,
    }
}

/// As if the signal had come at once.
fn killed_before_its_start() -> RunResult {
    let ended = Ended::Signalled { signal: libc::SIGKILL, core_dumped: false };
    agents::outcome(Convention::Ocf, ended, Capture::default())
}

fn watched(Begun { child, plan }: Begun, handle: RunHandle) -> Result<Run, Box<RunResult>> {
    let pid = child.pid;
    handle.runs(pid);
    Run::new(child, plan.convention, handle.clone()).map_err(|error| {
        // Nobody would reap it.
        let _ = process::kill_group(pid);
        let _ = process::wait(pid);
        handle.stage.set(Stage::Absent);
        let errno = error.raw_os_error().unwrap_or_default();
        Box::new(start_failed(&plan, &StartFailure::Unwatched(errno)))
    })
}

/// Most agents end sooner, with less to say than a pipe holds: until then nobody needs to be woken for what they say
/// and for the ends of their pipes.
const BRIEF: Duration = Duration::from_millis(10);

thread_local!(static OOM: OomCounter = OomCounter::of_ourselves());

/// A running process and what it has printed so far.
struct Run {
    pidfd: AsyncFd<OwnedFd>,
    stdout: Output,
    stderr: Output,
    convention: Convention,
    handle: RunHandle,
    /// Kills for lack of memory before it, if the kernel tells.
    out_of_memory: Option<u64>,
}

impl Run {
    fn new(child: Child, convention: Convention, handle: RunHandle) -> io::Result<Self> {
        Ok(Self {
            pidfd: watch::readable(child.pidfd)?,
            stdout: Output::new(child.stdout),
            stderr: Output::new(child.stderr),
            convention,
            handle,
            out_of_memory: OOM.with(OomCounter::recent),
        })
    }

    async fn end(mut self) -> RunResult {
        let ended = match timeout(BRIEF, poll_fn(|context| self.poll_end(context))).await {
            Ok(ended) => ended,
            Err(_) => {
                for output in [&mut self.stdout, &mut self.stderr] {
                    if let Err(error) = output.watch() {
                        log::warn!("What a process prints cannot be read before its end: {error}");
                    }
                }
                poll_fn(|context| self.poll_end(context)).await
            }
        };
        let capture = Capture { stdout: self.stdout.finish(), stderr: self.stderr.finish() };
        let result = agents::outcome(self.convention, ended, capture);
        let explained = agents::may_have_lacked_memory(&result)
            && OOM.with(|counter| counter.has_grown(self.out_of_memory));
        if explained { agents::short_of_memory(result) } else { result }
    }

    fn poll_end(&mut self, context: &mut Context<'_>) -> Poll<Ended> {
        while let Poll::Ready(ready) = self.pidfd.poll_read_ready(context) {
            match (try_end(self.pidfd.as_fd()), ready) {
                (None, Ok(mut guard)) => guard.clear_ready(),
                (ended, _) => {
                    self.handle.stage.set(Stage::Absent);
                    return Poll::Ready(ended.unwrap_or(Ended::Lost));
                }
            }
        }
        self.stdout.poll(context);
        self.stderr.poll(context);
        Poll::Pending
    }
}
