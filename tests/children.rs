// SPDX-License-Identifier: LGPL-2.1-or-later
//! Real agents run through the public interface of the driver's children.
use nix::sys::signal::{SigSet, SigmaskHow, Signal, kill, pthread_sigmask};
use nix::unistd::Pid;
use pcmk_remote_rs::agents::{AgentConfig, base_environment};
use pcmk_remote_rs::core::Finish;
use pcmk_remote_rs::driver::tokio::children::{RunHandle, start, start_alert};
use pcmk_remote_rs::model::{
    Agent, Alert, ExecStatus, Execution, Interval, KillScope, Millis, OcfExit, Params, ResourceId,
};
use std::fs;
use std::future::Future;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;

/// A directory with agents of its own. One at a time: a file that one test still writes to could not be
/// executed while another test's child holds it open, and some tests look at all children of the process.
struct Node {
    directory: tempfile::TempDir,
    config: AgentConfig,
    _alone: MutexGuard<'static, ()>,
}

impl Node {
    fn new() -> Self {
        static ALONE: Mutex<()> = Mutex::new(());
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let directory = tempfile::tempdir().unwrap();
        let inherited = [("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"), ("PCMK_service", "pacemaker-remoted")];
        let inherited = inherited.map(|(name, value)| (name.into(), value.into()));
        let mut config = AgentConfig::new(base_environment(inherited));
        config.ocf_search_path = directory.path().to_str().unwrap().to_owned();
        config.init_dir = directory.path().join("init");
        config.secrets_dir = directory.path().join("secrets");
        Self { directory, config, _alone: alone }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn file(&self, name: &str, content: &[u8], mode: u32) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path
    }

    /// An OCF agent of provider `test`.
    fn agent(&self, name: &str, body: &str) -> PathBuf {
        self.file(&format!("test/{name}"), format!("#!/bin/sh\n{body}\n").as_bytes(), 0o755)
    }

    fn start(&self, execution: &Execution) -> (RunHandle, oneshot::Receiver<Finish>) {
        let (sender, receiver) = oneshot::channel();
        let handle = start(execution, &self.config, move |finish| drop(sender.send(finish)));
        (handle, receiver)
    }

    fn run(&self, execution: &Execution) -> Finish {
        on_runtime(async { self.start(execution).1.await.unwrap() })
    }
}

fn on_runtime<T>(body: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let limited = async { tokio::time::timeout(Duration::from_secs(60), body).await.expect("hangs") };
    tokio::task::LocalSet::new().block_on(&runtime, limited)
}

fn execution(agent: &str, action: &str) -> Execution {
    let (standard, name) = agent.split_once(':').unwrap_or(("ocf", agent));
    let provider = (standard == "ocf").then(|| "test".to_owned());
    Execution {
        resource_id: ResourceId::new("rsc"),
        agent: Agent { standard: standard.into(), provider, name: name.into() },
        action: action.into(),
        interval: Interval(0),
        timeout: Millis(20_000),
        params: Arc::new(Params::new()),
    }
}

fn output(finish: &Finish) -> &str {
    finish.outcome.output.as_deref().unwrap_or_default()
}

fn reason(finish: &Finish) -> &str {
    finish.outcome.reason.as_deref().unwrap_or_default()
}

fn ended(finish: &Finish) -> (i32, ExecStatus, Option<i32>) {
    (finish.outcome.exit.0, finish.outcome.status, finish.raw_exit)
}

/// Waits until `path` has a whole line; what it says.
async fn line_in(path: &Path) -> String {
    loop {
        match fs::read_to_string(path) {
            Ok(text) if text.ends_with('\n') => return text.trim().to_owned(),
            _ => tokio::time::sleep(Duration::from_millis(1)).await,
        }
    }
}

/// Is there a process of this number that has not ended?
fn alive(pid: &str) -> bool {
    let state = fs::read_to_string(format!("/proc/{pid}/stat"));
    state.is_ok_and(|stat| !stat.rsplit(')').next().unwrap().trim_start().starts_with('Z'))
}

fn end(pid: &str) {
    kill(Pid::from_raw(pid.parse().unwrap()), Signal::SIGKILL).unwrap();
}

fn assert_no_children() {
    use nix::sys::wait::{WaitPidFlag, waitpid};
    assert_eq!(waitpid(None, Some(WaitPidFlag::WNOHANG)), Err(nix::errno::Errno::ECHILD));
}

#[test]
fn the_environment_is_exact() {
    let node = Node::new();
    node.agent("env", "tr '\\0' '\\n' </proc/$$/environ");
    let mut execution = execution("env", "monitor");
    let params =
        [("OCF_CHECK_LEVEL", "10"), ("ip", "a \"b\"\nc"), ("CRM_meta_timeout", "20000"), ("empty", "")];
    execution.params = Arc::new(Params::from_iter(params));
    let finish = node.run(&execution);
    let mut lines: Vec<&str> = output(&finish).lines().collect();
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
    node.config.base_env = base_environment(inherited.map(|(name, value)| (name.into(), value.into())));
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
    let finish = node.run(&execution("both", "start"));
    assert_eq!(output(&finish), "ocf-exit-reason:first\nocf-exit-reason:last\n");
    assert_eq!(reason(&finish), "last");
    assert_eq!(output(&node.run(&execution("odd", "start"))), "a\u{fffd}b\u{fffd}");
}

#[test]
fn a_signal_is_named() {
    let node = Node::new();
    node.agent("dies", "echo partly; kill -TERM $$");
    let finish = node.run(&execution("dies", "start"));
    assert_eq!(ended(&finish), (1, ExecStatus::Error, None));
    assert!(finish.signalled && reason(&finish).contains("SIGTERM"), "{}", reason(&finish));
    assert_eq!(output(&finish), "partly\n");
}

/// Starts a run with a child of its own, kills it as told, and gives the finish and the child's number.
fn killed(node: &Node, scope: KillScope) -> (Finish, String) {
    let note = node.path("child");
    node.agent("slow", &format!("trap '' TERM; sleep 1000 & echo $! >{}; wait", note.display()));
    on_runtime(async {
        let (handle, finish) = node.start(&execution("slow", "start"));
        let child = line_in(&note).await;
        kill(Pid::from_raw(handle.pid().unwrap()), Signal::SIGTERM).unwrap();
        assert!(alive(&child));
        handle.kill(scope);
        let finish = finish.await.unwrap();
        assert_eq!(handle.pid(), None);
        handle.kill(scope);
        (finish, child)
    })
}

#[test]
fn a_group_is_killed_whole() {
    let node = Node::new();
    let (finish, child) = killed(&node, KillScope::Group);
    assert!(finish.signalled && reason(&finish).contains("SIGKILL"), "{}", reason(&finish));
    while alive(&child) {
        std::thread::yield_now();
    }
}

#[test]
fn a_process_is_killed_alone() {
    let node = Node::new();
    let (finish, child) = killed(&node, KillScope::Process);
    assert!(finish.signalled);
    assert!(alive(&child));
    end(&child);
}

#[test]
fn a_grandchild_that_holds_the_pipes_delays_nothing() {
    let node = Node::new();
    node.agent("daemon", "sleep 1000 & echo $!");
    let finish = node.run(&execution("daemon", "start"));
    assert_eq!(ended(&finish), (0, ExecStatus::Done, Some(0)));
    let grandchild = output(&finish).trim();
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
        let finish = node.run(&execution);
        let text = output(&finish);
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
            let (_, finish) = node.start(&execution("quick", "monitor"));
            assert_eq!(finish.await.unwrap().outcome.exit, OcfExit::OK);
        }
        handle.kill(KillScope::Group);
        let finish = flood.await.unwrap();
        assert!(finish.signalled && output(&finish).starts_with("y\n"));
    });
}

#[test]
fn what_cannot_be_executed_says_why() {
    let node = Node::new();
    let plain = node.file("test/plain", b"#!/bin/sh\n", 0o644);
    let lost = node.file("test/lost", b"#!/opt/none/perl -w\n", 0o755);
    node.file("test/bare", b"echo \"$0 $*\"; exit 7\n", 0o755);
    node.file("test/dir/file", b"", 0o644);
    let finish = node.run(&execution("plain", "monitor"));
    assert_eq!(ended(&finish), (4, ExecStatus::Done, Some(4)));
    assert!(reason(&finish).contains(&format!("chmod a+x {}", plain.display())), "{}", reason(&finish));
    let finish = node.run(&execution("lost", "monitor"));
    assert_eq!(ended(&finish), (5, ExecStatus::Done, Some(5)));
    assert!(reason(&finish).contains(&format!("{}", lost.display())), "{}", reason(&finish));
    assert!(reason(&finish).contains("/opt/none/perl"), "{}", reason(&finish));
    let finish = node.run(&execution("dir", "monitor"));
    assert_eq!(ended(&finish), (4, ExecStatus::Done, Some(4)));
    assert!(reason(&finish).contains("is a directory"), "{}", reason(&finish));
    // A script without an interpreter line runs under the shell.
    let finish = node.run(&execution("bare", "monitor"));
    assert_eq!(output(&finish), format!("{} monitor\n", node.path("test/bare").display()));
    assert_eq!(ended(&finish), (7, ExecStatus::Done, Some(7)));
    let finish = node.run(&execution("missing", "monitor"));
    assert_eq!(ended(&finish), (5, ExecStatus::NotInstalled, None));
    assert!(finish.unprepared);
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
    let finish = node.run(&execution("state", "monitor"));
    drop(leak);
    let lines: Vec<&str> = output(&finish).lines().collect();
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
        let runs: Vec<_> = (0..RUNS)
            .map(|number| {
                let mut execution = execution("waits", "monitor");
                execution.params = Arc::new(Params::from_iter([("number", number.to_string())]));
                node.start(&execution)
            })
            .collect();
        let opened = fs::OpenOptions::new().read(true).write(true).open(&gate).unwrap();
        for (number, (handle, finish)) in runs.into_iter().enumerate() {
            let finish = finish.await.unwrap();
            assert_eq!(ended(&finish), (0, ExecStatus::Done, Some(0)));
            assert_eq!(output(&finish), format!("{number}\n"));
            assert_eq!(handle.pid(), None);
        }
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
        drop(node.start(&execution("survivor", "start")));
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
    let finish = on_runtime(async {
        setrlimit(Resource::RLIMIT_NOFILE, 3, hard).unwrap();
        let (_, finish) = node.start(&execution("quick", "monitor"));
        setrlimit(Resource::RLIMIT_NOFILE, soft, hard).unwrap();
        finish.await.unwrap()
    });
    assert_eq!(ended(&finish), (1, ExecStatus::Error, None));
    assert!(reason(&finish).contains("LimitNOFILE") && !finish.unprepared, "{}", reason(&finish));
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
            let (sender, receiver) = oneshot::channel();
            start_alert(&alert, config, move |finish| drop(sender.send(finish)));
            receiver.await.unwrap()
        })
    };
    node.config.alert_user = Some("nobody".into());
    let finish = run(&node.config);
    if nix::unistd::geteuid().is_root() {
        assert_eq!(output(&finish), format!("nobody\n{}\n3 node 0\n", nobody.gid));
    } else {
        assert!(reason(&finish).contains("as user nobody"), "{}", reason(&finish));
    }
    node.config.alert_user = Some("no such user".into());
    assert!(reason(&run(&node.config)).contains("no such user"));
    node.config.alert_user = None;
    assert!(output(&run(&node.config)).ends_with("3 node 0\n"));
    assert_no_children();
}

/// Figures for people: `cargo test --release --test children -- --ignored --nocapture`.
#[test]
#[ignore = "a measurement"]
fn speed() {
    use nix::sys::resource::{UsageWho, getrusage};
    const RUNS: usize = 3000;
    const IN_FLIGHT: usize = 32;
    let node = Node::new();
    node.file("test/null", b"#!/bin/true\n", 0o755);
    let cpu = || {
        let usage = getrusage(UsageWho::RUSAGE_SELF).unwrap();
        let micros = |time: nix::sys::time::TimeVal| time.tv_sec() * 1_000_000 + time.tv_usec();
        micros(usage.user_time()) + micros(usage.system_time())
    };
    let report = |what: &str, started: std::time::Instant, before: i64| {
        let (took, used) = (started.elapsed(), cpu() - before);
        let rate = RUNS as f64 / took.as_secs_f64();
        println!("{what}: {rate:.0}/s, own CPU {} us a run", used / RUNS as i64);
    };
    #[allow(clippy::disallowed_methods, reason = "a measurement")]
    let now = std::time::Instant::now;
    for in_flight in [1, IN_FLIGHT] {
        let (started, before) = (now(), cpu());
        on_runtime(async {
            let worker = async || {
                for _ in 0..RUNS / in_flight {
                    let (_, finish) = node.start(&execution("null", "monitor"));
                    assert_eq!(finish.await.unwrap().outcome.exit, OcfExit::OK);
                }
            };
            let workers: Vec<_> = (0..in_flight).map(|_| Box::pin(worker())).collect();
            join(workers).await;
        });
        report(&format!("{in_flight} in flight"), started, before);
    }
    let (started, before) = (now(), cpu());
    for _ in 0..RUNS {
        let program = node.path("test/null");
        assert!(std::process::Command::new(program).arg("monitor").status().unwrap().success());
    }
    report("bare posix_spawn and wait", started, before);
}

async fn join<F: Future<Output = ()> + Unpin>(mut all: Vec<F>) {
    std::future::poll_fn(|context| {
        all.retain_mut(|one| std::pin::Pin::new(one).poll(context).is_pending());
        if all.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
}
