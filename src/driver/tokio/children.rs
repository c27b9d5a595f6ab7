// SPDX-License-Identifier: LGPL-2.1-or-later
//! Runs agents and alerts; actions of units are handed on to [`Units`].
//!
//! A run is over when its process has ended: whoever inherited its pipes is not waited for. Nothing here
//! ends a child unless told to, so agents survive the daemon.
use super::output::Output;
use super::systemd::Units;
use super::watch;
use crate::agents::{
    self, AgentConfig, Capture, Convention, Ended, Means, Plan, StartFailure, UnitPlan, Verdict, start_failed,
};
use crate::core::Finish;
use crate::driver::files::NodeFiles;
use crate::driver::launch::launch;
use crate::driver::oom::OomCounter;
use crate::model::{Alert, Execution, KillScope};
use crate::sys::process::{self, ExitStatus};
use crate::sys::spawn::{Child, Stdin};
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

/// Ends a run before its time. Dropping it changes nothing.
#[derive(Clone, Debug, Default)]
pub struct RunHandle {
    /// The process, while it has not been reaped: so long its number cannot go to another.
    leader: Rc<Cell<Option<i32>>>,
    /// For an action of a unit, which has no process of ours: ends the waiting for systemd.
    stop: Option<Rc<Notify>>,
}

impl RunHandle {
    /// SIGKILLs the run, if it is not over. Its end is reported as ever. A unit is left to systemd, only the
    /// run is over.
    pub fn kill(&self, scope: KillScope) {
        if let Some(stop) = &self.stop {
            stop.notify_one();
        }
        let Some(pid) = self.leader.get() else { return };
        let killed = match scope {
            KillScope::Group => process::kill_group(pid),
            KillScope::Process => process::kill_process(pid),
        };
        if let Err(error) = killed {
            log::warn!("Could not end process {pid}: {error}");
        }
    }

    /// The process, while there is one.
    pub fn pid(&self) -> Option<i32> {
        self.leader.get()
    }
}

/// Starts an agent. `done` is called once, from a task of the current `LocalSet`, never from within `start`.
///
/// # Panics
/// Outside a `LocalSet` on a runtime with I/O.
pub fn start(
    execution: &Execution,
    config: &AgentConfig,
    units: &Units,
    done: impl FnOnce(Finish) + 'static,
) -> RunHandle {
    let plan = match agents::plan(execution, config, &NodeFiles) {
        Ok(Means::Process(plan)) => Ok(plan),
        Ok(Means::Unit(plan)) => return run_unit(plan, units.clone(), done),
        Err(verdict) => Err(verdict),
    };
    run(plan, config, done)
}

fn run_unit(plan: UnitPlan, units: Units, done: impl FnOnce(Finish) + 'static) -> RunHandle {
    let stop = Rc::new(Notify::new());
    let handle = RunHandle { stop: Some(Rc::clone(&stop)), ..RunHandle::default() };
    drop(spawn_local(async move { done(finish(units.run(&plan, &stop).await)) }));
    handle
}

/// Starts an alert; the rest is as with [`start`].
///
/// # Panics
/// As [`start`].
pub fn start_alert(alert: &Alert, config: &AgentConfig, done: impl FnOnce(Finish) + 'static) -> RunHandle {
    run(agents::plan_alert(alert, config, &NodeFiles), config, done)
}

fn run(
    plan: Result<Plan, Box<Verdict>>,
    config: &AgentConfig,
    done: impl FnOnce(Finish) + 'static,
) -> RunHandle {
    let handle = RunHandle::default();
    match plan.and_then(|plan| begin(&plan, config, &handle)) {
        Ok(run) => drop(spawn_local(async move { done(finish(run.end().await)) })),
        Err(verdict) => drop(spawn_local(async move { done(finish(*verdict)) })),
    }
    handle
}

fn finish(verdict: Verdict) -> Finish {
    let Verdict { outcome, raw_exit, signalled, unprepared } = verdict;
    Finish { outcome, signalled, unprepared, raw_exit }
}

fn begin(plan: &Plan, config: &AgentConfig, handle: &RunHandle) -> Result<Run, Box<Verdict>> {
    let child = launch(plan, config, Stdin::Inherit)?;
    let pid = child.pid;
    let run = Run::new(child, plan.convention, handle.clone()).map_err(|error| {
        // Nobody would reap it.
        let _ = process::kill_group(pid);
        let _ = process::wait(pid);
        let errno = error.raw_os_error().unwrap_or_default();
        Box::new(start_failed(plan, &StartFailure::Unwatched(errno)))
    })?;
    handle.leader.set(Some(pid));
    Ok(run)
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

    async fn end(mut self) -> Verdict {
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
        let verdict = agents::outcome(self.convention, ended, capture);
        let explained = matches!(ended, Ended::Signalled { signal: nix::libc::SIGKILL, .. })
            && OOM.with(|counter| counter.has_grown(self.out_of_memory));
        if explained { verdict.short_of_memory() } else { verdict }
    }

    fn poll_end(&mut self, context: &mut Context<'_>) -> Poll<Ended> {
        while let Poll::Ready(ready) = self.pidfd.poll_read_ready(context) {
            let status = process::try_wait(self.pidfd.as_fd());
            match (status, ready) {
                (Ok(None), Ok(mut guard)) => guard.clear_ready(),
                (Err(error), Ok(_)) if error.kind() == io::ErrorKind::Interrupted => {}
                (status, _) => {
                    self.handle.leader.set(None);
                    return Poll::Ready(ended(status));
                }
            }
        }
        self.stdout.poll(context);
        self.stderr.poll(context);
        Poll::Pending
    }
}

fn ended(status: io::Result<Option<ExitStatus>>) -> Ended {
    match status {
        Ok(Some(ExitStatus::Exited(code))) => Ended::Exited(code),
        Ok(Some(ExitStatus::Signalled { signal, core_dumped })) => Ended::Signalled { signal, core_dumped },
        Ok(None) | Err(_) => Ended::Lost,
    }
}
