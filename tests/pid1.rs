// SPDX-License-Identifier: LGPL-2.1-or-later
//! PID 1 mode with real processes. The program starts itself: without a role it tests, with one it is a
//! daemon that enters PID 1 mode and then does what its role says. It has no test harness, because a process
//! with threads cannot enter that mode.
use nix::sys::signal::{SigSet, Signal, kill};
use nix::unistd::{Pid, getpid, getsid};
use pcmk_remote_rs::driver::environment::Environment;
use pcmk_remote_rs::driver::pid1::{self, Mode};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const ROLE: &str = "PID1_TEST_ROLE";
const FILE: &str = "PID1_TEST_FILE";
const LIMIT: Duration = Duration::from_secs(20);

fn main() {
    let environment = Environment::of_process();
    if let Some(role) = environment.get(ROLE).and_then(|role| role.to_str()).map(str::to_owned) {
        std::process::exit(play(&role, environment));
    }
    let tests: [(&str, fn()); 6] = [
        ("exit code of the daemon", exit_code_of_the_daemon),
        ("a daemon that is killed", killed_daemon),
        ("SIGTERM is passed on", terminate_is_passed_on),
        ("SIGINT ends at once", interrupt_ends_at_once),
        ("settings file, session and names", settings_session_and_names),
        ("orphans are reaped by a first process", orphans_are_reaped),
    ];
    for (name, test) in tests {
        test();
        println!("test pid1: {name} ... ok");
    }
    // As the usual harness says it; a failure is a panic and never gets here.
    println!("\ntest result: ok. {} passed; 0 failed; 0 ignored", tests.len());
}

/// The daemon's side. Its result is the exit code.
fn play(role: &str, mut environment: Environment) -> i32 {
    let file = environment.get(FILE).unwrap_or_default().to_owned();
    let first = getpid().as_raw() == 1;
    let (mode, _) = pid1::enter_with(&mut environment, first, Path::new(&file)).expect("fork");
    assert_eq!(mode, Mode::Full);
    match role {
        "exit" => 7,
        "die" => {
            kill(getpid(), Signal::SIGKILL).expect("kill");
            unreachable!("killed")
        }
        "wait" => {
            let terminate = SigSet::from(Signal::SIGTERM);
            terminate.thread_block().expect("block");
            println!("ready {}", getpid());
            terminate.wait().map_or(1, |_| 3)
        }
        "tell" => {
            let mask = SigSet::thread_get_mask().expect("mask");
            let leads = getsid(None) == Ok(getpid());
            let show =
                |variable| environment.get(variable).and_then(|v| v.to_str()).unwrap_or("-").to_owned();
            println!(
                "{leads} {} {} {} {}",
                mask.contains(Signal::SIGTERM),
                show("PCMK_logfile"),
                show("HA_logfile"),
                show("FROM_FILE")
            );
            0
        }
        "orphan" => leave_an_orphan(),
        other => panic!("unknown role {other}"),
    }
}

/// Starts a shell that starts a process and ends. Whoever is first must reap that process.
#[allow(clippy::disallowed_methods, reason = "the daemon's spawner is not what is tested here")]
fn leave_an_orphan() -> i32 {
    // The orphan must not hold our end of the pipes open, or reading them would wait for it.
    let script = "exec 2>/dev/null; sleep 600 >/dev/null & echo $!";
    let shell = Command::new("/bin/sh").args(["-c", script]).output();
    let told = String::from_utf8(shell.expect("shell").stdout).expect("text");
    let orphan = Pid::from_raw(told.trim().parse().expect("a process id"));
    kill(orphan, Signal::SIGKILL).expect("it runs");
    // A zombie still takes signals, a reaped process does not.
    i32::from(!eventually(|| kill(orphan, None).is_err()))
}

fn exit_code_of_the_daemon() {
    assert_eq!(end_of(start("exit", &[])), Some(7));
}

fn killed_daemon() {
    assert_eq!(end_of(start("die", &[])), Some(1));
}

fn terminate_is_passed_on() {
    let (init, daemon) = start_and_wait();
    kill(init_pid(&init), Signal::SIGUSR1).expect("ignored");
    kill(init_pid(&init), Signal::SIGTERM).expect("passed on");
    assert_eq!(end_of(init), Some(3));
    assert!(kill(daemon, None).is_err(), "the daemon is gone and reaped");
}

fn interrupt_ends_at_once() {
    let (init, daemon) = start_and_wait();
    kill(init_pid(&init), Signal::SIGINT).expect("sent");
    assert_eq!(end_of(init), Some(0));
    kill(daemon, Signal::SIGTERM).expect("the daemon outlives a parent that is not really first");
}

fn settings_session_and_names() {
    let directory = tempfile::tempdir().expect("directory");
    let file = directory.path().join("pcmk-init.env");
    std::fs::write(&file, "FROM_FILE='yes # really' # comment\nPCMK_remote_pid1=off\n").expect("written");
    let mut init = start("tell", &[(FILE, file.to_str().expect("text"))]);
    let mut line = String::new();
    BufReader::new(init.stdout.take().expect("piped")).read_line(&mut line).expect("read");
    assert_eq!(line.trim(), "true false /var/log/pcmk-init.log /var/log/pcmk-init.log yes # really");
    assert_eq!(end_of(init), Some(0));

    let (init, daemon) = start_and_wait();
    let named =
        |pid: Pid, file: &str| std::fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap_or_default();
    let pid = init_pid(&init);
    assert!(eventually(|| named(pid, "cmdline").trim_end_matches('\0') == "pcmk-init"));
    assert_eq!(named(pid, "comm"), "pcmk-init\n");
    assert_ne!(named(daemon, "comm"), "pcmk-init\n");
    kill(pid, Signal::SIGTERM).expect("passed on");
    assert_eq!(end_of(init), Some(3));
}

/// In a process namespace of its own, where our init really is the first process.
#[allow(clippy::disallowed_methods, reason = "tests start programs")]
fn orphans_are_reaped() {
    let mut command = Command::new("unshare");
    if !nix::unistd::geteuid().is_root() {
        command.args(["--user", "--map-root-user"]);
    }
    command.args(["--pid", "--fork", "--kill-child"]).arg(std::env::current_exe().expect("our path"));
    let child = command.env(ROLE, "orphan").env_remove("PCMK_remote_pid1").spawn().expect("unshare starts");
    assert_eq!(end_of(child), Some(0));
}

#[allow(clippy::disallowed_methods, reason = "tests start programs")]
fn start(role: &str, variables: &[(&str, &str)]) -> Child {
    Command::new(std::env::current_exe().expect("our path"))
        .env_clear()
        .env(ROLE, role)
        .env("PCMK_remote_pid1", "full")
        .envs(variables.iter().copied())
        .stdout(Stdio::piped())
        .spawn()
        .expect("we start")
}

/// The init process, and the id of the daemon that waits for SIGTERM under it.
fn start_and_wait() -> (Child, Pid) {
    let mut init = start("wait", &[]);
    let mut line = String::new();
    BufReader::new(init.stdout.take().expect("piped")).read_line(&mut line).expect("read");
    let daemon = line.trim().strip_prefix("ready ").expect("it says so").parse().expect("a process id");
    (init, Pid::from_raw(daemon))
}

fn init_pid(init: &Child) -> Pid {
    Pid::from_raw(init.id().try_into().expect("small"))
}

/// The exit code; a test whose init does not end fails.
fn end_of(mut child: Child) -> Option<i32> {
    let mut status = None;
    let ended = eventually(|| {
        status = child.try_wait().expect("our child");
        status.is_some()
    });
    if !ended {
        let _ = child.kill();
        panic!("init did not end");
    }
    status.and_then(|status| status.code())
}

#[allow(clippy::disallowed_methods, reason = "a limit for a test that would hang")]
fn eventually(mut condition: impl FnMut() -> bool) -> bool {
    let start = Instant::now();
    while start.elapsed() < LIMIT {
        if condition() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    false
}
