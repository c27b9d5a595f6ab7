// SPDX-License-Identifier: LGPL-2.1-or-later
//! What the environment says about connections. As upstream, each variable is read when it is needed first, and the
//! answer stays.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::place::Place;
use crate::capi::abi::{BEHAVIOUR, RELEASE};
use crate::driver::client::{
    HANDSHAKE_LIMIT, Identity, Keys, RemoteSettings, strictness_of_environment,
    strictness_without_certificates,
};
use crate::model::options::{self, ClusterOption, Rules};
use crate::model::site::{EXECUTOR_SERVER, KEY_FILES, REMOTE_PORT};

/// What `lrmd__uptime()` answers when the executor did not tell.
pub(super) const UPTIME_UNKNOWN: i64 = -1;
/// For name and TCP of a waited connection.
pub(super) const CONNECT_LIMIT: Duration = Duration::from_secs(60);
/// How long sent data may stay unacknowledged. Not less than the callers' own pokes usually allow: an interruption that
/// they would not notice must not end the connection.
const USER_TIMEOUT: Duration = Duration::from_secs(60);

/// How this release's library reads options.
const RULES: Rules = options::client(RELEASE);

/// The value of an option, if it is set.
fn option(option: &ClusterOption) -> Option<OsString> {
    RULES.find(option, |variable| env::var_os(variable)).map(|setting| setting.value)
}

/// The port of remote nodes that are given without one.
pub(super) fn default_port() -> u16 {
    static PORT: OnceLock<u16> = OnceLock::new();
    *PORT.get_or_init(|| {
        let Some(value) = option(&options::REMOTE_PORT) else { return REMOTE_PORT };
        let value = value.to_string_lossy();
        RULES.port(&value).unwrap_or_else(|| {
            log::warn!("{} ({value}) is no port: {REMOTE_PORT} is used", options::REMOTE_PORT.variable);
            REMOTE_PORT
        })
    })
}

fn make_keys() -> Keys {
    let certificates = RULES.certificates(|variable| env::var_os(variable));
    if let Some(warning) = certificates.warning() {
        log::warn!("{warning}");
    }
    if !RULES.certificates && is_certificate_set() {
        log::warn!(
            "{} and its like have no effect: programs of Pacemaker 2.1 use the pre-shared key alone",
            options::CA_FILE.variable
        );
    }
    let certificates = certificates.complete();
    if let Some(warning) = strictness_without_certificates(RULES).filter(|_| certificates.is_none()) {
        log::warn!("{warning}");
    }
    let priorities = option(&options::TLS_PRIORITIES).unwrap_or_default();
    let priorities = priorities.to_string_lossy();
    match certificates {
        Some(files) => match strictness_of_environment(RULES) {
            Ok(strictness) => Keys::with_strict_certificates(files, &priorities, strictness),
            Err(problem) => Keys::unusable(problem),
        },
        None => Keys::new(key_locations(), &priorities),
    }
}

/// Is a file of certificates named for programs of Pacemaker 3.0?
fn is_certificate_set() -> bool {
    [options::CA_FILE, options::CERT_FILE, options::KEY_FILE]
        .iter()
        .any(|option| env::var_os(option.variable).is_some_and(|path| !path.is_empty()))
}

/// Where the cluster's key may be, the first place first.
pub(super) fn key_locations() -> Vec<PathBuf> {
    key_files(option(&options::AUTHKEY_LOCATION))
}

/// All stand in for one another, or it is the configured one alone, or the default.
fn key_files(configured: Option<OsString>) -> Vec<PathBuf> {
    let configured = configured.map(PathBuf::from);
    let [default, old] = KEY_FILES.map(PathBuf::from);
    if !BEHAVIOUR.default_keys_stand_in {
        return vec![configured.unwrap_or(default)];
    }
    let mut files: Vec<PathBuf> = configured.into_iter().collect();
    for file in [default, old] {
        if !files.contains(&file) {
            files.push(file);
        }
    }
    files
}

/// What a connection to `place` needs; None for the local executor.
pub(super) fn remote(place: &Place, connect_limit: Duration) -> Option<RemoteSettings> {
    thread_local! {
        static KEYS: Arc<Keys> = Arc::new(make_keys());
    }
    let Place::Remote { server, port } = place else { return None };
    Some(RemoteSettings {
        server: server.clone(),
        port: *port,
        connect_limit,
        handshake_limit: HANDSHAKE_LIMIT,
        user_timeout: USER_TIMEOUT,
        keys: KEYS.with(Arc::clone),
    })
}

/// The client's name of a connection that no call waits for: upstream forgets the caller's.
pub(super) fn generated_name(place: &Place) -> String {
    match place {
        Place::Local => EXECUTOR_SERVER.to_owned(),
        Place::Remote { server, port } => format!("pacemaker-remote-{server}:{port}"),
    }
}

/// Who signs on.
pub(super) fn identity(name: Option<String>, is_provider: bool) -> Identity {
    Identity { name, is_provider, version: BEHAVIOUR.protocol_version }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configured_key_file_comes_first() {
        let files = key_files(Some("/k".into()));
        assert_eq!(files.first(), Some(&PathBuf::from("/k")));
        assert_eq!(files.len(), if BEHAVIOUR.default_keys_stand_in { 3 } else { 1 });
        assert_eq!(key_files(None).first(), Some(&PathBuf::from(KEY_FILES[0])));
    }
}
