// SPDX-License-Identifier: LGPL-2.1-or-later
//! The daemons' configuration, from command line and environment. A bad value never stops a daemon: it is
//! named in a warning together with what is used instead.
pub(in crate::daemon) mod reader;

use super::cli::{CommandLine, Program};
use super::environment::{Environment, boolean};
use super::logging::settings::LogSettings;
use crate::model::timespec;
use crate::transport::tcp;
pub use reader::ConfigWarning;
use reader::Reader;
use std::path::PathBuf;

/// Where a Pacemaker Remote listens unless told otherwise.
pub const DEFAULT_PORT: u16 = 3121;
/// Bytes of a local IPC buffer unless told otherwise.
pub const DEFAULT_IPC_BUFFER: usize = 131_072;
/// The least bytes of a local IPC buffer.
pub const LEAST_IPC_BUFFER: usize = 12_336;

/// Carrier of the local IPC servers, in libqb's terms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IpcType {
    /// Shared memory.
    #[default]
    SharedMemory,
    /// Sockets.
    Socket,
}

/// Which X.509 variables are set. The daemon has no X.509: with all three needed ones set the administrator
/// expects certificates to guard the port, so it must refuse to listen rather than fall back to the key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct X509Variables {
    /// Names of those set.
    pub variables: Vec<String>,
    /// Are authority, certificate and key all there?
    pub complete: bool,
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
    /// GnuTLS priority string, for the transport to translate.
    pub tls_priorities: Option<String>,
    /// X.509 variables that are set.
    pub x509: X509Variables,
    /// Carrier of the local IPC servers.
    pub ipc_type: IpcType,
    /// Bytes of a local IPC buffer.
    pub ipc_buffer: usize,
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
                .text("remote_address")
                .map(|text| tcp::split_addresses(&text))
                .unwrap_or_default(),
            authkey_location: reader.path("authkey_location"),
            tls_priorities: reader.text("tls_priorities"),
            x509: x509(environment),
            ipc_type: reader
                .parsed("ipc_type", "not one of shared-mem and socket", "shared-mem", ipc_type)
                .unwrap_or_default(),
            ipc_buffer: ipc_buffer(&mut reader),
            node_start_state: reader.text("node_start_state"),
            schema_directory: reader.path("schema_directory").unwrap_or("/usr/share/pacemaker".into()),
            remote_schema_directory: reader
                .path("remote_schema_directory")
                .unwrap_or("/var/lib/pacemaker/schemas".into()),
            sbd_watchdog_timeout_ms: sbd_watchdog_timeout_ms(&mut reader),
            log: LogSettings::read(program, command_line, &mut reader),
        };
        without_effect(&mut reader, program);
        (config, reader.into_warnings())
    }
}

fn port(reader: &mut Reader<'_>, command_line: &CommandLine) -> u16 {
    let parse = |text: &str| text.trim().parse().ok().filter(|port| *port != 0);
    let problem = "not a port (1 to 65535)";
    match &command_line.port {
        Some(text) => parse(text).unwrap_or_else(|| {
            reader.warn("--port", text, problem, &DEFAULT_PORT.to_string());
            DEFAULT_PORT
        }),
        None => {
            reader.parsed("remote_port", problem, &DEFAULT_PORT.to_string(), parse).unwrap_or(DEFAULT_PORT)
        }
    }
}

fn x509(environment: &Environment) -> X509Variables {
    let find = |name: &str| {
        environment.option(name).map(|setting| setting.variable).or_else(|| {
            let old = format!("CIB_{name}");
            environment.get(&old).is_some_and(|value| !value.is_empty()).then_some(old)
        })
    };
    let needed: Vec<_> = ["ca_file", "cert_file", "key_file"].into_iter().filter_map(find).collect();
    X509Variables {
        complete: needed.len() == 3,
        variables: needed.into_iter().chain(find("crl_file")).collect(),
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
        .parsed("ipc_buffer", "not a size in bytes", &DEFAULT_IPC_BUFFER.to_string(), |text| {
            text.trim().parse().ok().filter(|size| *size != 0 && *size <= i32::MAX as usize)
        })
        .unwrap_or(DEFAULT_IPC_BUFFER);
    if asked < LEAST_IPC_BUFFER {
        reader.warn_option("ipc_buffer", "too small", &LEAST_IPC_BUFFER.to_string());
    }
    asked.max(LEAST_IPC_BUFFER)
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
    let nothing = "";
    for name in ["dh_min_bits", "dh_max_bits"] {
        reader.warn_option(name, "without effect: key exchange groups are those of tls_priorities", nothing);
    }
    for name in ["trace_formats", "trace_tags", "trace_blackbox"] {
        reader.warn_option(name, "without effect: use PCMK_trace_functions or PCMK_trace_files", nothing);
    }
    let asks = |text: &str| super::environment::enabled_for(text, program.name());
    if reader.text("blackbox").is_some_and(|text| asks(&text)) {
        reader.warn_option(
            "blackbox",
            "without effect: there is no flight recorder, see PCMK_debug",
            nothing,
        );
    }
    for name in ["debug", "stderr", "blackbox"] {
        let typo = |text: &str| boolean(text).is_none() && !text.contains("pacemaker");
        if reader.text(name).is_some_and(|text| typo(&text)) {
            reader.warn_option(name, "neither yes or no nor a list of daemons", "no");
        }
    }
}

#[cfg(test)]
mod tests;
