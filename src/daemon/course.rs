// SPDX-License-Identifier: LGPL-2.1-or-later
//! The course of either daemon, from its first instruction to its exit code.
use super::agent_environment::agent_environment;
use super::cli::{self, Program};
use super::config::{Config, IpcType};
use super::exit::ExitCode;
use super::hooks::NodeHooks;
use super::logging::{self, LogHandle};
use super::startup;
use crate::agents::AgentConfig;
use crate::core::{DaemonKind, Settings};
use crate::driver::environment::Environment;
use crate::driver::pid1;
use crate::driver::status;
use crate::driver::tokio::{
    IpcConfig, IpcTransport, Limits, RemoteSide, Servers, Setup, StatusConfig, Supervision, serve,
};
use crate::{log_critical, log_notice};
use log::{debug, warn};

/// In what the daemons differ, once there is a log.
pub(super) struct Prepared {
    pub(super) daemon: DaemonKind,
    pub(super) servers: Servers,
    /// For remote clients.
    pub(super) remote: Option<Box<dyn RemoteSide>>,
    /// Called once when clients are served.
    pub(super) ready: Box<dyn FnOnce()>,
    /// Called once when the way out begins.
    pub(super) stopping: Box<dyn FnOnce()>,
    /// Who supervises the daemon, if anybody does.
    pub(super) supervision: Option<Supervision>,
}

/// Opens what one of the daemons needs; an error is fatal, and a restart would not help.
pub(super) type Prepare = fn(&Config, &Environment) -> Result<Prepared, String>;

/// Runs a daemon; the process's exit code.
pub(super) fn run(program: Program, prepare: Prepare) -> std::process::ExitCode {
    crate::sys::heap::configure();
    let mut environment = Environment::of_process();
    let mut warnings = Vec::new();
    if program == Program::Remoted {
        match pid1::enter(&mut environment) {
            Ok((_, found)) => warnings = found,
            Err(problem) => {
                return before_log(program, &format!("cannot work as the first process: {problem}"));
            }
        }
    }
    startup::set_file_mode_mask();
    let command_line = match cli::parse(program, std::env::args_os()).or_say() {
        Ok(command_line) => command_line,
        Err(exit) => return exit.into(),
    };
    let (config, more) = Config::read(program, &command_line, &environment);
    warnings.extend(more.iter().map(ToString::to_string));
    let log = match logging::start(program, config.log.clone()) {
        Ok(log) => log,
        Err(problem) => return before_log(program, &format!("cannot start logging: {problem}")),
    };
    log.log_panics();
    log_notice!("Starting {} {} (pcmk-remote-rs)", program.name(), env!("CARGO_PKG_VERSION"));
    for warning in warnings {
        warn!("{warning}");
    }
    startup::prepare(&environment);
    let prepared = prepare(&config, &environment);
    let served = prepared.and_then(|prepared| serve_until_exit(prepared, config, &environment, &log));
    let code = served.unwrap_or_else(|problem| {
        log_critical!("{problem}");
        ExitCode::Fatal.code()
    });
    log_notice!("Exiting with code {code}");
    log.flush();
    code.into()
}

/// There is no log yet: all that is left is standard error.
#[allow(clippy::print_stderr, reason = "nothing else is there yet")]
fn before_log(program: Program, problem: &str) -> std::process::ExitCode {
    eprintln!("{}: {problem}", program.name());
    ExitCode::OsError.into()
}

fn serve_until_exit(
    prepared: Prepared,
    config: Config,
    environment: &Environment,
    log: &LogHandle,
) -> Result<u8, String> {
    let mut agents = AgentConfig::new(agent_environment(&config, environment).into());
    agents.file_limit = startup::original_file_limit();
    debug!("OCF agents are looked for in {}", agents.ocf_search_path);
    let reopen = log.clone();
    serve(Setup {
        settings: Settings {
            daemon: prepared.daemon,
            node_start_state: config.node_start_state.clone(),
            parameter_memory: Some(config.memory.parameters),
        },
        remote: prepared.remote,
        agents,
        limits: Limits { memory: config.memory, ..Limits::default() },
        ipc: IpcConfig {
            servers: prepared.servers,
            transport: transport(config.ipc_type),
            buffer_size: u32::try_from(config.ipc_buffer).unwrap_or(u32::MAX),
            memory: config.memory,
            ..IpcConfig::default()
        },
        hooks: Box::new(NodeHooks::new(config)),
        status: Some(StatusConfig {
            directory: status::DIRECTORY.into(),
            name: name(prepared.daemon),
            release: env!("CARGO_PKG_VERSION"),
        }),
        ready: prepared.ready,
        stopping: prepared.stopping,
        supervision: prepared.supervision,
        reopen_logs: Box::new(move || reopen.reopen()),
    })
    .map_err(|problem| problem.to_string())
}

const fn name(daemon: DaemonKind) -> &'static str {
    match daemon {
        DaemonKind::Remoted => Program::Remoted.name(),
        DaemonKind::Execd => Program::Executor.name(),
    }
}

fn transport(configured: IpcType) -> IpcTransport {
    match configured {
        IpcType::SharedMemory => IpcTransport::SharedMemory,
        IpcType::Socket => IpcTransport::Socket,
    }
}
