// SPDX-License-Identifier: LGPL-2.1-or-later
//! From sockets that are open to a daemon that serves, until it has to exit.
use super::clock::Clock;
use super::deadline::Alarm;
use super::hub::{Hooks, Hub};
use super::ipc::LocalServers;
use super::limits::Limits;
use super::listener::{Waiting, accept};
use super::local_hub::LocalEar;
use super::signals;
use crate::agents::AgentConfig;
use crate::core::{Server, Settings};
use crate::transport::credentials::Credentials;
use std::io;
use std::rc::Rc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::{LocalSet, spawn_local};

/// Everything that the daemon has prepared.
pub struct Setup {
    /// For the core.
    pub settings: Settings,
    /// Bound and listening, non-blocking.
    pub listeners: Vec<std::net::TcpListener>,
    /// Where keys come from.
    pub credentials: Credentials,
    /// How agents are run.
    pub agents: AgentConfig,
    /// The daemon's decisions.
    pub hooks: Box<dyn Hooks>,
    /// Bounds on peers.
    pub limits: Limits,
    /// What the IPC servers need.
    pub ipc: super::ipc::IpcConfig,
    /// Called once when clients are served, for readiness and the like.
    pub ready: Box<dyn FnOnce()>,
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
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
    let local = LocalSet::new();
    let code = local.block_on(&runtime, run(setup));
    {
        // Whatever is still held ends within the runtime: a connection to D-Bus panics elsewhere.
        let _context = runtime.enter();
        drop(local);
    }
    // Agents that still run are nobody's children from here on: they live on, as after a crash.
    runtime.shutdown_timeout(Duration::ZERO);
    code
}

async fn run(setup: Setup) -> io::Result<u8> {
    let clock = Clock::start();
    let core = Server::new(setup.settings, clock.now());
    let hub = Hub::new(core, clock, setup.agents, setup.credentials, setup.hooks, setup.limits);
    let locals = LocalServers::start(setup.ipc, Rc::new(LocalEar::new(&hub)))?;
    hub.attach_locals(locals);
    let waiting = Rc::new(Waiting::default());
    for listener in setup.listeners {
        let listener = TcpListener::from_std(listener)?;
        spawn_local(accept(Rc::clone(&hub), Rc::clone(&waiting), listener));
    }
    spawn_local(Alarm::run(Rc::clone(&hub)));
    signals::watch(&hub, setup.reopen_logs)?;
    (setup.ready)();
    let mut leaving = hub.stop_listening();
    tokio::select! {
        _ = leaving.wait_for(|leaving| *leaving) => {}
        _ = hub.exit_code() => {}
    }
    (setup.stopping)();
    let code = hub.exit_code().await;
    hub.say_goodbye();
    hub.stop_locals();
    Ok(code)
}
