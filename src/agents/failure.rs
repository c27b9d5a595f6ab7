// SPDX-License-Identifier: LGPL-2.1-or-later
//! Agents that could not be started: results, and reasons that say what to do about it.
use super::config::AgentFiles;
use super::plan::{Convention, Plan};
use crate::model::{ExecStatus, OcfExit, Outcome, RunResult};
use nix::errno::Errno;
use std::fmt;
use std::path::{Path, PathBuf};

/// Why there is no process. Numbers are errnos.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StartFailure {
    /// The node or the daemon has reached a limit.
    Resources(i32),
    /// The process could not be set up.
    Setup(i32),
    /// It could not become this user.
    Identity(String, i32),
    /// There is no such user.
    UnknownUser(String),
    /// Its end can't be waited for.
    Unwatched(i32),
}

/// The words of the C library for an errno.
pub(super) fn describe(errno: i32) -> &'static str {
    Errno::from_raw(errno).desc()
}

/// What it means to the cluster that an agent's own file cannot be looked at or executed. No other file is judged by it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    NotInstalled,
    Privileges,
    Other,
}

impl Kind {
    fn of(errno: i32) -> Self {
        match Errno::from_raw(errno) {
            Errno::ENOENT | Errno::EISDIR | Errno::ENOTDIR | Errno::EINVAL | Errno::ENOEXEC => {
                Self::NotInstalled
            }
            Errno::EACCES | Errno::EPERM => Self::Privileges,
            _ => Self::Other,
        }
    }

    fn exit(self) -> OcfExit {
        match self {
            Self::NotInstalled => OcfExit::NOT_INSTALLED,
            Self::Privileges => OcfExit::INSUFFICIENT_PRIVILEGES,
            Self::Other => OcfExit::ERROR,
        }
    }
}

/// There is no such agent, now or later.
pub(super) fn not_installed(reason: String) -> Box<RunResult> {
    refuse(OcfExit::NOT_INSTALLED, ExecStatus::NotInstalled, reason)
}

/// An action for which nothing can be started, now or later.
pub(super) fn refuse(exit: OcfExit, status: ExecStatus, reason: String) -> Box<RunResult> {
    let outcome = Outcome::new(exit, status).because(reason);
    Box::new(RunResult { unprepared: true, ..RunResult::new(outcome, None) })
}

/// The agent's file could not even be looked at.
pub(super) fn stat_failed(program: &Path, errno: i32) -> RunResult {
    let kind = Kind::of(errno);
    let status = if kind == Kind::NotInstalled { ExecStatus::NotInstalled } else { ExecStatus::Error };
    let reason = format!(
        "{}: {}{}",
        program.display(),
        describe(errno),
        match kind {
            Kind::NotInstalled => "; install the agent on this node",
            Kind::Privileges => "; make it readable for the daemon's user",
            Kind::Other => "",
        }
    );
    RunResult::new(Outcome::new(kind.exit(), status).because(reason), None)
}

/// The agent's file is there but the kernel would not execute it. As if the agent had said so by its exit
/// code, which is what clusters expect in this case.
pub fn exec_failed(plan: &Plan, errno: i32, files: &dyn AgentFiles) -> RunResult {
    let kind = Kind::of(errno);
    let code = match (plan.convention, kind) {
        (Convention::LsbStatus, Kind::NotInstalled) => 150,
        (Convention::LsbStatus, Kind::Privileges) => 151,
        (Convention::LsbStatus, Kind::Other) => 4,
        _ => kind.exit().0,
    };
    let reason = exec_reason(&plan.program, errno, files);
    RunResult::new(Outcome::new(kind.exit(), ExecStatus::Done).because(reason), Some(code))
}

fn exec_reason(program: &Path, errno: i32, files: &dyn AgentFiles) -> String {
    let name = program.display();
    let words = describe(errno);
    let facts = files.facts(program).ok();
    match Errno::from_raw(errno) {
        _ if facts.is_some_and(|facts| facts.directory) => format!("{name} is a directory, not an agent"),
        Errno::ENOENT if facts.is_none() => format!("{name}: {words}; install the agent on this node"),
        Errno::EACCES if facts.is_some_and(|facts| !facts.executable) => {
            format!("{name} is not executable; make it so with 'chmod a+x {name}'")
        }
        Errno::ENOENT | Errno::EACCES | Errno::ENOTDIR | Errno::ELOOP => {
            // An interpreter that is there and executable is not what the kernel complains about.
            let suspect = Interpreter::of(program, files)
                .filter(|interpreter| !files.facts(&interpreter.path).is_ok_and(|facts| facts.executable));
            match suspect {
                Some(interpreter) => format!(
                    "{name} cannot run: its interpreter {interpreter}: {words}; install it or correct the #! line"
                ),
                None => {
                    format!("{name} cannot run: {words}; a library loader or a noexec mount may be the cause")
                }
            }
        }
        Errno::ENOEXEC => format!("{name} is no program that this machine can run: {words}"),
        Errno::E2BIG => format!("{name} cannot run: its parameters are too long: {words}"),
        Errno::ETXTBSY => format!("{name} cannot run: something is writing to the file: {words}"),
        _ => format!("{name} cannot run: {words}"),
    }
}

/// The program behind a script's `#!`, as the kernel reads it.
struct Interpreter {
    path: PathBuf,
    /// A line written on another system: the kernel takes its end for part of the name.
    ends_with_return: bool,
}

impl Interpreter {
    fn of(program: &Path, files: &dyn AgentFiles) -> Option<Self> {
        let start = files.read(program, 256).ok()?;
        let line = start.strip_prefix(b"#!")?.split(|byte| *byte == b'\n').next()?;
        let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
        let word = line.split(blank).find(|word| !word.is_empty())?;
        let path = PathBuf::from(String::from_utf8_lossy(word).into_owned());
        Some(Self { path, ends_with_return: word.ends_with(b"\r") })
    }
}

impl fmt::Display for Interpreter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.to_string_lossy().trim_end_matches('\r').escape_debug())?;
        if self.ends_with_return { f.write_str(" (the line ends with a carriage return)") } else { Ok(()) }
    }
}

/// What the kernel would answer for reasons that can be seen beforehand.
pub(super) fn obstacle(plan: &Plan, files: &dyn AgentFiles) -> Option<RunResult> {
    let refused = |errno: Errno| Some(exec_failed(plan, errno as i32, files));
    match files.facts(&plan.program) {
        Err(errno) => return Some(exec_failed(plan, errno, files)),
        Ok(facts) if !facts.executable => return refused(Errno::EACCES),
        Ok(_) => {}
    }
    let interpreter = Interpreter::of(&plan.program, files)?;
    match files.facts(&interpreter.path) {
        Err(errno) => Some(exec_failed(plan, errno, files)),
        Ok(facts) if !facts.executable => refused(Errno::EACCES),
        Ok(_) => None,
    }
}

/// Nothing was executed.
pub fn start_failed(plan: &Plan, failure: &StartFailure) -> RunResult {
    let name = plan.program.display();
    let reason = match failure {
        StartFailure::Resources(errno) => {
            let remedy = match Errno::from_raw(*errno) {
                Errno::EMFILE => "raise the daemon's limit of open files (LimitNOFILE)",
                Errno::ENFILE => "raise fs.file-max on this node",
                Errno::EAGAIN => "raise the limit of processes (TasksMax, kernel.pid_max)",
                Errno::ENOMEM => "free memory on this node",
                _ => "see the limits of this node",
            };
            format!("Could not start {name}: {}; {remedy}", describe(*errno))
        }
        StartFailure::Setup(errno) => format!("Could not set up a process for {name}: {}", describe(*errno)),
        StartFailure::Identity(user, errno) => {
            format!("Could not run {name} as user {user}: {}; the daemon must run as root", describe(*errno))
        }
        StartFailure::UnknownUser(user) => {
            format!("Could not run {name}: create its user {user} on this node")
        }
        StartFailure::Unwatched(errno) => {
            format!("Had to end {name}: its end could not be waited for: {}", describe(*errno))
        }
    };
    RunResult::new(Outcome::new(OcfExit::ERROR, ExecStatus::Error).because(reason), None)
}

#[cfg(test)]
mod tests {
    use super::super::testing::FakeFiles;
    use super::*;

    fn plan(convention: Convention) -> Plan {
        Plan::of("/a/x".into(), Some("monitor"), convention)
    }

    /// Errno, then what it comes to: OCF exit, raw code of an OCF agent and of an LSB status.
    #[test]
    fn exec_errors_by_convention() {
        let files = FakeFiles::default();
        for (errno, exit, ocf, status) in [
            (Errno::ENOENT, 5, 5, 150),
            (Errno::ENOEXEC, 5, 5, 150),
            (Errno::EACCES, 4, 4, 151),
            (Errno::EPERM, 4, 4, 151),
            (Errno::E2BIG, 1, 1, 4),
        ] {
            for (convention, raw) in
                [(Convention::Ocf, ocf), (Convention::LsbStatus, status), (Convention::Lsb, ocf)]
            {
                let verdict = exec_failed(&plan(convention), errno as i32, &files);
                assert_eq!(verdict.outcome.exit.0, exit, "{errno} {convention:?}");
                assert_eq!(verdict.outcome.status, ExecStatus::Done);
                assert_eq!(verdict.raw_exit, Some(raw), "{errno} {convention:?}");
            }
        }
    }

    #[test]
    fn stat_errors() {
        for (errno, exit, status) in [
            (Errno::ENOENT, 5, ExecStatus::NotInstalled),
            (Errno::ENOTDIR, 5, ExecStatus::NotInstalled),
            (Errno::EACCES, 4, ExecStatus::Error),
            (Errno::EIO, 1, ExecStatus::Error),
        ] {
            let outcome = stat_failed(Path::new("/a/x"), errno as i32).outcome;
            assert_eq!((outcome.exit.0, outcome.status), (exit, status), "{errno}");
        }
    }

    #[test]
    fn reasons_name_cause_and_remedy() {
        let script = |content| FakeFiles::default().with("/a/x", content, true);
        let plain = FakeFiles::default().with("/a/x", "", false);
        for (errno, files, words) in [
            (Errno::EACCES, &plain, "chmod a+x /a/x"),
            (Errno::ENOENT, &script("#! /opt/perl -w\n"), "interpreter /opt/perl: No such file"),
            (Errno::ENOENT, &script("#!/bin/sh\r\nexit"), "carriage return"),
            (Errno::ENOENT, &script("\x7fELF"), "library loader"),
            (Errno::ENOENT, &FakeFiles::default(), "install the agent"),
            (Errno::EACCES, &script("#!/bin/sh\n").with("/bin/sh", "", true), "noexec mount"),
            (
                Errno::EACCES,
                &script("#!/bin/sh\n").with("/bin/sh", "", false),
                "interpreter /bin/sh: Permission",
            ),
        ] {
            let reason = exec_failed(&plan(Convention::Ocf), errno as i32, files).outcome.reason.unwrap();
            assert!(reason.contains(words), "{reason}");
        }
        let failure = StartFailure::Resources(Errno::EMFILE as i32);
        let verdict = start_failed(&plan(Convention::Ocf), &failure);
        assert_eq!((verdict.outcome.exit, verdict.outcome.status), (OcfExit::ERROR, ExecStatus::Error));
        assert!(verdict.outcome.reason.unwrap().contains("LimitNOFILE"));
    }
}
