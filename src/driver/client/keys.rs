// SPDX-License-Identifier: LGPL-2.1-or-later
//! What proves to remote nodes who we are, for all connections of one caller.
use crate::driver::clock::seconds_since_1970;
use crate::model::certificate_files::CertificateFiles;
#[cfg(any(feature = "tool", feature = "capi"))]
use crate::model::options::Rules;
use crate::model::site::KEY_FILES;
use crate::sys::tls::{ClientContext, Policy};
#[cfg(feature = "capi")]
use crate::sys::x509::CertificateSet;
use crate::sys::x509::Strictness;
use crate::transport::credentials::{Credentials, KeyError, Notice};
use crate::transport::priorities::{self, PriorityError, Translation};
#[cfg(any(feature = "tool", feature = "capi"))]
use crate::transport::strictness;
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
    /// Certificates are configured and cannot be used; which file, and why.
    Certificates(String),
}

impl fmt::Display for KeyProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoKey(reason) | Self::Setup(reason) | Self::Certificates(reason) => f.write_str(reason),
        }
    }
}

impl std::error::Error for KeyProblem {}

impl From<KeyError> for KeyProblem {
    fn from(error: KeyError) -> Self {
        match &error {
            KeyError::NoKey(_) => Self::NoKey(error.to_string()),
            KeyError::Tls(_) => Self::Setup(error.to_string()),
            KeyError::Certificates(_) => Self::Certificates(error.to_string()),
        }
    }
}

/// Key locations or files of certificates, and TLS policy. Each connection has what is in the files when it begins; a context
/// is made again when they have changed. What cannot be used leaves the last good key or certificates in use. What is odd
/// about files and policy is logged.
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
        Self::of(priorities::translate(priorities), |policy| Credentials::at(locations, policy))
    }

    /// Certificates instead of a key: both sides show one, and each judges the other's by its own authorities.
    pub fn with_certificates(files: CertificateFiles, priorities: &str) -> Self {
        Self::with_strict_certificates(files, priorities, Strictness::default())
    }

    /// The same, and what `strictness` demands of the server's certificates beside what `priorities` do.
    pub fn with_strict_certificates(
        files: CertificateFiles,
        priorities: &str,
        strictness: Strictness,
    ) -> Self {
        Self::of(priorities::translate_with_certificates(priorities), |mut policy| {
            policy.strictness = policy.strictness.and(strictness);
            Credentials::with_certificates(files, policy)
        })
    }

    fn of(
        translation: Result<Translation, PriorityError>,
        credentials: impl FnOnce(Policy) -> Credentials,
    ) -> Self {
        match translation {
            Ok(translation) => {
                for note in &translation.notes {
                    log::warn!("PCMK_tls_priorities: {note}");
                }
                let credentials = credentials(translation.policy);
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
        let (context, notices) = self.read();
        notices.iter().for_each(Notice::log);
        context
    }

    /// The same, and what is odd about the files, each thing once as long as it lasts.
    pub(in crate::driver) fn read(&self) -> (Result<Arc<ClientContext>, KeyProblem>, Vec<Notice>) {
        let credentials = match &self.credentials {
            Ok(credentials) => credentials,
            Err(problem) => return (Err(problem.clone()), Vec::new()),
        };
        let mut credentials = credentials.lock().unwrap_or_else(PoisonError::into_inner);
        credentials.follow(seconds_since_1970());
        let context = credentials.client_context().map_err(KeyProblem::from);
        credentials.check_dates(seconds_since_1970());
        (context, credentials.take_notices())
    }

    /// The certificates in use, and by which rules peers are judged, for another TLS library. What is odd about the files
    /// is logged.
    ///
    /// # Errors
    /// They cannot be used, or there are none.
    #[cfg(feature = "capi")]
    pub(crate) fn certificates(&self) -> Result<(Arc<CertificateSet>, Strictness), KeyProblem> {
        let mut credentials =
            self.credentials.as_ref().map_err(Clone::clone)?.lock().unwrap_or_else(PoisonError::into_inner);
        credentials.follow(seconds_since_1970());
        let found = credentials.certificates().map(|(set, strictness)| (set, strictness.clone()));
        credentials.check_dates(seconds_since_1970());
        credentials.take_notices().iter().for_each(Notice::log);
        Ok(found?)
    }
}

/// What the environment demands of peers' certificates.
///
/// # Errors
/// A value that cannot be used.
#[cfg(any(feature = "tool", feature = "capi"))]
pub(crate) fn strictness_of_environment(rules: Rules) -> Result<Strictness, KeyProblem> {
    strictness::read(rules, |variable| std::env::var_os(variable))
        .map_err(|problem| KeyProblem::Setup(problem.to_string()))
}

/// What deserves a warning where no certificates are used.
#[cfg(any(feature = "tool", feature = "capi"))]
pub(crate) fn strictness_without_certificates(rules: Rules) -> Option<String> {
    strictness::without_certificates(rules, |variable| std::env::var_os(variable))
}
