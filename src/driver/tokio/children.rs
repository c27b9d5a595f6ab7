// SPDX-License-Identifier: LGPL-2.1-or-later
//! Runs agents and alerts.
//!
//! A run is over when its process has ended: whoever inherited its pipes is not waited for. Nothing here
//! ends a child unless told to, so agents survive the daemon.
use super::files::NodeFiles;
use super::output::Output;
use super::watch;
use crate::agents::{
    self, AgentConfig, Capture, Convention, Ended, Plan, StartFailure, Verdict, exec_failed, start_failed,
};
use crate::core::Finish;
use crate::model::{Alert, Execution, KillScope};
use crate::sys::process::{self, ExitStatus};
use crate::sys::spawn::{self, Child, Identity, Launch, SpawnError, Stdin};
use crate::sys::strings::Strings;
use std::cell::Cell;
use std::ffi::CString;
use std::future::poll_fn;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::rc::Rc;
use std::task::{Context, Poll};
use tokio::io::unix::AsyncFd;

/// Ends a run before its time. Dropping it changes nothing.
#[derive(Clone, Debug, Default)]
pub struct RunHandle {
    /// The process, while it has not been reaped: so long its number cannot go to another.
    leader: Rc<Cell<Option<i32>>>,
}

impl RunHandle {
    /// SIGKILLs the run, if it is not over. Its end is reported as ever.
    pub fn kill(&self, scope: KillScope) {
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
pub fn start(execution: &Execution, config: &AgentConfig, done: impl FnOnce(Finish) + 'static) -> RunHandle {
    run(agents::plan(execution, config, &NodeFiles), config, done)
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
        Ok(run) => drop(tokio::task::spawn_local(async move { done(finish(run.end().await)) })),
        Err(verdict) => drop(tokio::task::spawn_local(async move { done(finish(*verdict)) })),
    }
    handle
}

fn finish(verdict: Verdict) -> Finish {
    let Verdict { outcome, raw_exit, signalled, unprepared } = verdict;
    Finish { outcome, signalled, unprepared, raw_exit }
}

fn begin(plan: &Plan, config: &AgentConfig, handle: &RunHandle) -> Result<Run, Box<Verdict>> {
    let failed = |failure| Box::new(start_failed(plan, &failure));
    let child = launch(plan, config).map_err(|error| match error {
        LaunchError::UnknownUser(user) => failed(StartFailure::UnknownUser(user)),
        LaunchError::Spawn(SpawnError::Resources(errno)) => failed(StartFailure::Resources(errno)),
        LaunchError::Spawn(SpawnError::Setup(errno)) => failed(StartFailure::Setup(errno)),
        LaunchError::Spawn(SpawnError::Identity(errno)) => {
            failed(StartFailure::Identity(plan.as_user.clone().unwrap_or_default(), errno))
        }
        LaunchError::Spawn(SpawnError::Exec(errno)) => Box::new(exec_failed(plan, errno, &NodeFiles)),
    })?;
    let pid = child.pid;
    let run = Run::new(child, plan.convention, handle.clone()).map_err(|error| {
        // Nobody would reap it.
        let _ = process::kill_group(pid);
        let _ = process::wait(pid);
        failed(StartFailure::Unwatched(error.raw_os_error().unwrap_or_default()))
    })?;
    handle.leader.set(Some(pid));
    Ok(run)
}

enum LaunchError {
    UnknownUser(String),
    Spawn(SpawnError),
}

fn launch(plan: &Plan, config: &AgentConfig) -> Result<Child, LaunchError> {
    let impossible = |_| LaunchError::Spawn(SpawnError::Exec(nix::libc::EINVAL));
    let program = CString::new(plan.program.as_os_str().as_bytes()).map_err(impossible)?;
    let identity = plan.as_user.as_deref().map(identity).transpose()?;
    let mut arguments = Strings::with_capacity(plan.arguments.iter().map(|text| text.len() + 1).sum());
    for argument in &plan.arguments {
        arguments.push(&[argument.as_bytes()]);
    }
    let environment = environment(plan, config);
    let launch = Launch {
        program: &program,
        arguments: &arguments,
        environment: &environment,
        identity,
        stdin: Stdin::Inherit,
        file_limit: config.file_limit,
    };
    spawn::spawn(&launch).map_err(LaunchError::Spawn)
}

/// Looked up anew for each alert: users come and go, and alerts are rare.
fn identity(user: &str) -> Result<Identity, LaunchError> {
    match nix::unistd::User::from_name(user) {
        Ok(Some(found)) => Ok(Identity { uid: found.uid.as_raw(), gid: found.gid.as_raw() }),
        _ => Err(LaunchError::UnknownUser(user.to_owned())),
    }
}

/// What the daemon hands down, less what the plan sets itself, and the plan's own.
fn environment(plan: &Plan, config: &AgentConfig) -> Strings {
    let own = || plan.environment.iter().map(|(name, value)| (name.as_bytes(), value.as_slice()));
    let inherited = || {
        let all = config.base_env.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
        all.filter(|(name, _)| own().all(|(set, _)| set != *name))
    };
    let length = own().chain(inherited()).map(|(name, value)| name.len() + value.len() + 2).sum();
    let mut strings = Strings::with_capacity(length);
    for (name, value) in inherited().chain(own()) {
        strings.push(&[name, b"=", value]);
    }
    strings
}

/// A running process and what it has printed so far.
struct Run {
    pidfd: AsyncFd<OwnedFd>,
    stdout: Output,
    stderr: Output,
    convention: Convention,
    handle: RunHandle,
}

impl Run {
    fn new(child: Child, convention: Convention, handle: RunHandle) -> io::Result<Self> {
        Ok(Self {
            pidfd: watch::readable(child.pidfd)?,
            stdout: Output::new(child.stdout)?,
            stderr: Output::new(child.stderr)?,
            convention,
            handle,
        })
    }

    async fn end(mut self) -> Verdict {
        let ended = poll_fn(|context| self.poll_end(context)).await;
        let capture = Capture { stdout: self.stdout.finish(), stderr: self.stderr.finish() };
        agents::outcome(self.convention, ended, capture)
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
