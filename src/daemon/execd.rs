// SPDX-License-Identifier: LGPL-2.1-or-later
//! `pacemaker-execd`: the executor of a full cluster node, started and watched by pacemakerd. It serves local
//! clients only, and its fence devices run in the fencer. It names nothing of TLS, so that the linker leaves OpenSSL out.
use super::cli::Program;
use super::config::Config;
use super::course::{self, Prepared};
use crate::core::DaemonKind;
use crate::driver::environment::Environment;
use crate::driver::tokio::Servers;
use crate::log_notice;

/// Runs the daemon; the process's exit code.
pub fn main() -> std::process::ExitCode {
    course::run(Program::Executor, prepare)
}

fn prepare(_: &Config, _: &Environment) -> Result<Prepared, String> {
    Ok(Prepared {
        daemon: DaemonKind::Execd,
        servers: Servers::Executor,
        remote: None,
        ready: Box::new(|| {
            log_notice!("Ready: pacemaker-execd successfully started and accepting connections");
        }),
        stopping: Box::new(|| {}),
        supervision: None,
    })
}
