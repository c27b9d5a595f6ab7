// SPDX-License-Identifier: LGPL-2.1-or-later
//! A place for agents, and what the tests ask of runs.
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use pcmk_remote_rs::agents::AgentConfig;
use pcmk_remote_rs::core::RunId;
use pcmk_remote_rs::driver::tokio::children::{Asked, RunHandle, start};
use pcmk_remote_rs::driver::tokio::{Progress, Starter, Units};
use pcmk_remote_rs::model::{Agent, ExecStatus, Execution, Interval, Millis, Params, ResourceId};
use pcmk_remote_rs::model::{KillScope, RunResult};
use std::fs;
use std::future::Future;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// A directory with agents of its own. One at a time: a file that one test still writes to could not be
/// executed while another test's child holds it open, and some tests look at all children of the process.
pub(crate) struct Node {
    pub(crate) directory: tempfile::TempDir,
    pub(crate) config: AgentConfig,
    _alone: MutexGuard<'static, ()>,
}

impl Node {
    pub(crate) fn new() -> Self {
        static ALONE: Mutex<()> = Mutex::new(());
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let directory = tempfile::tempdir().unwrap();
        let inherited = [("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"), ("PCMK_service", "pacemaker-remoted")];
        let inherited = inherited.map(|(name, value)| (name.into(), value.into()));
        let mut config = AgentConfig::new(inherited.into());
        config.ocf_search_path = directory.path().to_str().unwrap().to_owned();
        config.init_dir = directory.path().join("init");
        config.secrets_dir = directory.path().join("secrets");
        Self { directory, config, _alone: alone }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn file(&self, name: &str, content: &[u8], mode: u32) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path
    }

    /// An OCF agent of provider `test`.
    pub(crate) fn agent(&self, name: &str, body: &str) -> PathBuf {
        self.file(&format!("test/{name}"), format!("#!/bin/sh\n{body}\n").as_bytes(), 0o755)
    }

    /// What starts runs, with a receiver for their progress.
    pub(crate) fn starter(&self) -> (Starter, UnboundedReceiver<(RunId, Progress)>) {
        starter(&self.config)
    }

    pub(crate) fn start(&self, execution: &Execution) -> (Started, impl Future<Output = RunResult> + use<>) {
        let (starter, progress) = self.starter();
        let handle = start(asked(1), execution, &starter, &Units::default());
        (Started { handle, starter }, only_end(progress))
    }

    pub(crate) fn run(&self, execution: &Execution) -> RunResult {
        on_runtime(async { self.start(execution).1.await })
    }
}

pub(crate) fn starter(config: &AgentConfig) -> (Starter, UnboundedReceiver<(RunId, Progress)>) {
    let (sender, receiver) = unbounded_channel();
    (Starter::new(config.clone(), move |run, progress| drop(sender.send((run, progress)))), receiver)
}

/// A run of this number.
pub(crate) fn asked(run: u64) -> Asked {
    Asked { run: RunId(run), owner: None }
}

/// How the only run ends.
pub(crate) async fn only_end(mut progress: UnboundedReceiver<(RunId, Progress)>) -> RunResult {
    next_end(&mut progress).await.1
}

/// The next end of a run.
pub(crate) async fn next_end(progress: &mut UnboundedReceiver<(RunId, Progress)>) -> (RunId, RunResult) {
    loop {
        if let (run, Progress::Ended(result)) = progress.recv().await.expect("a run has an end") {
            return (run, result);
        }
    }
}

/// A run, with the thread that starts it.
pub(crate) struct Started {
    pub(crate) handle: RunHandle,
    pub(crate) starter: Starter,
}

impl Started {
    pub(crate) fn kill(&self, scope: KillScope) {
        self.handle.kill(scope, &self.starter);
    }

    /// The agent may have printed something before the loop is told that it runs.
    pub(crate) async fn reported_pid(&self) -> i32 {
        loop {
            match self.pid() {
                Some(pid) => return pid,
                None => tokio::time::sleep(Duration::from_millis(1)).await,
            }
        }
    }

    pub(crate) fn pid(&self) -> Option<i32> {
        self.handle.pid()
    }
}

pub(crate) fn on_runtime<T>(body: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let limited = async { tokio::time::timeout(Duration::from_secs(60), body).await.expect("hangs") };
    tokio::task::LocalSet::new().block_on(&runtime, limited)
}

pub(crate) fn execution(agent: &str, action: &str) -> Execution {
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

pub(crate) fn output(result: &RunResult) -> &str {
    result.outcome.output.as_deref().unwrap_or_default()
}

pub(crate) fn reason(result: &RunResult) -> &str {
    result.outcome.reason.as_deref().unwrap_or_default()
}

pub(crate) fn ended(result: &RunResult) -> (i32, ExecStatus, Option<i32>) {
    (result.outcome.exit.0, result.outcome.status, result.raw_exit)
}

/// Waits until `path` has a whole line; what it says.
pub(crate) async fn line_in(path: &Path) -> String {
    loop {
        match fs::read_to_string(path) {
            Ok(text) if text.ends_with('\n') => return text.trim().to_owned(),
            _ => tokio::time::sleep(Duration::from_millis(1)).await,
        }
    }
}

/// Is there a process of this number that has not ended?
pub(crate) fn alive(pid: &str) -> bool {
    let state = fs::read_to_string(format!("/proc/{pid}/stat"));
    state.is_ok_and(|stat| !stat.rsplit(')').next().unwrap().trim_start().starts_with('Z'))
}

pub(crate) fn end(pid: &str) {
    kill(Pid::from_raw(pid.parse().unwrap()), Signal::SIGKILL).unwrap();
}

pub(crate) fn assert_no_children() {
    use nix::sys::wait::{WaitPidFlag, waitpid};
    assert_eq!(waitpid(None, Some(WaitPidFlag::WNOHANG)), Err(nix::errno::Errno::ECHILD));
}
