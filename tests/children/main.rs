// SPDX-License-Identifier: LGPL-2.1-or-later
//! Real agents run through the public interface of the driver's children.
mod held_up;
mod node;

use nix::sys::signal::{SigSet, SigmaskHow, Signal, kill, pthread_sigmask};
use nix::unistd::Pid;
use node::*;
use pcmk_remote_rs::agents::AgentConfig;
use pcmk_remote_rs::driver::tokio::Units;
use pcmk_remote_rs::driver::tokio::children::{start, start_alert};
use pcmk_remote_rs::model::RunResult;
use pcmk_remote_rs::model::{Alert, ExecStatus, KillScope, Millis, OcfExit, Params};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::sync::Arc;

#[test]
fn the_environment_is_exact() {
    let node = Node::new();
    node.agent("env", "tr '\\0' '\\n' </proc/$$/environ");
    let mut execution = execution("env", "monitor");
    let params =
        [("OCF_CHECK_LEVEL", "10"), ("ip", "a \"b\"\nc"), ("CRM_meta_timeout", "20000"), ("empty", "")];
    execution.params = Arc::new(Params::from_iter(params));
    let result = node.run(&execution);
    let mut lines: Vec<&str> = output(&result).lines().collect();
    lines.sort_unstable();
    let mut expected = vec![
        "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
        "PCMK_service=pacemaker-remoted",
        "OCF_CHECK_LEVEL=10",
        "OCF_EXIT_REASON_PREFIX=ocf-exit-reason:",
        "OCF_RA_VERSION_MAJOR=1",
        "OCF_RA_VERSION_MINOR=1",
        "OCF_RESKEY_CRM_meta_timeout=20000",
        "OCF_RESKEY_empty=",
        "OCF_RESKEY_ip=a \"b\"",
        "c",
        "OCF_RESOURCE_INSTANCE=rsc",
        "OCF_RESOURCE_PROVIDER=test",
        "OCF_RESOURCE_TYPE=env",
        "OCF_ROOT=/usr/lib/ocf",
    ];
    expected.sort_unstable();
    assert_eq!(lines, expected);
}

#[test]
fn a_run_overrides_the_daemon_s_own_variables() {
    let mut node = Node::new();
    let inherited = [("OCF_ROOT", "/wrong"), ("OCF_RESKEY_leaks", "1")];
    node.config.base_env = inherited.map(|(name, value)| (name.into(), value.into())).into();
    node.agent(
        "env",
        "tr '\\0' '\\n' </proc/$$/environ | grep -c ^OCF_ROOT; echo $OCF_ROOT $OCF_RESKEY_leaks",
    );
    assert_eq!(output(&node.run(&execution("env", "monitor"))), "1\n/usr/lib/ocf 1\n");
}

#[test]
fn exits_are_translated() {
    let node = Node::new();
    node.agent("exit", "exit $OCF_RESKEY_code");
    node.file(
        "init/script",
        b"#!/bin/sh\ncase $1 in status) exit 3;; stop) exit 12;; *) exit 7;; esac\n",
        0o755,
    );
    for (code, exit) in [("0", 0), ("7", 7), ("8", 8), ("12", 1), ("190", 190), ("192", 1)] {
        let mut execution = execution("exit", "start");
        execution.params = Arc::new(Params::from_iter([("code", code)]));
        assert_eq!(ended(&node.run(&execution)), (exit, ExecStatus::Done, code.parse().ok()), "{code}");
    }
    for (action, exit, raw) in [("monitor", 7, 3), ("stop", 1, 12), ("start", 7, 7)] {
        assert_eq!(ended(&node.run(&execution("lsb:script", action))), (exit, ExecStatus::Done, Some(raw)));
        assert_eq!(
            ended(&node.run(&execution("service:script", action))),
            (exit, ExecStatus::Done, Some(raw))
        );
    }
}

#[test]
fn what_it_says_on_standard_error_wins() {
    let node = Node::new();
    node.agent("both", "echo out; echo ocf-exit-reason:first >&2; echo ocf-exit-reason:last >&2; exit 6");
    node.agent("odd", "printf 'a\\0b\\377'");
    let result = node.run(&execution("both", "start"));
    assert_eq!(output(&result), "ocf-exit-reason:first\nocf-exit-reason:last\n");
    assert_eq!(reason(&result), "last");
    assert_eq!(output(&node.run(&execution("odd", "start"))), "a\u{fffd}b\u{fffd}");
}

#[test]
fn a_signal_is_named() {
    let node = Node::new();
    node.agent("dies", "echo partly; kill -TERM $$");
    let result = node.run(&execution("dies", "start"));
    assert_eq!(ended(&result), (1, ExecStatus::Error, None));
    assert!(result.signal.is_some() && reason(&result).contains("SIGTERM"), "{}", reason(&result));
    assert_eq!(output(&result), "partly\n");
}

/// Starts a run with a child of its own, kills it as told, and gives the result and the child's number.
fn killed(node: &Node, scope: KillScope) -> (RunResult, String) {
    let note = node.path("child");
    node.agent("slow", &format!("trap '' TERM; sleep 1000 & echo $! >{}; wait", note.display()));
    on_runtime(async {
        let (handle, result) = node.start(&execution("slow", "start"));
        let child = line_in(&note).await;
        kill(Pid::from_raw(handle.reported_pid().await), Signal::SIGTERM).unwrap();
        assert!(alive(&child));
        handle.kill(scope);
        let result = result.await;
        assert_eq!(handle.pid(), None);
        handle.kill(scope);
        (result, child)
    })
}

#[test]
fn a_group_is_killed_whole() {
    let node = Node::new();
    let (result, child) = killed(&node, KillScope::Group);
    let reason = reason(&result);
    assert!(result.signal.is_some() && reason.contains("SIGKILL") && !reason.contains("memory"), "{reason}");
    while alive(&child) {
        std::thread::yield_now();
    }
}

#[test]
fn a_process_is_killed_alone() {
    let node = Node::new();
    let (result, child) = killed(&node, KillScope::Process);
    assert!(result.signal.is_some());
    assert!(alive(&child));
    end(&child);
}

#[test]
fn a_grandchild_that_holds_the_pipes_delays_nothing() {
    let node = Node::new();
    node.agent("daemon", "sleep 1000 & echo $!");
    let result = node.run(&execution("daemon", "start"));
    assert_eq!(ended(&result), (0, ExecStatus::Done, Some(0)));
    let grandchild = output(&result).trim();
    assert!(alive(grandchild));
    end(grandchild);
}

#[test]
fn long_output_is_kept_up_to_the_limit() {
    let node = Node::new();
    node.agent("long", "head -c $OCF_RESKEY_bytes /dev/zero | tr '\\0' x");
    for (bytes, kept, cut) in [(9_000_000, 9_000_000, None), (12_000_000, 10 * 1024 * 1024, Some(1_514_240))]
    {
        let mut execution = execution("long", "start");
        execution.params = Arc::new(Params::from_iter([("bytes", bytes.to_string())]));
        let result = node.run(&execution);
        let text = output(&result);
        assert_eq!(text.bytes().take_while(|byte| *byte == b'x').count(), kept);
        assert_eq!(text.contains("more bytes"), cut.is_some());
        assert!(cut.is_none_or(|cut: u32| text.contains(&format!("[{cut} more bytes"))), "{}", &text[kept..]);
    }
}

#[test]
fn one_that_never_stops_printing_holds_up_nobody() {
    let node = Node::new();
    node.agent("flood", "yes & yes >&2");
    node.agent("quick", "exit 0");
    on_runtime(async {
        let (handle, flood) = node.start(&execution("flood", "start"));
        for _ in 0..20 {
            let (_started, result) = node.start(&execution("quick", "monitor"));
            assert_eq!(result.await.outcome.exit, OcfExit::OK);
        }
        handle.kill(KillScope::Group);
        let result = flood.await;
        assert!(result.signal.is_some() && output(&result).starts_with("y\n"));
    });
}

#[test]
fn what_cannot_be_executed_says_why() {
    let node = Node::new();
    let plain = node.file("test/plain", b"#!/bin/sh\n", 0o644);
    let lost = node.file("test/lost", b"#!/opt/none/perl -w\n", 0o755);
    node.file("test/bare", b"echo \"$0 $*\"; exit 7\n", 0o755);
    node.file("test/dir/file", b"", 0o644);
    let result = node.run(&execution("plain", "monitor"));
    assert_eq!(ended(&result), (4, ExecStatus::Done, Some(4)));
    assert!(reason(&result).contains(&format!("chmod a+x {}", plain.display())), "{}", reason(&result));
    let result = node.run(&execution("lost", "monitor"));
    assert_eq!(ended(&result), (5, ExecStatus::Done, Some(5)));
    assert!(reason(&result).contains(&format!("{}", lost.display())), "{}", reason(&result));
    assert!(reason(&result).contains("/opt/none/perl"), "{}", reason(&result));
    let result = node.run(&execution("dir", "monitor"));
    assert_eq!(ended(&result), (4, ExecStatus::Done, Some(4)));
    assert!(reason(&result).contains("is a directory"), "{}", reason(&result));
    // A script without an interpreter line runs under the shell.
    let result = node.run(&execution("bare", "monitor"));
    assert_eq!(output(&result), format!("{} monitor\n", node.path("test/bare").display()));
    assert_eq!(ended(&result), (7, ExecStatus::Done, Some(7)));
    let result = node.run(&execution("missing", "monitor"));
    assert_eq!(ended(&result), (5, ExecStatus::NotInstalled, None));
    assert!(result.unprepared);
    assert_no_children();
}

#[test]
fn secrets_reach_the_agent() {
    let node = Node::new();
    node.agent("secret", "echo $OCF_RESKEY_password");
    node.file("secrets/rsc/password", b"letmein\n", 0o600);
    let mut execution = execution("secret", "start");
    execution.params = Arc::new(Params::from_iter([("password", "lrm://")]));
    assert_eq!(ended(&node.run(&execution)), (2, ExecStatus::Done, Some(2)));
    node.file("secrets/rsc/password.sign", b"0d107d09f5bbe40cade3de5c71e9e9b7", 0o600);
    assert_eq!(output(&node.run(&execution)), "letmein\n");
}

#[test]
fn a_child_starts_clean() {
    let node = Node::new();
    // The shell blocks signals while it starts a program, so it must read its state by itself.
    let body =
        "while read -r line; do case $line in SigBlk*|SigIgn*) echo \"$line\";; esac; done </proc/$$/status
        cut -d' ' -f5 /proc/$$/stat; echo $$; ls /proc/$$/fd";
    node.agent("state", body);
    // Descriptors that the daemon inherited or got from a library may lack the close-on-exec flag.
    let leak = fs::File::open("/dev/null").unwrap();
    nix::fcntl::fcntl(&leak, nix::fcntl::FcntlArg::F_SETFD(nix::fcntl::FdFlag::empty())).unwrap();
    let mut blocked = SigSet::empty();
    blocked.add(Signal::SIGUSR1);
    pthread_sigmask(SigmaskHow::SIG_BLOCK, Some(&blocked), None).unwrap();
    let result = node.run(&execution("state", "monitor"));
    drop(leak);
    let lines: Vec<&str> = output(&result).lines().collect();
    assert_eq!(lines[..2], ["SigBlk:\t0000000000000000", "SigIgn:\t0000000000000000"]);
    assert_eq!(lines[2], lines[3], "leads its own group");
    // 10 is where the shell keeps its script.
    assert!(matches!(lines[4..], ["0", "1", "2"] | ["0", "1", "10", "2"]), "{lines:?}");
}

#[test]
fn none_is_lost_when_many_end_at_once() {
    const RUNS: usize = 500;
    let node = Node::new();
    let gate = node.path("gate");
    nix::unistd::mkfifo(&gate, nix::sys::stat::Mode::S_IRWXU).unwrap();
    // Opening a FIFO to read waits until somebody opens it to write: then they all end.
    node.agent("waits", &format!("echo $OCF_RESKEY_number; : <{}", gate.display()));
    on_runtime(async {
        let (starter, mut progress) = node.starter();
        let handles: Vec<_> = (0..RUNS)
            .map(|number| {
                let mut execution = execution("waits", "monitor");
                execution.params = Arc::new(Params::from_iter([("number", number.to_string())]));
                start(asked(number as u64), &execution, &starter, &Units::default())
            })
            .collect();
        let opened = fs::OpenOptions::new().read(true).write(true).open(&gate).unwrap();
        for _ in 0..RUNS {
            let (run, result) = next_end(&mut progress).await;
            assert_eq!(ended(&result), (0, ExecStatus::Done, Some(0)));
            assert_eq!(output(&result), format!("{}\n", run.0));
        }
        assert!(handles.iter().all(|handle| handle.pid().is_none()));
        drop(opened);
    });
    assert_no_children();
}

#[test]
fn agents_outlive_the_daemon() {
    let node = Node::new();
    let note = node.path("note");
    node.agent("survivor", &format!("echo $$ >{}; exec sleep 1000", note.display()));
    let pid = on_runtime(async {
        let _started = node.start(&execution("survivor", "start"));
        line_in(&note).await
    });
    assert!(alive(&pid));
    end(&pid);
    nix::sys::wait::waitpid(Pid::from_raw(pid.parse().unwrap()), None).unwrap();
}

#[test]
fn a_daemon_without_descriptors_says_so() {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    let node = Node::new();
    node.agent("quick", "exit 0");
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    let result = on_runtime(async {
        setrlimit(Resource::RLIMIT_NOFILE, 3, hard).unwrap();
        let (_started, result) = node.start(&execution("quick", "monitor"));
        let result = result.await;
        setrlimit(Resource::RLIMIT_NOFILE, soft, hard).unwrap();
        result
    });
    assert_eq!(ended(&result), (1, ExecStatus::Error, None));
    assert!(reason(&result).contains("LimitNOFILE") && !result.unprepared, "{}", reason(&result));
}

#[test]
fn an_alert_runs_as_its_user() {
    let mut node = Node::new();
    // The user must be able to get there.
    fs::set_permissions(node.directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let path =
        node.file("alert", b"#!/bin/sh\nid -un; id -G; echo $CRM_alert_node_sequence $kind $#\n", 0o755);
    let nobody = nix::unistd::User::from_name("nobody").unwrap().unwrap();
    let params = Params::from_iter([("kind", "node")]);
    let path = path.to_str().unwrap().to_owned();
    let alert = Alert { id: "a".into(), path, timeout: Millis(0), params, sequence: 3 };
    let run = |config: &AgentConfig| {
        on_runtime(async {
            let (starter, progress) = starter(config);
            start_alert(asked(1), &alert, &starter);
            only_end(progress).await
        })
    };
    node.config.alert_user = Some("nobody".into());
    let result = run(&node.config);
    if nix::unistd::geteuid().is_root() {
        assert_eq!(output(&result), format!("nobody\n{}\n3 node 0\n", nobody.gid));
    } else {
        assert!(reason(&result).contains("as user nobody"), "{}", reason(&result));
    }
    node.config.alert_user = Some("no such user".into());
    assert!(reason(&run(&node.config)).contains("no such user"));
    node.config.alert_user = None;
    assert!(output(&run(&node.config)).ends_with("3 node 0\n"));
    assert_no_children();
}

/// A service manager or a container's start script may leave it so; then no child's end could be learned.
#[test]
fn a_daemon_started_with_sigchld_ignored_reaps_its_children() {
    const INSIDE: &str = "CHILDREN_TEST_SIGCHLD_IGNORED";
    let node = Node::new();
    if std::env::var_os(INSIDE).is_some() {
        node.agent("exit", "exit 7");
        assert_eq!(ended(&node.run(&execution("exit", "monitor"))), (7, ExecStatus::Done, Some(7)));
        return;
    }
    let script = "trap '' CHLD; exec \"$0\" --exact a_daemon_started_with_sigchld_ignored_reaps_its_children";
    let myself = std::env::current_exe().unwrap();
    let inside = Command::new("/bin/sh").args(["-c", script]).arg(myself).env(INSIDE, "1").output().unwrap();
    let said = String::from_utf8_lossy(&inside.stdout);
    assert!(inside.status.success() && said.contains("1 passed"), "{said}");
}
