// SPDX-License-Identifier: LGPL-2.1-or-later
//! What the environment says about connections. As upstream, each variable is read when it is needed first, and the
//! answer stays.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::place::Place;
use crate::capi::abi::BEHAVIOUR;
use crate::capi::environment::leading_number;
use crate::driver::client::{DEFAULT_PORT, HANDSHAKE_LIMIT, Identity, KeyProblem, Keys, RemoteSettings};

/// What `lrmd__uptime()` answers when the executor did not tell.
pub(super) const UPTIME_UNKNOWN: i64 = -1;
/// For name and TCP of a waited connection.
pub(super) const CONNECT_LIMIT: Duration = Duration::from_secs(60);
/// How long sent data may stay unacknowledged. Not less than the callers' own pokes usually allow: an interruption that
/// they would not notice must not end the connection.
const USER_TIMEOUT: Duration = Duration::from_secs(60);
const DEFAULT_KEYS: [&str; 2] = ["/etc/pacemaker/authkey", "/etc/corosync/authkey"];

/// One of Pacemaker's variables, in some releases also by its old prefix.
fn option(name: &str) -> Option<OsString> {
    let old = || BEHAVIOUR.settings_have_ha_names.then(|| env::var_os(format!("HA_{name}"))).flatten();
    env::var_os(format!("PCMK_{name}")).or_else(old)
}

/// The port of remote nodes that are given without one.
pub(super) fn default_port() -> u16 {
    static PORT: OnceLock<u16> = OnceLock::new();
    *PORT.get_or_init(|| {
        let Some(value) = option("remote_port") else { return DEFAULT_PORT };
        let value = value.to_string_lossy();
        port_of(&value).unwrap_or_else(|| {
            log::warn!("PCMK_remote_port ({value}) is no port: {DEFAULT_PORT} is used");
            DEFAULT_PORT
        })
    })
}

fn port_of(value: &str) -> Option<u16> {
    leading_number(value).and_then(|number| number.try_into().ok()).filter(|port| *port != 0)
}

/// Certificates count only all three together.
fn certificates_configured() -> bool {
    let set = |name: &str| {
        let value = env::var_os(format!("PCMK_{name}")).filter(|value| !value.is_empty());
        value.or_else(|| env::var_os(format!("CIB_{name}"))).is_some_and(|value| !value.is_empty())
    };
    BEHAVIOUR.certificates_replace_the_key && ["cert_file", "ca_file", "key_file"].into_iter().all(set)
}

fn make_keys() -> Keys {
    if certificates_configured() {
        return Keys::unusable(KeyProblem::Certificates);
    }
    let priorities = option("tls_priorities").unwrap_or_default();
    Keys::new(key_locations(), &priorities.to_string_lossy())
}

/// Where the cluster's key may be, the first place first.
pub(super) fn key_locations() -> Vec<PathBuf> {
    key_files(option("authkey_location"))
}

/// All stand in for one another, or it is the configured one alone, or the default.
fn key_files(configured: Option<OsString>) -> Vec<PathBuf> {
    let configured = configured.map(PathBuf::from);
    let [default, old] = DEFAULT_KEYS.map(PathBuf::from);
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

/// The client's name of a connection that nobody waits for: upstream forgets the caller's.
pub(super) fn generated_name(place: &Place) -> String {
    match place {
        Place::Local => "lrmd".to_owned(),
        Place::Remote { server, port } => format!("pacemaker-remote-{server}:{port}"),
    }
}

/// Who signs on.
pub(super) fn identity(name: Option<String>, is_provider: bool) -> Identity {
    Identity { name, is_provider }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_what_a_number_begins_with() {
        for (value, port) in [
            ("3121", Some(3121)),
            (" 7x", Some(7)),
            ("0", None),
            ("65536", None),
            ("-1", None),
            ("", None),
            ("x", None),
        ] {
            assert_eq!(port_of(value), port, "{value}");
        }
    }

    #[test]
    fn a_configured_key_file_comes_first() {
        let files = key_files(Some("/k".into()));
        assert_eq!(files.first(), Some(&PathBuf::from("/k")));
        assert_eq!(files.len(), if BEHAVIOUR.default_keys_stand_in { 3 } else { 1 });
        assert_eq!(key_files(None).first(), Some(&PathBuf::from(DEFAULT_KEYS[0])));
    }
}
