// SPDX-License-Identifier: LGPL-2.1-or-later
//! The daemon's driver in a thread of this process, with limits shorter than the daemon's own.
use crate::node::{KEY, PORT};
use crate::place::eventually_some;
use log::{Log, Metadata, Record};
use pcmk_remote_rs::agents::AgentConfig;
use pcmk_remote_rs::core::{DaemonKind, Settings};
use pcmk_remote_rs::driver::tokio::{Hooks, IpcConfig, Limits, Setup, TlsListeners, serve};
use pcmk_remote_rs::session::SchemaFile;
use pcmk_remote_rs::sys::tls::Policy;
use pcmk_remote_rs::transport::credentials::Credentials;
use pcmk_remote_rs::transport::tcp;
use std::sync::mpsc::channel;
use std::sync::{Mutex, PoisonError};
use std::thread::{self, ThreadId};

static LINES: Mutex<Vec<(ThreadId, String)>> = Mutex::new(Vec::new());

/// Keeps what each thread says.
struct Collector;

impl Log for Collector {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        let line = (thread::current().id(), format!("{}: {}", record.level(), record.args()));
        LINES.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }

    fn flush(&self) {}
}

/// A node without schemas or a watchdog.
struct PlainNode;

impl Hooks for PlainNode {
    fn watchdog_fits(&self, _: Option<&str>) -> Result<(), String> {
        Ok(())
    }

    fn prepare_schemas(&self) -> Result<String, String> {
        Err("there are none".to_owned())
    }

    fn keep_schemas(&self, _: &[SchemaFile]) -> Result<(), String> {
        Err("there are none".to_owned())
    }
}

/// A driver that serves until the process ends.
pub(crate) struct Driver(ThreadId);

impl Driver {
    pub(crate) fn start(limits: Limits) -> Self {
        // Only the first of several tests can, and one is enough.
        if log::set_logger(&Collector).is_ok() {
            log::set_max_level(log::LevelFilter::Info);
        }
        let (ready, waiting) = channel();
        let thread = thread::spawn(move || {
            let setup = Setup {
                settings: Settings {
                    daemon: DaemonKind::Remoted,
                    node_start_state: None,
                    parameter_memory: None,
                },
                remote: Some(Box::new(TlsListeners::new(
                    tcp::listen(&[], PORT, None).unwrap(),
                    Credentials::at(vec![KEY.into()], Policy::default()),
                ))),
                agents: AgentConfig::new([].into()),
                hooks: Box::new(PlainNode),
                limits,
                ipc: IpcConfig::default(),
                status: None,
                supervision: None,
                ready: Box::new(move || ready.send(()).unwrap()),
                stopping: Box::new(|| {}),
                reopen_logs: Box::new(|| {}),
            };
            serve(setup).unwrap()
        });
        waiting.recv().expect("the driver serves");
        Self(thread.thread().id())
    }

    /// What it has said.
    fn said(&self) -> Vec<String> {
        let lines = LINES.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().filter(|(of, _)| *of == self.0).map(|(_, line)| line.clone()).collect()
    }

    /// Waits for a line that holds all of `words`.
    pub(crate) fn await_log(&self, words: &[&str]) {
        eventually_some(&format!("a log line with {words:?}"), || {
            self.said().iter().any(|line| words.iter().all(|word| line.contains(word))).then_some(())
        });
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("the driver's log:\n{}", self.said().join("\n"));
        }
    }
}
