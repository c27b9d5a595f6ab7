// SPDX-License-Identifier: LGPL-2.1-or-later
//! The daemons' configuration, from command line and environment. A bad value never stops a daemon: it is
//! named in a warning together with what is used instead.
pub(in crate::daemon) mod reader;

use super::cli::{CommandLine, Program};
use super::logging::settings::LogSettings;
use crate::driver::environment::Environment;
use crate::driver::tokio::MemoryLimits;
use crate::model::certificate_files::Certificates;
use crate::model::options::{self, Effect, Value, boolean, enabled_for};
use crate::model::site::{IPC_BUFFER, REMOTE_PORT, REMOTE_SCHEMA_DIRECTORY, SCHEMA_DIRECTORY};
use crate::model::timespec;
use crate::transport::tcp;
pub use reader::ConfigWarning;
use reader::Reader;
use std::path::PathBuf;

/// The least bytes of a local IPC buffer.
pub const LEAST_IPC_BUFFER: usize = 12_336;

/// The least bytes for a class of peers: a message of the greatest length, and something beside it.
pub const LEAST_MEMORY: usize = 24 * 1024 * 1024;

/// Carrier of the local IPC servers, in libqb's terms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IpcType {
    /// Shared memory.
    #[default]
    SharedMemory,
    /// Sockets.
    Socket,
}

/// All that can be configured.
#[derive(Clone, Debug)]
pub struct Config {
    /// Which daemon.
    pub program: Program,
    /// TCP port to listen on.
    pub port: u16,
    /// Was the port given on the command line? Then agents see it as PCMK_remote_port.
    pub port_from_command_line: bool,
    /// Names or addresses to listen on; empty: all.
    pub addresses: Vec<String>,
    /// The pre-shared key's file, when not in its default places.
    pub authkey_location: Option<PathBuf>,
    /// A second key that is accepted during a change of the key.
    pub second_authkey_location: Option<PathBuf>,
    /// Are clients with the key accepted beside those with certificates?
    pub accepts_psk: bool,
    /// GnuTLS priority string, for the transport to translate.
    pub tls_priorities: Option<String>,
    /// Files of certificates, which take the pre-shared key's place.
    pub certificates: Certificates,
    /// Carrier of the local IPC servers.
    pub ipc_type: IpcType,
    /// Bytes of a local IPC buffer.
    pub ipc_buffer: usize,
    /// What classes of peers may hold.
    pub memory: MemoryLimits,
    /// Told to the controller at sign-on.
    pub node_start_state: Option<String>,
    /// Schemas as installed.
    pub schema_directory: PathBuf,
    /// Where schemas from the cluster go.
    pub remote_schema_directory: PathBuf,
    /// Hardware watchdog timeout that sbd uses, in milliseconds. TCP_USER_TIMEOUT is half of it.
    pub sbd_watchdog_timeout_ms: Option<u64>,
    /// What is logged and where.
    pub log: LogSettings,
}

impl Config {
    /// Reads it all. The warnings are for the log, once there is one.
    pub fn read(
        program: Program,
        command_line: &CommandLine,
        environment: &Environment,
    ) -> (Self, Vec<ConfigWarning>) {
        let mut reader = Reader::new(environment);
        let config = Self {
            program,
            port: port(&mut reader, command_line),
            port_from_command_line: command_line.port.is_some(),
            addresses: reader
                .text(&options::REMOTE_ADDRESS)
                .map(|text| tcp::split_addresses(&text))
                .unwrap_or_default(),
            authkey_location: reader.path(&options::AUTHKEY_LOCATION),
            second_authkey_location: reader.path(&options::SECOND_AUTHKEY_LOCATION),
            accepts_psk: reader.parsed(&options::TLS_ACCEPT_PSK, "no", boolean).unwrap_or_default(),
            tls_priorities: reader.text(&options::TLS_PRIORITIES),
            certificates: environment.certificates(),
            ipc_type: reader.parsed(&options::IPC_TYPE, "shared-mem", ipc_type).unwrap_or_default(),
            ipc_buffer: ipc_buffer(&mut reader),
            memory: memory(&mut reader),
            node_start_state: reader.text(&options::NODE_START_STATE),
            schema_directory: reader.path(&options::SCHEMA_DIRECTORY).unwrap_or(SCHEMA_DIRECTORY.into()),
            remote_schema_directory: reader
                .path(&options::REMOTE_SCHEMA_DIRECTORY)
                .unwrap_or(REMOTE_SCHEMA_DIRECTORY.into()),
            sbd_watchdog_timeout_ms: sbd_watchdog_timeout_ms(&mut reader),
            log: LogSettings::read(program, command_line, &mut reader),
        };
        without_effect(&mut reader, program);
        (config, reader.into_warnings())
    }
}

fn port(reader: &mut Reader<'_>, command_line: &CommandLine) -> u16 {
    let parse = |text: &str| options::DAEMON.port(text);
    let option = &options::REMOTE_PORT;
    match &command_line.port {
        Some(text) => parse(text).unwrap_or_else(|| {
            reader.warn("--port", text, option.value.problem(), &REMOTE_PORT.to_string());
            REMOTE_PORT
        }),
        None => reader.parsed(option, &REMOTE_PORT.to_string(), parse).unwrap_or(REMOTE_PORT),
    }
}

fn ipc_type(text: &str) -> Option<IpcType> {
    match text {
        "shared-mem" => Some(IpcType::SharedMemory),
        "socket" => Some(IpcType::Socket),
        // libqb knows the words "posix" and "sysv" and implements neither.
        _ => None,
    }
}

fn ipc_buffer(reader: &mut Reader<'_>) -> usize {
    let asked = reader
        .parsed(&options::IPC_BUFFER, &IPC_BUFFER.to_string(), |text| {
            let size = options::DAEMON.number(text)?;
            (size != 0 && i32::try_from(size).is_ok()).then_some(size as usize)
        })
        .unwrap_or(IPC_BUFFER);
    if asked < LEAST_IPC_BUFFER {
        reader.warn_option(&options::IPC_BUFFER, "too small", &LEAST_IPC_BUFFER.to_string());
    }
    asked.max(LEAST_IPC_BUFFER)
}

fn memory(reader: &mut Reader<'_>) -> MemoryLimits {
    let mut limits = MemoryLimits::default();
    for (option, limit) in [
        (&options::UNAUTHENTICATED_MEMORY, &mut limits.unauthenticated),
        (&options::REMOTE_MEMORY, &mut limits.remote),
        (&options::PRIVILEGED_MEMORY, &mut limits.privileged),
        (&options::MEMBER_MEMORY, &mut limits.members),
        (&options::OUTPUT_MEMORY, &mut limits.output),
        (&options::PARAMETER_MEMORY, &mut limits.parameters),
    ] {
        let parse = |text: &str| options::DAEMON.number(text).map(|size| size as usize);
        let Some(asked) = reader.parsed(option, &limit.to_string(), parse) else { continue };
        if asked < LEAST_MEMORY {
            reader.warn_option(option, "too small", &LEAST_MEMORY.to_string());
        }
        *limit = asked.max(LEAST_MEMORY);
    }
    limits
}

fn sbd_watchdog_timeout_ms(reader: &mut Reader<'_>) -> Option<u64> {
    let value = reader.environment().get("SBD_WATCHDOG_TIMEOUT")?.to_string_lossy().into_owned();
    let parsed = timespec::milliseconds(&value).and_then(|ms| u64::try_from(ms).ok());
    if parsed.is_none() && !value.is_empty() {
        reader.warn("SBD_WATCHDOG_TIMEOUT", &value, "not a time", "no watchdog timeout");
    }
    parsed.filter(|ms| *ms > 0)
}

/// Says which variables are set to something that this daemon does not do.
fn without_effect(reader: &mut Reader<'_>, program: Program) {
    for option in options::ALL {
        let Effect::None(reason) = option.effect else { continue };
        let asks = |text: String| option.value != Value::Daemons || enabled_for(&text, program.name());
        if reader.text(option).is_some_and(asks) {
            reader.warn_option(option, &format!("without effect: {reason}"), "");
        }
    }
    for option in options::ALL.iter().filter(|option| option.value == Value::Daemons) {
        let typo = |text: String| boolean(&text).is_none() && !text.contains("pacemaker");
        if reader.text(option).is_some_and(typo) {
            reader.warn_option(option, option.value.problem(), "no");
        }
    }
}

#[cfg(test)]
mod tests;
