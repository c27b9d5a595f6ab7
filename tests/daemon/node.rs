// SPDX-License-Identifier: LGPL-2.1-or-later
//! A remote node: its key, its agents, its daemon and the daemon's log.
use crate::place::{LIMIT, eventually, eventually_some};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use pcmk_remote_rs::driver::blocking::{Client, Problem, Target};
use pcmk_remote_rs::model::{
    Agent, CallId, Completion, Execute, Interval, Millis, Notification, Notify, Params, Request, ResourceId,
};
use pcmk_remote_rs::sys::tls::{ClientContext, Policy, Psk};
use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Instant;

pub(crate) const KEY: &str = "/etc/pacemaker/authkey";
pub(crate) const LOG: &str = "/var/log/pacemaker/pacemaker.log";
pub(crate) const PORT: u16 = 3121;
pub(crate) const AGENTS: &str = "/usr/lib/ocf/resource.d/test";

/// Puts a key of `length` bytes in its place.
pub(crate) fn make_key(length: usize) -> Vec<u8> {
    let key: Vec<u8> = (0..length).map(|at| u8::try_from(at % 251).unwrap()).collect();
    fs::write(KEY, &key).unwrap();
    fs::set_permissions(KEY, fs::Permissions::from_mode(0o640)).unwrap();
    key
}

/// An OCF agent of provider `test`.
pub(crate) fn make_agent(name: &str, script: &str) {
    fs::create_dir_all(AGENTS).unwrap();
    let path = format!("{AGENTS}/{name}");
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// TLS settings of a peer that has `key`.
pub(crate) fn context(key: &[u8]) -> ClientContext {
    ClientContext::new(&Psk::new(key.to_vec()).unwrap(), &Policy::default()).unwrap()
}

/// A connection of a well-behaved client.
pub(crate) fn connect(name: &str) -> Result<Client, Problem> {
    Client::connect(&Target::new("127.0.0.1", PORT), name)
}

/// Makes a resource of agent `test:name` known, whose recurring operations end with the last client.
pub(crate) fn register(client: &mut Client, resource_id: &str, name: &str) {
    let agent = Agent { standard: "ocf".into(), provider: Some("test".into()), name: name.into() };
    let resource_id = Some(ResourceId::new(resource_id));
    let reply = client.call(Request::RegisterResource { resource_id, agent, drop_recurring: true }).unwrap();
    assert_eq!(reply.result(), Ok(CallId(0)));
}

/// Starts an operation, repeated each `interval_ms` if that is not 0.
pub(crate) fn start_operation(client: &mut Client, resource_id: &str, action: &str, interval_ms: u32) {
    execute(client, resource_id, action, |operation| operation.interval = Interval(interval_ms));
}

/// Starts an operation that runs once with much time and without parameters, but for what `change` makes of it.
pub(crate) fn execute(
    client: &mut Client,
    resource_id: &str,
    action: &str,
    change: impl FnOnce(&mut Execute),
) {
    let mut execute = Execute {
        resource_id: Some(ResourceId::new(resource_id)),
        action: action.into(),
        interval: Interval(0),
        timeout: Millis(60_000),
        start_delay: Millis(0),
        user_data: None,
        params: Arc::new(Params::new()),
        notify: Notify::default(),
    };
    change(&mut execute);
    let reply = client.call(Request::Execute(Box::new(execute))).unwrap();
    assert!(reply.result().is_ok(), "{reply:?}");
}

/// The next result of an operation.
pub(crate) fn completion(client: &mut Client) -> Box<Completion> {
    let deadline = Instant::now() + LIMIT;
    while let Some(told) = client.next_notification(deadline).unwrap() {
        if let Notification::Completed(completion) = told {
            return completion;
        }
    }
    panic!("no operation ended within {LIMIT:?}")
}

/// What the daemon has logged.
pub(crate) fn log_text() -> String {
    fs::read(LOG).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
}

/// Waits for a line that holds all of `words`.
pub(crate) fn await_log(words: &[&str]) -> String {
    eventually_some(&format!("a log line with {words:?}"), || find_log(words))
}

/// How often a daemon has said that it serves, in words that ours and the distribution's share.
fn times_ready() -> usize {
    log_text().matches("successfully started and accepting connections").count()
}

fn find_log(words: &[&str]) -> Option<String> {
    log_text().lines().find(|line| words.iter().all(|word| line.contains(word))).map(str::to_owned)
}

/// A daemon to be.
pub(crate) struct Start(Command);

impl Start {
    pub(crate) fn new() -> Self {
        // Figures of attacks are taken of other builds and of the distribution's daemon too (benches/attacks).
        let other = std::env::var_os("PCMK_ATTACK_DAEMON");
        Self::through(Command::new(other.unwrap_or_else(|| env!("CARGO_BIN_EXE_pacemaker-remoted").into())))
    }

    /// The executor of a cluster node instead.
    pub(crate) fn execd() -> Self {
        Self::through(Command::new(env!("CARGO_BIN_EXE_pacemaker-execd")))
    }

    /// By way of another program, which ends with the daemon's path.
    pub(crate) fn through(mut command: Command) -> Self {
        command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Self(command)
    }

    pub(crate) fn env(mut self, variable: &str, value: &str) -> Self {
        self.0.env(variable, value);
        self
    }

    pub(crate) fn argument(mut self, argument: &str) -> Self {
        self.0.arg(argument);
        self
    }

    pub(crate) fn spawn(mut self) -> Daemon {
        Daemon { child: self.0.spawn().expect("the daemon starts") }
    }

    /// Starts it and waits until it serves.
    pub(crate) fn ready(self) -> Daemon {
        let before = times_ready();
        let mut daemon = self.spawn();
        eventually("the daemon is ready", || {
            assert_eq!(daemon.ended(), None, "{}", log_text());
            times_ready() > before
        });
        daemon
    }

    /// Runs it to its end: exit code, standard output and standard error.
    pub(crate) fn run(self) -> (Option<i32>, String, String) {
        let mut daemon = self.spawn();
        let code = daemon.wait().code();
        let (mut stdout, mut stderr) = (String::new(), String::new());
        daemon.child.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
        daemon.child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        (code, stdout, stderr)
    }
}

/// A node with a key, whose daemon serves.
pub(crate) fn serving() -> Daemon {
    make_key(4096);
    Start::new().ready()
}

/// A running daemon. Killed when dropped.
pub(crate) struct Daemon {
    child: Child,
}

impl Daemon {
    pub(crate) fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().try_into().unwrap())
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(self.pid(), signal).unwrap();
    }

    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    pub(crate) fn wait(&mut self) -> ExitStatus {
        eventually_some("the daemon has ended", || self.ended())
    }

    /// Its standard error, to be read once it has ended.
    pub(crate) fn take_stderr(&mut self) -> ChildStderr {
        self.child.stderr.take().unwrap()
    }

    /// SIGTERM, and the exit code that follows.
    pub(crate) fn stop(mut self) -> Option<i32> {
        self.signal(Signal::SIGTERM);
        self.wait().code()
    }

    /// A line of its status in /proc, in KiB or as a count.
    fn status(&self, name: &str) -> u64 {
        let text = fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim_start_matches(':').split_whitespace().next().unwrap().parse().unwrap()
    }

    /// Resident memory in KiB.
    pub(crate) fn resident_kib(&self) -> u64 {
        self.status("VmRSS")
    }

    /// The most resident memory ever, in KiB.
    pub(crate) fn peak_kib(&self) -> u64 {
        self.status("VmHWM")
    }

    /// Address space that it has taken, in bytes.
    #[allow(dead_code, reason = "attack alone bounds it")]
    pub(crate) fn virtual_bytes(&self) -> u64 {
        self.status("VmSize") * 1024
    }

    pub(crate) fn descriptors(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.pid())).unwrap().count()
    }
}

/// Process ids of somebody's children, zombies included.
pub(crate) fn children(parent: i32) -> Vec<i32> {
    let parent = parent.to_string();
    fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| child(&entry.path(), &parent)).collect()
}

fn child(process: &Path, parent: &str) -> Option<i32> {
    let pid = process.file_name()?.to_str()?.parse().ok()?;
    let stat = fs::read_to_string(process.join("stat")).ok()?;
    let mut fields = stat.rsplit_once(") ")?.1.split(' ');
    (fields.nth(1)? == parent).then_some(pid)
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("the daemon's log:\n{}", log_text());
        }
    }
}

/// Is there such a process, not ended?
pub(crate) fn is_alive(pid: i32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"));
    stat.is_ok_and(|stat| stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z')))
}

/// Waits until `path` holds a whole line; what it says.
pub(crate) fn await_line(path: &str) -> String {
    eventually_some(&format!("{path} has a line within {LIMIT:?}"), || {
        fs::read_to_string(path).ok().filter(|text| text.ends_with('\n')).map(|text| text.trim().to_owned())
    })
}
