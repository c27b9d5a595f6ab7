// SPDX-License-Identifier: LGPL-2.1-or-later
//! Where a remote node is and what proves who we are.
use super::failure::{Failure, Layer};
use crate::sys::tls::ClientContext;
use crate::transport::credentials::Credentials;
use crate::transport::priorities::translate;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// For the name and for TCP.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);

/// A remote node, as an administrator names it.
#[derive(Clone, Debug)]
pub struct Target {
    pub(super) host: String,
    pub(super) port: u16,
    key_file: Option<PathBuf>,
    tls_priorities: String,
    pub(super) connect_limit: Duration,
}

impl Target {
    /// A node with the default key file and TLS policy.
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        Self {
            host: host.into(),
            port,
            key_file: None,
            tls_priorities: String::new(),
            connect_limit: CONNECT_LIMIT,
        }
    }

    /// The key is in this file and nowhere else.
    #[must_use]
    pub fn with_key_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.key_file = Some(path.into());
        self
    }

    /// TLS policy as in PCMK_tls_priorities.
    #[must_use]
    pub fn with_tls_priorities(mut self, priorities: impl Into<String>) -> Self {
        self.tls_priorities = priorities.into();
        self
    }

    /// Limit for name and TCP together.
    #[must_use]
    pub fn with_connect_limit(mut self, limit: Duration) -> Self {
        self.connect_limit = limit;
        self
    }

    /// Reads the key. What is odd about its file is put into `warnings`.
    pub(super) fn context(&self, warnings: &mut Vec<String>) -> Result<Arc<ClientContext>, Failure> {
        let translation = translate(&self.tls_priorities)
            .map_err(|error| Failure::new(Layer::Key, error.to_string(), ""))?;
        warnings.extend(translation.notes);
        let mut credentials = match &self.key_file {
            Some(path) => Credentials::at(vec![path.clone()], translation.policy),
            None => Credentials::new(None, translation.policy),
        };
        let context = credentials.client_context();
        warnings.extend(credentials.take_warnings());
        context.map_err(|error| Failure::new(Layer::Key, error.to_string(), ""))
    }
}
