// SPDX-License-Identifier: LGPL-2.1-or-later
//! What proves to remote nodes who we are, for all connections of one caller.
use crate::sys::tls::ClientContext;
use crate::transport::credentials::{Credentials, KeyError};
use crate::transport::priorities::translate;
use std::cell::RefCell;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

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

/// Key locations and TLS policy. The key is read for each connection; contexts are made anew when it changed.
#[derive(Debug)]
pub struct Keys {
    /// The policy may be unusable, which is told when TLS is needed.
    credentials: Result<RefCell<Credentials>, KeyProblem>,
}

impl Keys {
    /// The key is in the first of these files that holds one. `priorities`: as in PCMK_tls_priorities; empty: the
    /// default.
    pub fn new(locations: Vec<PathBuf>, priorities: &str) -> Self {
        let credentials = match translate(priorities) {
            Ok(translation) => {
                for note in &translation.notes {
                    log::warn!("PCMK_tls_priorities: {note}");
                }
                Ok(RefCell::new(Credentials::at(locations, translation.policy)))
            }
            Err(error) => Err(KeyProblem::Setup(error.to_string())),
        };
        Self { credentials }
    }

    /// Keys that cannot be used.
    pub const fn unusable(problem: KeyProblem) -> Self {
        Self { credentials: Err(problem) }
    }

    /// What a connection that begins now uses.
    pub(super) fn context(&self) -> Result<Arc<ClientContext>, KeyProblem> {
        let mut credentials = self.credentials.as_ref().map_err(Clone::clone)?.borrow_mut();
        let context = credentials.client_context();
        let warnings = credentials.take_warnings();
        drop(credentials);
        for warning in warnings {
            log::warn!("{warning}");
        }
        context.map_err(|error| match &error {
            KeyError::NoKey(_) => KeyProblem::NoKey(error.to_string()),
            KeyError::Tls(_) => KeyProblem::Setup(error.to_string()),
        })
    }
}
