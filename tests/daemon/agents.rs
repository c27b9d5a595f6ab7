// SPDX-License-Identifier: LGPL-2.1-or-later
//! Agents outlive the daemon, end in crowds, and see what they should.
use crate::bystander::Bystander;
use crate::node::{
    Daemon, Start, await_line, children, completion, connect, is_alive, log_text, make_agent, make_key,
    register, serving, start_operation,
};
use crate::place::{eventually, isolated};
use nix::sys::signal::{Signal, kill};
use nix::sys::stat::Mode;
use nix::unistd::Pid;
use pcmk_remote_rs::driver::blocking::Client;
use pcmk_remote_rs::model::{
    Agent, Execute, Interval, Millis, Notify, OcfExit, Outcome, Params, Request, ResourceId,
};
use std::fs::{self, OpenOptions};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The agent that runs while its daemon ends by `signal` goes on, and the next daemon starts beside it.
fn an_agent_survives(signal: Signal) {
    make_agent("Long", "echo $$ >/run/pid; exec sleep 600");
    let mut daemon = serving();
    let mut client = connect("c").unwrap();
    register(&mut client, "r", "Long");
    start_operation(&mut client, "r", "start", 0);
    let agent: i32 = await_line("/run/pid").parse().unwrap();
    daemon.signal(signal);
    daemon.wait();
    assert!(is_alive(agent));
    let next = Start::new().ready();
    connect("c").unwrap();
    assert!(is_alive(agent));
    assert_eq!(next.stop(), Some(0));
    assert!(is_alive(agent));
    kill(Pid::from_raw(agent), Signal::SIGKILL).unwrap();
}

#[test]
fn an_agent_survives_a_crash_of_the_daemon() {
    isolated(|| an_agent_survives(Signal::SIGKILL));
}

#[test]
fn an_agent_survives_a_stop_of_the_daemon() {
    isolated(|| an_agent_survives(Signal::SIGTERM));
}

#[test]
fn two_hundred_agents_that_end_at_once_are_all_reaped() {
    isolated(|| {
        // Reading from it ends for all at once when the last writer closes.
        nix::unistd::mkfifo("/run/gate", Mode::from_bits_truncate(0o600)).unwrap();
        let gate = OpenOptions::new().read(true).write(true).open("/run/gate").unwrap();
        make_agent("Gate", "read line </run/gate; exit 7");
        make_agent("First", "exit 0");
        let daemon = serving();
        let mut client = connect("c").unwrap();
        // What the first run opens for good (the kernel's count of kills for lack of memory) is not lost.
        register(&mut client, "first", "First");
        start_operation(&mut client, "first", "monitor", 0);
        completion(&mut client);
        let descriptors = daemon.descriptors();
        for number in 0..200 {
            let id = format!("r{number}");
            register(&mut client, &id, "Gate");
            start_operation(&mut client, &id, "monitor", 0);
        }
        eventually("all agents wait", || waiting(&daemon) == 200);
        drop(gate);
        for _ in 0..200 {
            assert_eq!(completion(&mut client).outcome.exit.0, 7);
        }
        assert!(children(daemon.pid().as_raw()).is_empty());
        eventually("descriptors are given back", || daemon.descriptors() <= descriptors);
        assert_eq!(daemon.stop(), Some(0));
    });
}

/// How many children have the FIFO open.
fn waiting(daemon: &Daemon) -> usize {
    let has_gate = |pid: &i32| {
        let Ok(open) = fs::read_dir(format!("/proc/{pid}/fd")) else { return false };
        open.flatten().any(|fd| fs::read_link(fd.path()).is_ok_and(|file| file.ends_with("gate")))
    };
    children(daemon.pid().as_raw()).iter().filter(|pid| has_gate(pid)).count()
}

#[test]
fn an_agent_s_surroundings() {
    isolated(|| {
        make_key(64);
        make_agent("Look", "env; echo limit $(ulimit -Sn); pwd; umask; ls /proc/self/fd | wc -l");
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", "ulimit -Sn 777; exec \"$0\"", env!("CARGO_BIN_EXE_pacemaker-remoted")]);
        let daemon = Start::through(shell)
            .env("NOTIFY_SOCKET", "/run/nobody")
            .env("WATCHDOG_USEC", "1000000")
            .env("WATCHDOG_DEVICE", "/dev/w")
            .env("LISTEN_PORT", "8080")
            .env("OCF_RESKEY_stray", "yes")
            .ready();
        let limits = fs::read_to_string(format!("/proc/{}/limits", daemon.pid())).unwrap();
        let files = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
        assert!(!files.contains(" 777 "), "the daemon has more: {files}");
        let mut client = connect("c").unwrap();
        register(&mut client, "r", "Look");
        start_operation(&mut client, "r", "monitor", 0);
        let output = completion(&mut client).outcome.output.clone().unwrap();
        let lines: Vec<&str> = output.lines().collect();
        for expected in [
            "limit 777",
            "/var/lib/pacemaker/cores",
            "0026",
            "OCF_RESOURCE_INSTANCE=r",
            "OCF_RESKEY_stray=yes",
            "WATCHDOG_DEVICE=/dev/w",
            "LISTEN_PORT=8080",
        ] {
            assert!(lines.contains(&expected), "no {expected}: {output}");
        }
        assert!(!output.contains("NOTIFY_SOCKET") && !output.contains("WATCHDOG_USEC"), "{output}");
        // Standard streams and ls's own directory, no more.
        assert_eq!(lines.last().map(|count| count.trim()), Some("4"), "{output}");
        assert_eq!(daemon.stop(), Some(0));
    });
}

/// Nothing that an agent does to its pipes costs anybody else anything. (The bystander has no name, so that the
/// result is not sent to it: reading it would take this test, which is not optimised, some seconds.)
#[test]
fn an_agent_that_prints_without_end() {
    isolated(|| {
        make_agent("Loud", "yes | head -c 60000000; exit 0");
        let daemon = serving();
        let bystander = Bystander::nameless();
        let mut client = connect("c").unwrap();
        register(&mut client, "r", "Loud");
        start_operation(&mut client, "r", "monitor", 0);
        let output = completion(&mut client).outcome.output.clone().unwrap();
        assert!(output.len() < 11 * 1024 * 1024, "{}", output.len());
        assert!(daemon.peak_kib() < 150 * 1024, "{}", daemon.peak_kib());
        bystander.noticed_nothing();
        assert_eq!(daemon.stop(), Some(0));
    });
}

/// Registers a resource of `standard` and runs an action with a parameter; what came of it.
fn run_of(client: &mut Client, standard: &str, param: (&str, &str)) -> Outcome {
    let provider = (standard == "ocf").then(|| "test".into());
    let resource_id = Some(ResourceId::new(standard));
    let agent = Agent { standard: standard.into(), provider, name: "Quiet".into() };
    let register =
        Request::RegisterResource { resource_id: resource_id.clone(), agent, drop_recurring: true };
    assert_eq!(client.call(register).unwrap().rc, 0);
    let execute = Execute {
        resource_id,
        action: "start".into(),
        interval: Interval(0),
        timeout: Millis(60_000),
        start_delay: Millis(0),
        user_data: None,
        params: Arc::new(Params::from_iter([param])),
        notify: Notify::default(),
    };
    assert!(client.call(Request::Execute(Box::new(execute))).unwrap().rc > 0);
    completion(client).outcome.clone()
}

#[test]
fn what_does_not_run_on_a_remote_node_is_refused_at_once_and_says_why() {
    isolated(|| {
        let daemon = serving();
        let mut client = connect("c").unwrap();
        for (standard, exit, words) in [
            ("stonith", OcfExit::ERROR, "never on a remote node"),
            ("nagios", OcfExit::NOT_INSTALLED, "gone"),
            ("upstart", OcfExit::NOT_INSTALLED, "gone"),
            ("nonsense", OcfExit::NOT_INSTALLED, "nonsense"),
        ] {
            let begin = Instant::now();
            let outcome = run_of(&mut client, standard, ("a", "b"));
            assert_eq!(outcome.exit, exit, "{standard}: {outcome:?}");
            let reason = outcome.reason.as_deref().unwrap_or_default();
            assert!(reason.contains(words), "{standard}: {reason}");
            assert!(begin.elapsed() < Duration::from_secs(5), "{standard}");
        }
        assert_eq!(daemon.stop(), Some(0));
    });
}

#[test]
fn no_secret_is_in_the_log_however_much_is_logged_nor_left_in_the_daemon_s_environment() {
    isolated(|| {
        make_key(64);
        make_agent("Quiet", "[ \"$OCF_RESKEY_password\" = kept-from-logs ]");
        let secrets = "/var/lib/pacemaker/lrm/secrets/ocf";
        fs::create_dir_all(secrets).unwrap();
        fs::write(format!("{secrets}/password"), "kept-from-logs\n").unwrap();
        let daemon = Start::new().argument("-VVVVVV").env("PCMK_debug", "yes").ready();
        let mut client = connect("c").unwrap();
        // Without its checksum it is not used, and with it the agent has it.
        let refused = run_of(&mut client, "ocf", ("password", "lrm://"));
        assert!(refused.reason.as_deref().unwrap_or_default().contains("password"), "{refused:?}");
        fs::write(format!("{secrets}/password.sign"), "3411f650dc664213f895347c16b0e8b0\n").unwrap();
        let outcome = run_of(&mut client, "ocf", ("password", "lrm://"));
        assert!(outcome.is_ok(), "{outcome:?}");
        // What is sent as it is is no less secret.
        run_of(&mut client, "ocf", ("passwd", "also-kept"));
        let environment = fs::read(format!("/proc/{}/environ", daemon.pid())).unwrap();
        assert_eq!(daemon.stop(), Some(0));
        assert!(log_text().contains("debug: "), "less than all was logged: {}", log_text());
        for secret in ["kept-from-logs", "also-kept"] {
            assert!(!log_text().contains(secret), "{}", log_text());
            assert!(!String::from_utf8_lossy(&environment).contains(secret));
        }
    });
}
