// SPDX-License-Identifier: LGPL-2.1-or-later
//! What proves to remote nodes who we are, for all connections of one caller.
use crate::model::site::KEY_FILES;
use crate::sys::tls::ClientContext;
use crate::transport::credentials::{Credentials, KeyError};
use crate::transport::priorities::translate;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// Why TLS cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyProblem {
    /// There is no key; where it was looked for.
    NoKey(String),
    /// There is one, but TLS cannot be set up.
    Setup(String),
    /// Certificates are configured, which we do not know how to use.
    Certificates,
}

impl fmt::Display for KeyProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoKey(reason) | Self::Setup(reason) => f.write_str(reason),
            Self::Certificates => f.write_str(
                "certificates are configured (PCMK_ca_file, PCMK_cert_file and PCMK_key_file), which \
                 pcmk-remote-rs does not use: unset them to use the key file",
            ),
        }
    }
}

impl std::error::Error for KeyProblem {}

/// Key locations and TLS policy. The key is read for each connection; a context is made again when it has changed. What
/// is odd about key files and policy is logged.
#[derive(Debug)]
pub struct Keys {
    /// The policy may be unusable, which is told when TLS is needed.
    credentials: Result<Mutex<Credentials>, KeyProblem>,
    notes: Vec<String>,
}

impl Keys {
    /// The key is in the first of these files that holds one. `priorities`: as in PCMK_tls_priorities; empty: the
    /// default.
    pub fn new(locations: Vec<PathBuf>, priorities: &str) -> Self {
        match translate(priorities) {
            Ok(translation) => {
                for note in &translation.notes {
                    log::warn!("PCMK_tls_priorities: {note}");
                }
                let credentials = Credentials::at(locations, translation.policy);
                Self { credentials: Ok(Mutex::new(credentials)), notes: translation.notes }
            }
            Err(error) => Self::unusable(KeyProblem::Setup(error.to_string())),
        }
    }

    /// The key is where Pacemaker keeps it.
    pub fn in_default_places(priorities: &str) -> Self {
        Self::new(KEY_FILES.map(PathBuf::from).to_vec(), priorities)
    }

    /// Keys that cannot be used.
    pub const fn unusable(problem: KeyProblem) -> Self {
        Self { credentials: Err(problem), notes: Vec::new() }
    }

    /// What was left out of the TLS policy.
    pub(in crate::driver) fn notes(&self) -> &[String] {
        &self.notes
    }

    /// What a connection that begins now uses.
    pub(in crate::driver) fn context(&self) -> Result<Arc<ClientContext>, KeyProblem> {
        let (context, warnings) = self.read();
        for warning in warnings {
            log::warn!("{warning}");
        }
        context
    }

    /// The same, and what is odd about the key file, each thing once as long as it lasts.
    pub(in crate::driver) fn read(&self) -> (Result<Arc<ClientContext>, KeyProblem>, Vec<String>) {
        let credentials = match &self.credentials {
            Ok(credentials) => credentials,
            Err(problem) => return (Err(problem.clone()), Vec::new()),
        };
        let mut credentials = credentials.lock().unwrap_or_else(PoisonError::into_inner);
        let context = credentials.client_context().map_err(|error| match &error {
            KeyError::NoKey(_) => KeyProblem::NoKey(error.to_string()),
            KeyError::Tls(_) => KeyProblem::Setup(error.to_string()),
        });
        (context, credentials.take_warnings())
    }
}
