// SPDX-License-Identifier: LGPL-2.1-or-later
//! Runs one process to its end, within a limit.
use crate::driver::link::timeout;
use crate::agents::{
    AgentConfig, Capture, Convention, Ended, Plan, StartFailure, Stream, Verdict, start_failed,
};
use crate::driver::launch::launch;
use crate::sys::process::{self, ExitStatus};
use crate::sys::spawn::{Child, Stdin};
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, poll};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::stat::Mode;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Seek, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

/// How a run ended; None: its time was up and it was killed.
pub(super) type Run = (Option<Ended>, Capture);

/// Starts what is planned with `input` to read, and waits for its end: not for that of others who have
/// inherited its pipes.
///
/// # Errors
/// What to report when it could not be started.
pub(super) fn run(
    plan: &Plan,
    config: &AgentConfig,
    input: &[u8],
    deadline: Instant,
) -> Result<Run, Box<Verdict>> {
    // A file, not a pipe: nobody is hurt who does not read it.
    let stdin = file_of(input).map_err(|error| {
        let errno = error.raw_os_error().unwrap_or_default();
        Box::new(start_failed(plan, &StartFailure::Resources(errno)))
    })?;
    let child = launch(plan, config, Stdin::From(stdin.as_fd()))?;
    Ok(wait(child, deadline))
}

/// What a program of this node prints; `search` is a list of directories like `PATH`.
///
/// # Errors
/// Why it could not tell, in words.
pub fn output_of(
    program: &str,
    arguments: &[&str],
    search: &OsStr,
    limit: Duration,
) -> Result<String, String> {
    let found =
        std::env::split_paths(search).map(|directory| directory.join(program)).find(|file| file.is_file());
    let plan = Plan {
        program: found.ok_or_else(|| format!("{program} is not installed"))?,
        arguments: [program].iter().chain(arguments).map(Into::into).collect(),
        environment: Vec::new(),
        as_user: None,
        convention: Convention::Ocf,
    };
    let config = AgentConfig::new(std::env::vars_os().collect());
    let (ended, capture) = run(&plan, &config, b"", Instant::now() + limit)
        .map_err(|verdict| verdict.outcome.reason.unwrap_or_default())?;
    match ended {
        Some(Ended::Exited(0)) => Ok(String::from_utf8_lossy(&capture.stdout.kept).into_owned()),
        Some(_) => Err(format!("{program}: {}", String::from_utf8_lossy(&capture.stderr.kept).trim())),
        None => Err(format!("{program} did not answer in time")),
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

fn wait(child: Child, deadline: Instant) -> Run {
    let (mut stdout, mut stderr) = (Pipe::new(child.stdout), Pipe::new(child.stderr));
    let ended = loop {
        let mut descriptors = vec![PollFd::new(child.pidfd.as_fd(), PollFlags::POLLIN)];
        for pipe in [&stdout.end, &stderr.end].into_iter().flatten() {
            descriptors.push(PollFd::new(pipe.as_fd(), PollFlags::POLLIN));
        }
        let waited = poll(&mut descriptors, timeout(deadline.saturating_duration_since(Instant::now())));
        let ended = match process::try_wait(child.pidfd.as_fd()) {
            Ok(Some(ExitStatus::Exited(code))) => Some(Ended::Exited(code)),
            Ok(Some(ExitStatus::Signalled { signal, core_dumped })) => {
                Some(Ended::Signalled { signal, core_dumped })
            }
            Ok(None) => None,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => None,
            Err(_) => Some(Ended::Lost),
        };
        // After the end was seen, so that nothing which was printed before it is missed.
        stdout.read();
        stderr.read();
        let broken = waited.is_err_and(|errno| errno != Errno::EINTR);
        match ended {
            Some(_) => break ended,
            None if broken || Instant::now() >= deadline => {
                kill(child.pid, child.pidfd.as_fd());
                break None;
            }
            None => {}
        }
    };
    (ended, Capture { stdout: stdout.stream, stderr: stderr.stream })
}

/// With all that it has started, and reaps it; unless it cannot be killed, or hangs in the kernel.
fn kill(child: i32, pidfd: BorrowedFd<'_>) {
    const PATIENCE_MS: u16 = 5000;
    if process::kill_group(child).is_ok() {
        let _ = poll(&mut [PollFd::new(pidfd, PollFlags::POLLIN)], PATIENCE_MS);
        let _ = process::try_wait(pidfd);
    }
}

/// One output of the child.
struct Pipe {
    end: Option<OwnedFd>,
    stream: Stream,
}

impl Pipe {
    fn new(end: OwnedFd) -> Self {
        Self { end: Some(end), stream: Stream::default() }
    }

    /// What is there, though not everything from a child that never stops.
    fn read(&mut self) {
        const MOST_READS: usize = 64;
        let mut buffer = [0; 16 * 1024];
        for _ in 0..MOST_READS {
            let Some(end) = &self.end else { return };
            match nix::unistd::read(end, &mut buffer) {
                Ok(0) => self.end = None,
                Ok(count) => self.stream.add(buffer.get(..count).unwrap_or_default()),
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => return,
                Err(_) => self.end = None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, input: &[u8], limit: Duration) -> Run {
        let plan = Plan {
            program: "/bin/sh".into(),
            arguments: ["sh", "-c", script].map(Into::into).into(),
            environment: Vec::new(),
            as_user: None,
            convention: Convention::Ocf,
        };
        let config = AgentConfig::new([("PATH".into(), "/usr/bin:/bin".into())].into());
        run(&plan, &config, input, Instant::now() + limit).unwrap_or_else(|_| panic!("/bin/sh starts"))
    }

    #[test]
    fn input_and_both_outputs_are_kept_apart() {
        let (ended, capture) = shell("cat; echo bad >&2; exit 3", b"hello", Duration::from_secs(60));
        assert_eq!(ended, Some(Ended::Exited(3)));
        assert_eq!((&capture.stdout.kept[..], &capture.stderr.kept[..]), (&b"hello"[..], &b"bad\n"[..]));
    }

    #[test]
    fn much_output_and_no_input() {
        let script = "cat; head -c 1000000 /dev/zero";
        let (ended, capture) = shell(script, b"", Duration::from_secs(60));
        assert_eq!((ended, capture.stdout.kept.len()), (Some(Ended::Exited(0)), 1_000_000));
    }

    #[test]
    fn who_inherits_the_pipes_is_not_waited_for() {
        let (ended, capture) = shell("sleep 1000 & echo $!", b"", Duration::from_secs(60));
        assert_eq!(ended, Some(Ended::Exited(0)));
        let pid: i32 = String::from_utf8(capture.stdout.kept).unwrap().trim().parse().unwrap();
        process::kill_process(pid).unwrap();
    }

    #[test]
    fn a_run_that_is_late_is_killed_with_its_children() {
        let script = "sleep 1000 & echo $!; wait";
        let (ended, capture) = shell(script, b"", Duration::from_millis(300));
        assert_eq!(ended, None);
        let pid: i32 = String::from_utf8(capture.stdout.kept).unwrap().trim().parse().unwrap();
        let deadline = Instant::now() + Duration::from_secs(60);
        let state = || std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        while !state().is_empty() && !state().contains(") Z ") {
            assert!(Instant::now() < deadline, "{}", state());
            std::thread::yield_now();
        }
    }
}
