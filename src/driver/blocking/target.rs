// SPDX-License-Identifier: LGPL-2.1-or-later
//! Where a remote node is and what proves who we are.
#[cfg(feature = "tool")]
use crate::driver::client::strictness_of_environment;
use crate::driver::client::{KeyProblem, Keys, RemoteSettings, Strictness};
use crate::model::certificate_files::CertificateFiles;
#[cfg(feature = "tool")]
use crate::model::options::DAEMON;
use crate::model::site::CLUSTER_USER;
use crate::transport::readable::Reader;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// A remote node, as an administrator names it.
#[derive(Clone, Debug)]
pub struct Target {
    host: String,
    port: u16,
    key_file: Option<PathBuf>,
    certificates: Option<CertificateFiles>,
    /// Demands that cannot be met are told when TLS is needed.
    strictness: Result<Strictness, KeyProblem>,
    tls_priorities: String,
    connect_limit: Option<Duration>,
}

impl Target {
    /// A node with the default key file and TLS policy, and 10 seconds for name and TCP.
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        Self {
            host: host.into(),
            port,
            key_file: None,
            certificates: None,
            strictness: Ok(Strictness::default()),
            tls_priorities: String::new(),
            connect_limit: None,
        }
    }

    /// The key is in this file and nowhere else.
    #[must_use]
    pub fn with_key_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.key_file = Some(path.into());
        self
    }

    /// Certificates are used, and no key.
    #[must_use]
    pub fn with_certificates(mut self, files: CertificateFiles) -> Self {
        self.certificates = Some(files);
        self
    }

    /// What is demanded of the node's certificates beyond that an authority vouches for them.
    #[must_use]
    pub fn with_strictness(mut self, strictness: Strictness) -> Self {
        self.strictness = Ok(strictness);
        self
    }

    /// The same, as the environment demands it.
    #[cfg(feature = "tool")]
    pub(crate) fn with_strictness_of_environment(mut self) -> Self {
        self.strictness = strictness_of_environment(DAEMON);
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
    pub const fn with_connect_limit(mut self, limit: Duration) -> Self {
        self.connect_limit = Some(limit);
        self
    }

    /// What keeps Pacemaker's own user from reading our files of certificates: the controller is not root.
    pub(super) fn obstacles(&self) -> Vec<String> {
        let (Some(files), Some(reader)) = (&self.certificates, Reader::named(CLUSTER_USER)) else {
            return Vec::new();
        };
        let paths = [Some(&files.ca), files.crl.as_ref(), Some(&files.cert), Some(&files.key)];
        let obstacle =
            |path| Some(format!("on a cluster node the controller needs it: {}", reader.obstacle(path)?));
        paths.into_iter().flatten().filter_map(|path: &PathBuf| obstacle(path)).collect()
    }

    /// The same for [`Connection::remote`](crate::driver::client::Connection::remote). What is odd about the TLS policy
    /// is logged.
    pub fn settings(&self) -> RemoteSettings {
        let keys = match (&self.certificates, &self.key_file) {
            (Some(files), _) => match self.strictness.clone() {
                Ok(demands) => Keys::with_strict_certificates(files.clone(), &self.tls_priorities, demands),
                Err(problem) => Keys::unusable(problem),
            },
            (None, Some(file)) => Keys::new(vec![file.clone()], &self.tls_priorities),
            (None, None) => Keys::in_default_places(&self.tls_priorities),
        };
        let mut settings = RemoteSettings::new(self.host.as_str(), self.port, Arc::new(keys));
        settings.connect_limit = self.connect_limit.unwrap_or(settings.connect_limit);
        settings
    }
}
