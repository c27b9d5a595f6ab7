// SPDX-License-Identifier: LGPL-2.1-or-later
//! From sockets that are open to a daemon that serves, until it has to exit.
use super::bulk::Bulk;
use super::carrier::{self, TokioCarrier};
use super::fencer::Fencer;
use super::inbox::Inbox;
use super::ipc::LocalServers;
use super::limits::Limits;
use super::listener::{RemoteSide, Surroundings};
use super::local_peers::LocalPeers;
use super::pulse::{Pulse, Supervision};
use super::questions;
use super::signals;
use super::starter::Starter;
use super::status::{self, Observed, StatusConfig};
use super::systemd::Units;
use super::turns::Turns;
use super::{printed, reclaim};
use crate::agents::AgentConfig;
use crate::core::{Server, Settings};
use crate::driver::clock::Clock;
use crate::driver::hub::{Hooks, Hub};
use std::io;
use std::rc::Rc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::{LocalSet, spawn_local};

/// Everything that the daemon has prepared.
pub struct Setup {
    /// For the core.
    pub settings: Settings,
    /// Where remote peers come in, if they do.
    pub remote: Option<Box<dyn RemoteSide>>,
    /// How agents are run.
    pub agents: AgentConfig,
    /// The daemon's decisions.
    pub hooks: Box<dyn Hooks>,
    /// Bounds on peers.
    pub limits: Limits,
    /// What the IPC servers need.
    pub ipc: super::ipc::IpcConfig,
    /// Where to show what the daemon does, if anywhere.
    pub status: Option<StatusConfig>,
    /// Called once when clients are served, for readiness and the like.
    pub ready: Box<dyn FnOnce()>,
    /// Who supervises the daemon, if anybody does.
    pub supervision: Option<Supervision>,
    /// Called once when the way out begins, which may be long before [`serve`] returns.
    pub stopping: Box<dyn FnOnce()>,
    /// Called at SIGHUP.
    pub reopen_logs: Box<dyn Fn()>,
}

/// Serves until the core or a fatal condition says exit; the exit code.
///
/// # Errors
/// The runtime, a listener or an IPC server could not be set up; nothing was served.
pub fn serve(setup: Setup) -> io::Result<u8> {
    on_runtime(run(setup))?
}

/// Runs the future, and drops what tasks are left.
fn on_runtime<T>(future: impl Future<Output = T>) -> io::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
    let output = {
        // The bus's streams start a task when they are dropped: also those of tasks that are left.
        let _context = runtime.enter();
        let tasks = LocalSet::new();
        tasks.block_on(&runtime, future)
    };
    // Agents that still run are nobody's children from here on: they live on, as after a crash.
    runtime.shutdown_timeout(Duration::ZERO);
    Ok(output)
}

async fn run(setup: Setup) -> io::Result<u8> {
    let clock = Clock::start();
    let inbox = Inbox::default();
    let turns = Turns::start();
    let bulk = Bulk::new();
    let core = Server::new(setup.settings, clock.now());
    let peers = Rc::new(LocalPeers::new(inbox.clone(), bulk.clone(), clock));
    let locals = LocalServers::beside(Rc::clone(&turns), bulk.clone(), setup.ipc, peers)?;
    let reload = Rc::new(Notify::new());
    let observed = Rc::<Observed>::default();
    let around = Surroundings {
        inbox: inbox.clone(),
        turns,
        bulk,
        limits: setup.limits,
        clock,
        reload: Rc::clone(&reload),
        observed: Rc::clone(&observed),
    };
    let listeners = match setup.remote {
        Some(remote) => remote.start(around)?,
        None => Vec::new(),
    };
    printed::set_limit(setup.limits.memory.output);
    spawn_local(reclaim::serve());
    let reopen_logs = setup.reopen_logs;
    let hang_up = move || {
        reopen_logs();
        reload.notify_one();
    };
    signals::watch(&inbox, Box::new(hang_up))?;
    let (asker, questions) = questions::channel();
    if let Some(config) = setup.status {
        status::start(config, asker, observed);
    }
    (setup.ready)();
    let told = inbox.clone();
    let tell = move |run, progress| carrier::report(&told, clock, run, progress);
    let carrier = TokioCarrier {
        clock,
        starter: Starter::new(setup.agents, tell),
        units: Units::default(),
        fencer: Fencer::new(inbox.clone()),
        locals,
        listeners,
        stopping: Some(setup.stopping),
    };
    let hub = Hub::new(core, carrier, inbox, setup.hooks);
    spawn_local(carrier::serve(hub, questions, setup.supervision.map(Pulse::new)))
        .await
        .map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Starter;

    impl Drop for Starter {
        fn drop(&mut self) {
            drop(tokio::spawn(async {}));
        }
    }

    #[test]
    fn what_is_left_may_start_tasks_when_it_is_dropped() {
        let left = async {
            let held = Starter;
            std::future::pending::<()>().await;
            drop(held);
        };
        let output = on_runtime(async {
            spawn_local(left);
            tokio::task::yield_now().await;
            7
        });
        assert_eq!(output.unwrap(), 7);
    }
}
