// SPDX-License-Identifier: LGPL-2.1-or-later
//! From a plan to a process.
use super::files::NodeFiles;
use crate::agents::{
    self, AgentConfig, Capture, Convention, Ended, Plan, StartFailure, exec_failed, start_failed,
};
use crate::model::RunResult;
use crate::sys::attempt::Attempt;
use crate::sys::spawn::{self, Child, Dispositions, Identity, Launch, SpawnError, Stdin};
use crate::sys::strings::{HasNul, Strings};
use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;

/// What is told of a run that was ended before its program executed: as if the signal had come at once.
pub(super) fn killed_before_its_start() -> RunResult {
    let ended = Ended::Signalled { signal: nix::libc::SIGKILL, core_dumped: false };
    agents::outcome(Convention::Ocf, ended, Capture::default())
}

/// Starts what is planned, with the default reaction to the signals in `dispositions`. Blocks until it runs, or until
/// `attempt` is stopped.
///
/// # Errors
/// What to report instead.
pub(super) fn launch(
    plan: &Plan,
    config: &AgentConfig,
    stdin: Stdin<'_>,
    dispositions: Dispositions,
    attempt: &Attempt,
) -> Result<Child, Box<RunResult>> {
    try_launch(plan, config, stdin, dispositions, attempt).map_err(|error| {
        let failure = match error {
            LaunchError::UnknownUser(user) => StartFailure::UnknownUser(user),
            LaunchError::Spawn(SpawnError::Resources(errno)) => StartFailure::Resources(errno),
            LaunchError::Spawn(SpawnError::Setup(errno)) => StartFailure::Setup(errno),
            LaunchError::Spawn(SpawnError::Identity(errno)) => {
                StartFailure::Identity(plan.as_user.clone().unwrap_or_default(), errno)
            }
            LaunchError::Spawn(SpawnError::Exec(errno)) => {
                return Box::new(exec_failed(plan, errno, &NodeFiles));
            }
            LaunchError::Spawn(SpawnError::Stopped) => return Box::new(killed_before_its_start()),
        };
        Box::new(start_failed(plan, &failure))
    })
}

/// A text that cannot be handed over would be another one in the agent.
impl From<HasNul> for LaunchError {
    fn from(HasNul: HasNul) -> Self {
        Self::Spawn(SpawnError::Setup(nix::libc::EINVAL))
    }
}

enum LaunchError {
    UnknownUser(String),
    Spawn(SpawnError),
}

fn try_launch(
    plan: &Plan,
    config: &AgentConfig,
    stdin: Stdin<'_>,
    dispositions: Dispositions,
    attempt: &Attempt,
) -> Result<Child, LaunchError> {
    let program = CString::new(plan.program.as_os_str().as_bytes()).map_err(|_| HasNul)?;
    let identity = plan.as_user.as_deref().map(identity).transpose()?;
    let mut arguments = Strings::with_capacity(plan.arguments.iter().map(|text| text.len() + 1).sum());
    for argument in &plan.arguments {
        arguments.push(&[argument.as_bytes()])?;
    }
    let environment = environment(plan, config)?;
    let (arguments, environment) = (&arguments, &environment);
    let file_limit = config.file_limit;
    let program = &program;
    spawn::spawn(&Launch {
        program,
        arguments,
        environment,
        identity,
        stdin,
        file_limit,
        dispositions,
        attempt,
    })
    .map_err(LaunchError::Spawn)
}

/// Looked up anew for each alert: users come and go, and alerts are rare.
fn identity(user: &str) -> Result<Identity, LaunchError> {
    match nix::unistd::User::from_name(user) {
        Ok(Some(found)) => Ok(Identity { uid: found.uid.as_raw(), gid: found.gid.as_raw() }),
        _ => Err(LaunchError::UnknownUser(user.to_owned())),
    }
}

/// What the daemon hands down, less what the plan sets itself, and the plan's own.
fn environment(plan: &Plan, config: &AgentConfig) -> Result<Strings, HasNul> {
    let own = || plan.environment.iter().map(|(name, value)| (name.as_bytes(), value.as_slice()));
    let inherited = || {
        let all = config.base_env.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
        all.filter(|(name, _)| own().all(|(set, _)| set != *name))
    };
    let length = own().chain(inherited()).map(|(name, value)| name.len() + value.len() + 2).sum();
    let mut strings = Strings::with_capacity(length);
    for (name, value) in inherited().chain(own()) {
        strings.push(&[name, b"=", value])?;
    }
    Ok(strings)
}
