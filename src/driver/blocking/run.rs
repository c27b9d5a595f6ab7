// SPDX-License-Identifier: LGPL-2.1-or-later
//! Runs one process to its end, within a limit.
use crate::agents::{AgentConfig, Convention, Ended, Plan, Verdict};
use crate::driver::link::timeout;
use crate::driver::running::{Run, Running};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, poll};
use std::ffi::OsStr;
use std::time::{Duration, Instant};

/// Starts what is planned with `input` to read, and waits for its end: not for that of others who have
/// inherited its pipes.
///
/// # Errors
/// What to report when it could not be started.
fn run(plan: &Plan, config: &AgentConfig, input: &[u8], deadline: Instant) -> Result<Run, Box<Verdict>> {
    Running::start(plan, config, input, deadline).map(wait)
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

/// To the end of its run.
pub(super) fn wait(mut running: Running) -> Run {
    loop {
        let watched = running.descriptors().into_iter().flatten();
        let mut descriptors: Vec<_> = watched.map(|fd| PollFd::new(fd, PollFlags::POLLIN)).collect();
        let left = running.deadline().saturating_duration_since(Instant::now());
        let waited = poll(&mut descriptors, timeout(left));
        // Without poll its end would never be noticed: its time is up.
        let broken = waited.is_err_and(|errno| errno != Errno::EINTR);
        let now = if broken { running.deadline() } else { Instant::now() };
        if let Some(run) = running.advance(now) {
            return run;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::process;

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
