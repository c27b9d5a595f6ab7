// SPDX-License-Identifier: LGPL-2.1-or-later
//! `pacemaker-remoted` from its first instruction to its exit code.
use super::agent_environment::agent_environment;
use super::cli::{self, Program};
use super::config::{Config, IpcType};
use super::environment::Environment;
use super::exit::ExitCode;
use super::hooks::NodeHooks;
use super::logging::{self, LogHandle};
use super::notify::Notifier;
use super::{pid1, startup};
use crate::agents::AgentConfig;
use crate::core::{DaemonKind, Settings};
use crate::driver::tokio::{IpcConfig, IpcTransport, Limits, Setup, serve};
use crate::transport::credentials::Credentials;
use crate::transport::{priorities, tcp};
use crate::{log_critical, log_notice};
use log::{debug, warn};
use std::net::TcpListener;
use std::rc::Rc;
use std::time::Duration;

const PROGRAM: Program = Program::Remoted;

/// Runs the daemon; the process's exit code.
pub fn main() -> std::process::ExitCode {
    let mut environment = Environment::of_process();
    let (_, mut warnings) = match pid1::enter(&mut environment) {
        Ok(entered) => entered,
        Err(problem) => return before_log(&format!("cannot work as the first process: {problem}")),
    };
    startup::set_file_mode_mask();
    let command_line = match cli::parse(PROGRAM, std::env::args_os()).or_say() {
        Ok(command_line) => command_line,
        Err(exit) => return exit.into(),
    };
    let (config, more) = Config::read(PROGRAM, &command_line, &environment);
    warnings.extend(more.iter().map(ToString::to_string));
    let log = match logging::start(PROGRAM, config.log.clone()) {
        Ok(log) => log,
        Err(problem) => return before_log(&format!("cannot start logging: {problem}")),
    };
    log.log_panics();
    log_notice!("Starting pacemaker-remoted {} (pcmk-remote-rs)", env!("CARGO_PKG_VERSION"));
    for warning in warnings {
        warn!("{warning}");
    }
    startup::prepare(&environment);
    let code = run(config, &environment, &log).unwrap_or_else(|problem| {
        log_critical!("{problem}");
        ExitCode::Fatal.code()
    });
    log_notice!("Exiting with code {code}");
    log.flush();
    code.into()
}

/// There is no log yet: all that is left is standard error.
#[allow(clippy::print_stderr, reason = "nothing else is there yet")]
fn before_log(problem: &str) -> std::process::ExitCode {
    eprintln!("{}: {problem}", PROGRAM.name());
    ExitCode::OsError.into()
}

/// Opens what must be open, then serves. An error is fatal, and a restart would not help.
fn run(config: Config, environment: &Environment, log: &LogHandle) -> Result<u8, String> {
    let credentials = credentials(&config)?;
    let watchdog = config.sbd_watchdog_timeout_ms.map(Duration::from_millis);
    let listeners = tcp::listen(&config.addresses, config.port, tcp::user_timeout(watchdog))
        .map_err(|problem| problem.to_string())?;
    let mut agents = AgentConfig::new(agent_environment(&config, environment).into());
    agents.file_limit = startup::original_file_limit();
    debug!("OCF agents are looked for in {}", agents.ocf_search_path);
    let notifier = Rc::new(Notifier::new(environment).unwrap_or_else(|problem| {
        warn!("The service manager cannot be told that the daemon is ready: {problem}");
        Notifier::default()
    }));
    let stopping = Rc::clone(&notifier);
    let listening = addresses(&listeners);
    let reopen = log.clone();
    serve(Setup {
        settings: Settings { daemon: DaemonKind::Remoted, node_start_state: config.node_start_state.clone() },
        listeners,
        credentials,
        agents,
        limits: Limits::default(),
        ipc: IpcConfig {
            transport: transport(config.ipc_type),
            buffer_size: u32::try_from(config.ipc_buffer).unwrap_or(u32::MAX),
            ..IpcConfig::default()
        },
        hooks: Box::new(NodeHooks::new(config)),
        ready: Box::new(move || {
            log_notice!(
                "Ready: pacemaker-remoted successfully started and accepting connections on {listening}"
            );
            notifier.ready(&format!("Listening on {listening}"));
        }),
        stopping: Box::new(move || stopping.stopping("Shutting down")),
        reopen_logs: Box::new(move || reopen.reopen()),
    })
    .map_err(|problem| problem.to_string())
}

/// Key and TLS policy. No key is only a warning: it may come later.
fn credentials(config: &Config) -> Result<Credentials, String> {
    if config.x509.complete {
        return Err(format!(
            "X.509 certificates are configured ({}), which this version does not support; it will not fall back to \
             the pre-shared key. Unset these variables on this node and, for its connection, on the cluster nodes",
            config.x509.variables.join(", ")
        ));
    }
    let policy = match &config.tls_priorities {
        Some(text) => {
            let translation = priorities::translate(text).map_err(|problem| problem.to_string())?;
            for note in &translation.notes {
                warn!("PCMK_tls_priorities: {note}");
            }
            translation.policy
        }
        None => crate::sys::tls::Policy::default(),
    };
    let mut credentials = Credentials::new(config.authkey_location.clone(), policy);
    if let Err(problem) = credentials.server_context() {
        warn!("Remote connections will fail until there is a key: {problem}");
    }
    for warning in credentials.take_warnings() {
        warn!("{warning}");
    }
    Ok(credentials)
}

fn transport(configured: IpcType) -> IpcTransport {
    match configured {
        IpcType::SharedMemory => IpcTransport::SharedMemory,
        IpcType::Socket => IpcTransport::Socket,
    }
}

fn addresses(listeners: &[TcpListener]) -> String {
    let addresses = listeners.iter().filter_map(|listener| listener.local_addr().ok());
    addresses.map(|address| address.to_string()).collect::<Vec<_>>().join(", ")
}
