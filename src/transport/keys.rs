// SPDX-License-Identifier: LGPL-2.1-or-later
//! Pre-shared keys from their files. A file is read at each handshake: a read of some kilobytes costs a hundredth of a
//! handshake, and no change can be missed. A file that cannot be used any longer leaves the last good key in use.
use super::certificates::CertificateError;
use super::keyfile::{self, KeyFileError};
use super::notices::Notice;
use crate::model::site::KEY_FILES;
use crate::sys::tls::{Psk, TlsError};
use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Why there is nothing to authenticate with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyError {
    /// None of the places holds one; each with its reason.
    NoKey(Vec<(PathBuf, KeyFileError)>),
    /// There is one, but TLS cannot be set up.
    Tls(TlsError),
    /// Certificates are configured and cannot be used. There is no other way then.
    Certificates(CertificateError),
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoKey(tried) => {
                f.write_str("no key to authenticate with:")?;
                for (path, reason) in tried {
                    write!(f, " {}: {reason};", path.display())?;
                }
                f.write_str(
                    " put the cluster's key file there, the same on all nodes (to make one: \
                     dd if=/dev/urandom of=/etc/pacemaker/authkey bs=4096 count=1)",
                )
            }
            Self::Tls(error) => error.fmt(f),
            Self::Certificates(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for KeyError {}

/// The bytes of the first usable key in these places, for whoever uses them without us.
///
/// # Errors
/// Why none is usable.
pub fn read_key(locations: &[PathBuf]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let mut tried = Vec::new();
    for location in locations {
        match keyfile::read(location) {
            Ok(file) => return Ok(file.bytes),
            Err(reason) => tried.push((location.clone(), reason)),
        }
    }
    Err(KeyError::NoKey(tried))
}

/// A key in use.
struct Current {
    /// Where it was: its place in the list.
    at: usize,
    bytes: Zeroizing<Vec<u8>>,
}

/// Places of one key, and the key that was last found there.
pub(super) struct KeyPlaces {
    pub(super) locations: Vec<PathBuf>,
    current: Option<Current>,
    /// Counts the keys that were found.
    pub(super) version: u64,
}

impl KeyPlaces {
    pub(super) fn new(locations: Vec<PathBuf>) -> Self {
        Self { locations, current: None, version: 0 }
    }

    /// The key that was found last.
    pub(super) fn key(&self) -> Result<Psk, KeyError> {
        let Some(current) = &self.current else { return Err(KeyError::NoKey(Vec::new())) };
        Psk::new(current.bytes.clone()).map_err(|error| KeyError::Tls(TlsError::Setup(error.to_string())))
    }

    /// Reads the first usable key. When the file of the key in use is no longer usable, that key stays in use: it is most
    /// likely being replaced, and a key from another place would be another key.
    pub(super) fn refresh(&mut self, notices: &mut BTreeSet<Notice>) -> Result<(), KeyError> {
        let mut tried = Vec::new();
        for (at, location) in self.locations.iter().enumerate() {
            match keyfile::read(location) {
                Ok(file) => {
                    notices.extend(findings(&tried, location, file.open_to_all));
                    if self.current.as_ref().is_none_or(|current| current.bytes != file.bytes) {
                        self.version += 1;
                    }
                    self.current = Some(Current { at, bytes: file.bytes });
                    return Ok(());
                }
                Err(reason) if self.current.as_ref().is_some_and(|current| current.at == at) => {
                    notices.insert(last_good(location, &reason));
                    return Ok(());
                }
                Err(reason) => tried.push((location.clone(), reason)),
            }
        }
        Err(KeyError::NoKey(tried))
    }
}

fn last_good(location: &Path, reason: &KeyFileError) -> Notice {
    Notice::error(format!(
        "Key file {}: {reason}; the key that was read from it before stays in use (put a key there, or restart the \
         daemon to stop using the old one)",
        location.display()
    ))
}

/// What is worth a warning about the places that were passed over and the one that is used. A default that
/// is not there is no news.
fn findings(passed_over: &[(PathBuf, KeyFileError)], used: &Path, open_to_all: bool) -> BTreeSet<Notice> {
    let is_default = |location: &Path| KEY_FILES.iter().any(|default| Path::new(default) == location);
    let mut findings: BTreeSet<Notice> = passed_over
        .iter()
        .filter(|(location, reason)| !is_default(location) || *reason != KeyFileError::Missing)
        .map(|(location, reason)| {
            let (location, used) = (location.display(), used.display());
            Notice::warning(format!("Key file {location}: {reason}; {used} is used in its place"))
        })
        .collect();
    if open_to_all {
        findings.insert(Notice::warning(format!(
            "Key file {}: every user of this machine can read or change it (chmod 640)",
            used.display()
        )));
    }
    findings
}
