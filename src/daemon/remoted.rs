// SPDX-License-Identifier: LGPL-2.1-or-later
//! `pacemaker-remoted`: what it opens beside the executor's own IPC server.
use super::cli::Program;
use super::config::Config;
use super::course::{self, Prepared};
use super::notify::{self, Notifier};
use crate::core::DaemonKind;
use crate::driver::environment::Environment;
use crate::driver::tokio::{Servers, Sign, Supervision, TlsListeners};
use crate::log_notice;
use crate::model::options;
use crate::sys::tls::Policy;
use crate::transport::credentials::{Credentials, Notice};
use crate::transport::priorities::{self, PriorityError, Translation};
use crate::transport::tcp;
use log::warn;
use std::net::TcpListener;
use std::rc::Rc;
use std::time::Duration;

/// Runs the daemon; the process's exit code.
pub fn main() -> std::process::ExitCode {
    course::run(Program::Remoted, prepare)
}

/// Opens what must be open. An error is fatal, and a restart would not help.
fn prepare(config: &Config, environment: &Environment) -> Result<Prepared, String> {
    let credentials = credentials(config, environment)?;
    let watchdog = config.sbd_watchdog_timeout_ms.map(Duration::from_millis);
    let listeners = tcp::listen(&config.addresses, config.port, tcp::user_timeout(watchdog))
        .map_err(|problem| problem.to_string())?;
    let notifier = Rc::new(Notifier::new(environment).unwrap_or_else(|problem| {
        warn!("The service manager cannot be told that the daemon is ready: {problem}");
        Notifier::default()
    }));
    let stopping = Rc::clone(&notifier);
    let listening = addresses(&listeners);
    let supervision = supervision(Rc::clone(&notifier), environment, listening.clone());
    Ok(Prepared {
        daemon: DaemonKind::Remoted,
        servers: Servers::ExecutorAndProxied,
        remote: Some(Box::new(TlsListeners::new(listeners, credentials))),
        ready: Box::new(move || {
            log_notice!(
                "Ready: pacemaker-remoted successfully started and accepting connections on {listening}"
            );
            notifier.ready(&format!("Listening on {listening}"));
        }),
        stopping: Box::new(move || stopping.stopping("Shutting down")),
        supervision,
    })
}

/// What the service manager is told while the daemon serves; nothing where there is none.
fn supervision(notifier: Rc<Notifier>, environment: &Environment, listening: String) -> Option<Supervision> {
    if !notifier.is_connected() {
        return None;
    }
    let watchdog = notify::watchdog(environment).unwrap_or_else(|problem| {
        warn!("The service manager's watchdog gets no sign of life: {problem}");
        None
    });
    let tell = move |sign| match sign {
        Sign::Alive => notifier.alive(),
        Sign::State(count) => {
            let what = if count.is_shutting_down { "Shutting down" } else { "Listening" };
            let (clients, resources) = (count.clients, count.resources);
            notifier.status(&format!("{what} on {listening}; clients: {clients}, resources: {resources}"));
        }
    };
    Some(Supervision { watchdog, tell: Box::new(tell) })
}

/// Key, certificates or both, and TLS policy. No key is only a warning: it may come later. Certificates that cannot be used are
/// fatal: there is nothing else to fall back to. Without settings of TLS no context is made yet: what OpenSSL needs for it is
/// not resident until the first peer comes.
fn credentials(config: &Config, environment: &Environment) -> Result<Credentials, String> {
    if let Some(warning) = config.certificates.warning() {
        warn!("{warning}");
    }
    let text = config.tls_priorities.as_deref().unwrap_or_default();
    let mut credentials = match config.certificates.clone().complete() {
        Some(files) => {
            let mut policy = policy(priorities::translate_with_certificates(text))?;
            let demands = environment.strictness().map_err(|problem| problem.to_string())?;
            policy.strictness = policy.strictness.and(demands);
            let mut credentials = Credentials::with_certificates(files, policy);
            if config.accepts_psk {
                warn!(
                    "{} is set: clients with the pre-shared key are accepted beside those with certificates. Unset it when \
                     all cluster nodes use certificates",
                    options::TLS_ACCEPT_PSK.variable
                );
                credentials = credentials.accepting_keys(keys(config, text)?);
            }
            credentials.server_context().map_err(|problem| problem.to_string())?;
            credentials
        }
        None => {
            if let Some(warning) = environment.strictness_without_certificates() {
                warn!("{warning}");
            }
            if config.accepts_psk {
                warn!("{} has no effect without certificates", options::TLS_ACCEPT_PSK.variable);
            }
            let mut credentials = keys(config, text)?;
            let usable = match &config.tls_priorities {
                Some(_) => credentials.server_context().map(drop),
                None => credentials.check_key(),
            };
            if let Err(problem) = usable {
                warn!("Remote connections will fail until there is a key: {problem}");
            }
            credentials
        }
    };
    credentials.take_notices().iter().for_each(Notice::log);
    Ok(credentials)
}

/// The key, and the second one.
fn keys(config: &Config, priorities: &str) -> Result<Credentials, String> {
    let policy = policy(priorities::translate(priorities))?;
    let keys = Credentials::new(config.authkey_location.clone(), policy);
    let Some(second) = config.second_authkey_location.clone() else { return Ok(keys) };
    warn!(
        "{} is set: clients with the key in {} are accepted, too. Unset it when all cluster nodes use the new key",
        options::SECOND_AUTHKEY_LOCATION.variable,
        second.display()
    );
    Ok(keys.accepting_second_key(second))
}

/// The policy; what was left out of it is logged.
fn policy(translated: Result<Translation, PriorityError>) -> Result<Policy, String> {
    let translation = translated.map_err(|problem| problem.to_string())?;
    for note in &translation.notes {
        warn!("PCMK_tls_priorities: {note}");
    }
    Ok(translation.policy)
}

fn addresses(listeners: &[TcpListener]) -> String {
    let addresses = listeners.iter().filter_map(|listener| listener.local_addr().ok());
    addresses.map(|address| address.to_string()).collect::<Vec<_>>().join(", ")
}
