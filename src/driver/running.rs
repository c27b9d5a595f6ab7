// SPDX-License-Identifier: LGPL-2.1-or-later
//! A process from its start to its end, within a limit. Nothing here blocks: the caller watches the descriptors and the
//! deadline in its loop, and calls [`Running::advance`].
use super::exit::try_end;
use super::launch::launch;
use crate::agents::{AgentConfig, Capture, Ended, Plan, StartFailure, Stream, start_failed};
use crate::model::RunResult;
use crate::sys::attempt::Attempt;
use crate::sys::process;
use crate::sys::spawn::{Child, Dispositions, Stdin};
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::stat::Mode;
use std::fs::File;
use std::io::{self, Seek, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

/// How long a killed process may take to be gone; one that hangs in the kernel is given up.
const PATIENCE: Duration = Duration::from_secs(5);

/// How a run ended; None: its time was up and it was killed.
pub(super) type Run = (Option<Ended>, Capture);

/// A running process. Dropping it kills it with all that it has started.
pub(super) struct Running {
    pid: i32,
    pidfd: OwnedFd,
    stdout: Pipe,
    stderr: Pipe,
    deadline: Instant,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Runs,
    Killed,
    /// Reaped or given up: its number may be another's.
    Over,
}

impl Running {
    /// Starts what is planned with `input` to read.
    ///
    /// # Errors
    /// What to report when it could not be started.
    pub(super) fn start(
        plan: &Plan,
        config: &AgentConfig,
        input: &[u8],
        deadline: Instant,
    ) -> Result<Self, Box<RunResult>> {
        // A file, not a pipe: one that is not read cannot block us.
        let stdin = file_of(input).map_err(|error| {
            let errno = error.raw_os_error().unwrap_or_default();
            Box::new(start_failed(plan, &StartFailure::Resources(errno)))
        })?;
        let Child { pid, pidfd, stdout, stderr, .. } = {
            // Whose program this is may change its dispositions at any time.
            launch(plan, config, Stdin::From(stdin.as_fd()), Dispositions::ANY, &Attempt::default())?
        };
        let (stdout, stderr) = (Pipe::new(stdout), Pipe::new(stderr));
        Ok(Self { pid, pidfd, stdout, stderr, deadline, state: State::Runs })
    }

    /// The process's number, for messages.
    pub(super) const fn pid(&self) -> i32 {
        self.pid
    }

    /// Readable when there is something to do, besides at the deadline: the process, and its outputs until they have
    /// ended.
    pub(super) fn descriptors(&self) -> [Option<BorrowedFd<'_>>; 3] {
        [Some(self.pidfd.as_fd()), self.stdout.descriptor(), self.stderr.descriptor()]
    }

    /// When to call [`Running::advance`] even if nothing is readable.
    pub(super) const fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Does what is due, kills it if its time is up, and says how it ended, once. Others who have inherited its
    /// pipes are not waited for.
    pub(super) fn advance(&mut self, now: Instant) -> Option<Run> {
        if self.state == State::Over {
            return None;
        }
        let ended = try_end(self.pidfd.as_fd());
        // After the end was seen, so that nothing which was printed before it is missed.
        self.stdout.read();
        self.stderr.read();
        let late = now >= self.deadline;
        match (self.state, ended) {
            (State::Runs, Some(ended)) => Some(self.finish(Some(ended))),
            (State::Killed, Some(_)) => Some(self.finish(None)),
            (State::Runs, None) if late => {
                if process::kill_group_of(self.pidfd.as_fd(), self.pid).is_err() {
                    return Some(self.finish(None));
                }
                self.state = State::Killed;
                self.deadline = now + PATIENCE;
                None
            }
            (State::Killed, None) if late => Some(self.finish(None)),
            _ => None,
        }
    }

    fn finish(&mut self, ended: Option<Ended>) -> Run {
        self.state = State::Over;
        (ended, Capture { stdout: self.stdout.take(), stderr: self.stderr.take() })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.state == State::Runs {
            let _ = process::kill_group_of(self.pidfd.as_fd(), self.pid);
            let _ = process::wait_for(self.pidfd.as_fd());
        }
    }
}

fn file_of(input: &[u8]) -> io::Result<OwnedFd> {
    if input.is_empty() {
        return Ok(nix::fcntl::open("/dev/null", OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty())?);
    }
    let mut file = File::from(memfd_create(c"input", MFdFlags::MFD_CLOEXEC)?);
    file.write_all(input)?;
    file.rewind()?;
    Ok(file.into())
}

/// One output of a process.
pub(super) struct Pipe {
    end: OwnedFd,
    /// Until its end was read. It is closed no sooner than the rest, as somebody may watch it.
    open: bool,
    stream: Stream,
}

impl Pipe {
    /// `end` must not block.
    pub(super) fn new(end: OwnedFd) -> Self {
        Self { end, open: true, stream: Stream::default() }
    }

    /// What to watch, until its end was read.
    pub(super) fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.open.then(|| self.end.as_fd())
    }

    /// What was read, which is then forgotten.
    pub(super) fn take(&mut self) -> Stream {
        std::mem::take(&mut self.stream)
    }

    /// What is there, though not everything from a process that never stops.
    pub(super) fn read(&mut self) {
        const MOST_READS: usize = 64;
        let mut buffer = [0; 16 * 1024];
        for _ in 0..MOST_READS {
            if !self.open {
                return;
            }
            match nix::unistd::read(&self.end, &mut buffer) {
                Ok(0) => self.open = false,
                Ok(count) => self.stream.add(buffer.get(..count).unwrap_or_default()),
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => return,
                Err(_) => self.open = false,
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "a driver: it reads the clock")]
mod tests {
    use super::*;
    use crate::agents::Convention;

    /// A shell that runs `script` and has a minute for it.
    fn start(script: &str) -> Running {
        let plan = Plan {
            program: "/bin/sh".into(),
            arguments: ["sh", "-c", script].map(Into::into).into(),
            environment: Vec::new(),
            as_user: None,
            convention: Convention::Ocf,
        };
        let config = AgentConfig::new([].into());
        let deadline = Instant::now() + Duration::from_secs(60);
        Running::start(&plan, &config, b"", deadline).unwrap_or_else(|_| panic!("it starts"))
    }

    /// A program in whose process we are may wait for any child, and be the first.
    #[test]
    fn a_process_whose_exit_status_another_took_has_ended_all_the_same() {
        let mut running = start("echo done");
        process::wait(running.pid()).unwrap();
        let (ended, capture) = running.advance(Instant::now()).unwrap();
        assert_eq!((ended, &capture.stdout.kept[..]), (Some(Ended::Lost), &b"done\n"[..]));
        assert!(running.advance(Instant::now()).is_none());
        // Its number may be another's by now.
        let killed = process::kill_group_of(running.pidfd.as_fd(), running.pid());
        assert_eq!(killed.unwrap_err().raw_os_error(), Some(Errno::ESRCH as i32));
    }

    #[test]
    fn who_is_dropped_takes_along_what_it_has_started() {
        let deadline = Instant::now() + Duration::from_secs(60);
        let mut running = start("sleep 1000 & echo $!; wait");
        while running.stdout.stream.kept.is_empty() {
            assert!(running.advance(Instant::now()).is_none());
        }
        let inner = String::from_utf8(running.stdout.stream.kept.clone()).unwrap();
        let inner = nix::unistd::Pid::from_raw(inner.trim().parse().unwrap());
        drop(running);
        // Gone, or waiting for somebody to take its status.
        let state = || std::fs::read_to_string(format!("/proc/{inner}/stat")).unwrap_or_default();
        while !state().is_empty() && !state().contains(") Z ") {
            assert!(Instant::now() < deadline, "{}", state());
            std::thread::yield_now();
        }
    }
}
