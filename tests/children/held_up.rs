// SPDX-License-Identifier: LGPL-2.1-or-later
//! Starts that wait, and starts that take without end.
#![allow(clippy::disallowed_methods, reason = "a test starts the holder of a lease")]

use crate::node::*;
use nix::unistd::Pid;
use pcmk_remote_rs::core::{PeerId, RunId};
use pcmk_remote_rs::driver::tokio::children::{Asked, RunHandle, start};
use pcmk_remote_rs::driver::tokio::{Progress, Starter, Units};
use pcmk_remote_rs::model::{ExecStatus, KillScope};
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Holds a lease on a file: who opens it, to execute it for instance, waits until it is given back.
struct Lease(Child);

impl Lease {
    fn take(file: &Path) -> Self {
        const HOLD: &str = "import fcntl, signal, sys\n\
            signal.signal(signal.SIGIO, signal.SIG_IGN)\n\
            file = open(sys.argv[1])\n\
            fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_WRLCK)\n\
            print('held', flush=True)\n\
            sys.stdin.read()\n";
        let mut holder = Command::new("python3");
        let holder = holder.args(["-c", HOLD]).arg(file).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut holder = holder.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(holder.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "held\n");
        Self(holder)
    }

    fn give_back(mut self) {
        drop(self.0.stdin.take());
        assert!(self.0.wait().unwrap().success());
    }
}

fn begin(run: u64, agent: &str, starter: &Starter) -> RunHandle {
    start(asked(run), &execution(agent, "start"), starter, &Units::default())
}

#[test]
fn a_run_that_is_killed_before_its_start_is_never_started() {
    let node = Node::new();
    let trace = node.path("trace");
    node.agent("trace", &format!("echo started >>{}", trace.display()));
    let lease = Lease::take(&node.agent("held", "exit 0"));
    on_runtime(async {
        let (starter, mut progress) = node.starter();
        // The thread is at this one when the others are killed.
        let _held = begin(1, "held", &starter);
        let waiting: Vec<_> = (2..50).map(|run| begin(run, "trace", &starter)).collect();
        waiting.iter().for_each(|handle| handle.kill(KillScope::Group, &starter));
        for run in 2..50 {
            let (ended, result) = next_end(&mut progress).await;
            assert_eq!(
                (ended, result.signal, result.outcome.status),
                (RunId(run), Some(9), ExecStatus::Error)
            );
        }
        lease.give_back();
        assert_eq!(next_end(&mut progress).await.0, RunId(1));
    });
    assert!(!trace.exists());
    assert_no_children();
}

#[test]
fn a_start_that_is_held_up_holds_no_other_up() {
    let node = Node::new();
    let lease = Lease::take(&node.agent("held", "exit 3"));
    node.agent("quick", "exit 0");
    on_runtime(async {
        let (starter, mut progress) = node.starter();
        let _held: Vec<_> = (1..5).map(|run| begin(run, "held", &starter)).collect();
        let _quick: Vec<_> = (10..15).map(|run| begin(run, "quick", &starter)).collect();
        for _ in 10..15 {
            let (run, result) = next_end(&mut progress).await;
            assert_eq!((run.0 >= 10, ended(&result)), (true, (0, ExecStatus::Done, Some(0))));
        }
        lease.give_back();
        for _ in 1..5 {
            let (run, result) = next_end(&mut progress).await;
            assert_eq!((run.0 < 5, ended(&result).2), (true, Some(3)));
        }
    });
    assert_no_children();
}

#[test]
fn a_start_that_is_held_up_has_begun_and_is_ended_by_a_kill() {
    let node = Node::new();
    let lease = Lease::take(&node.agent("held", "exit 3"));
    on_runtime(async {
        let (starter, mut progress) = node.starter();
        let held = begin(1, "held", &starter);
        assert!(matches!(progress.recv().await, Some((RunId(1), Progress::Waits))));
        assert!(matches!(progress.recv().await, Some((RunId(1), Progress::Started(_)))), "its limit counts");
        held.kill(KillScope::Group, &starter);
        let (_, result) = next_end(&mut progress).await;
        assert_eq!((result.signal, held.pid()), (Some(9), None));
    });
    lease.give_back();
    assert_no_children();
}

#[test]
fn what_waits_when_the_loop_ends_is_not_started() {
    let node = Node::new();
    let trace = node.path("trace");
    node.agent("trace", &format!("echo started >>{}", trace.display()));
    let held = node.agent("held", &format!("echo $$ >{}", node.path("held-pid").display()));
    let lease = Lease::take(&held);
    on_runtime(async {
        let (starter, mut progress) = node.starter();
        begin(1, "held", &starter);
        while !matches!(progress.recv().await, Some((RunId(1), Progress::Started(_)))) {}
        (2..50).for_each(|run| drop(begin(run, "trace", &starter)));
        starter.close();
    });
    // What has begun is not given up.
    lease.give_back();
    let pid = on_runtime(line_in(&node.path("held-pid")));
    nix::sys::wait::waitpid(Pid::from_raw(pid.parse().unwrap()), None).unwrap();
    assert!(!trace.exists());
    assert_no_children();
}

#[test]
fn a_client_with_one_run_does_not_wait_for_another_with_many() {
    let node = Node::new();
    let lease = Lease::take(&node.agent("held", "exit 0"));
    let trace = node.path("trace");
    node.agent("many", &format!("echo many >>{}", trace.display()));
    node.agent("one", &format!("cat {} 2>/dev/null; exit 0", trace.display()));
    on_runtime(async {
        let (starter, mut progress) = node.starter();
        let _held = begin(1, "held", &starter);
        let of = |owner, run| Asked { run: RunId(run), owner: Some(PeerId(owner)) };
        let units = Units::default();
        for run in 2..200 {
            start(of(1, run), &execution("many", "start"), &starter, &units);
        }
        start(of(2, 1000), &execution("one", "start"), &starter, &units);
        lease.give_back();
        for _ in 0..200 {
            let (run, result) = next_end(&mut progress).await;
            if run == RunId(1000) {
                assert!(output(&result).lines().count() < 100, "it was started behind all others");
            }
        }
    });
    assert_eq!(fs::read_to_string(&trace).unwrap().lines().count(), 198);
    assert_no_children();
}
