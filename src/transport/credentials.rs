// SPDX-License-Identifier: LGPL-2.1-or-later
//! Where keys and certificates come from, and TLS contexts that follow their files.
//!
//! A key's file is read at each handshake: a read of some kilobytes costs a hundredth of a handshake, and no
//! change can be missed. A new TLS context is made only when the bytes differ. What deserves a line in the
//! log is kept for [`Credentials::take_notices`].
pub use super::certificates::CertificateError;
use super::certificates::CertificateStore;
pub use super::certificates::{check as check_certificates, judge as judge_peer};
pub use super::keyfile::KeyFileError;
use super::keyfile::{self, KeyFile};
pub use super::notices::{Notice, of_end};
use crate::model::certificate_files::CertificateFiles;
use crate::model::site::KEY_FILES;
use crate::sys::tls::{ClientContext, Policy, Psk, ServerContext, TlsError};
use crate::sys::x509::Time;
use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
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

/// The key in use and the contexts made with it.
struct Current {
    bytes: Zeroizing<Vec<u8>>,
    server: Option<Arc<ServerContext>>,
    client: Option<Arc<ClientContext>>,
}

/// Key locations or files of certificates, TLS policy, and the contexts that follow from both.
pub struct Credentials {
    locations: Vec<PathBuf>,
    /// If there is one, no key is looked for.
    certificates: Option<CertificateStore>,
    policy: Policy,
    current: Option<Current>,
    notices: Vec<Notice>,
    /// What was the matter last time, and so was told already.
    told: BTreeSet<Notice>,
    /// The day of which the dates of certificates were looked at.
    day: Option<i64>,
}

const DAY_S: i64 = 24 * 60 * 60;

impl Credentials {
    /// Looks in the configured place, then in the defaults: as upstream 2.1, all stand in for one another.
    pub fn new(configured: Option<PathBuf>, policy: Policy) -> Self {
        let defaults = KEY_FILES.iter().map(PathBuf::from);
        let mut locations = Vec::with_capacity(3);
        for location in configured.into_iter().chain(defaults) {
            if !locations.contains(&location) {
                locations.push(location);
            }
        }
        Self::at(locations, policy)
    }

    /// Looks in these places alone.
    pub fn at(locations: Vec<PathBuf>, policy: Policy) -> Self {
        Self {
            locations,
            certificates: None,
            policy,
            current: None,
            notices: Vec::new(),
            told: BTreeSet::new(),
            day: None,
        }
    }

    /// Uses these certificates, and no key. They are read once, at the first need of them.
    pub fn with_certificates(files: CertificateFiles, policy: Policy) -> Self {
        let certificates = Some(CertificateStore::new(files, false));
        Self { certificates, ..Self::at(Vec::new(), policy) }
    }

    /// The same, but the files are looked at for each connection.
    pub fn following_certificates(files: CertificateFiles, policy: Policy) -> Self {
        let certificates = Some(CertificateStore::new(files, true));
        Self { certificates, ..Self::at(Vec::new(), policy) }
    }

    /// Looks at the dates of certificates that were read, once a day; `now` is the time of day, in seconds since 1970.
    pub fn check_dates(&mut self, now: i64) {
        let day = now.div_euclid(DAY_S);
        let Some(certificates) = &mut self.certificates else { return };
        if !certificates.take_changed() && self.day == Some(day) {
            return;
        }
        let found = certificates.notices(&self.policy, Time(now));
        self.day = Some(day);
        self.tell(found.into_iter().collect());
    }

    fn tell(&mut self, found: BTreeSet<Notice>) {
        self.notices.extend(found.difference(&self.told).cloned());
        self.told = found;
    }

    /// Is there a key? It is read, but no context is made.
    ///
    /// # Errors
    /// Why there is none.
    pub fn check_key(&mut self) -> Result<(), KeyError> {
        self.refresh()?.psk().map(drop)
    }

    /// The context for a connection that was just accepted.
    pub fn server_context(&mut self) -> Result<Arc<ServerContext>, KeyError> {
        if let Some(certificates) = &mut self.certificates {
            return certificates.server_context(&self.policy).map_err(KeyError::Certificates);
        }
        let key = self.refresh()?;
        let policy = &self.policy;
        let current = key.current(&mut self.current);
        if let Some(context) = &current.server {
            return Ok(Arc::clone(context));
        }
        let psk = key.psk()?;
        let context = Arc::new(ServerContext::new(&psk, policy).map_err(KeyError::Tls)?);
        current.server = Some(Arc::clone(&context));
        Ok(context)
    }

    /// The context for a connection that is about to be made.
    pub fn client_context(&mut self) -> Result<Arc<ClientContext>, KeyError> {
        if let Some(certificates) = &mut self.certificates {
            return certificates.client_context(&self.policy).map_err(KeyError::Certificates);
        }
        let key = self.refresh()?;
        let policy = &self.policy;
        let current = key.current(&mut self.current);
        if let Some(context) = &current.client {
            return Ok(Arc::clone(context));
        }
        let psk = key.psk()?;
        let context = Arc::new(ClientContext::new(&psk, policy).map_err(KeyError::Tls)?);
        current.client = Some(Arc::clone(&context));
        Ok(context)
    }

    /// What should be logged since the last call: each thing once as long as it lasts.
    pub fn take_notices(&mut self) -> Vec<Notice> {
        std::mem::take(&mut self.notices)
    }

    /// Reads the first usable key.
    fn refresh(&mut self) -> Result<Fresh, KeyError> {
        let mut tried = Vec::new();
        for location in &self.locations {
            match keyfile::read(location) {
                Ok(file) => {
                    let found = findings(&tried, location, file.open_to_all);
                    self.tell(found);
                    return Ok(Fresh { file });
                }
                Err(reason) => tried.push((location.clone(), reason)),
            }
        }
        // A key that vanished is not used any longer.
        self.current = None;
        Err(KeyError::NoKey(tried))
    }
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

/// A key that was just read.
struct Fresh {
    file: KeyFile,
}

impl Fresh {
    fn psk(&self) -> Result<Psk, KeyError> {
        self.file.psk().map_err(|error| KeyError::Tls(TlsError::Setup(error.to_string())))
    }

    /// What was made with this key; nothing, if the key is new.
    fn current<'a>(&self, slot: &'a mut Option<Current>) -> &'a mut Current {
        if slot.as_ref().is_some_and(|current| current.bytes != self.file.bytes) {
            *slot = None;
        }
        slot.get_or_insert_with(|| Current { bytes: self.file.bytes.clone(), server: None, client: None })
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("locations", &self.locations).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    struct Keys {
        directory: tempfile::TempDir,
        credentials: Credentials,
    }

    impl Keys {
        fn new() -> Self {
            let directory = tempfile::tempdir().unwrap();
            let locations = ["first", "second"].map(|name| directory.path().join(name)).to_vec();
            Self { directory, credentials: Credentials::at(locations, Policy::default()) }
        }

        fn write(&self, name: &str, key: &[u8], mode: u32) {
            let path = self.directory.path().join(name);
            fs::write(&path, key).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        }
    }

    #[test]
    fn a_context_lasts_until_the_key_changes() {
        let mut keys = Keys::new();
        keys.write("first", &[1; 4096], 0o640);
        let before = keys.credentials.server_context().unwrap();
        assert!(Arc::ptr_eq(&before, &keys.credentials.server_context().unwrap()));
        // Same inode, same size, within one tick of the file system's clock.
        keys.write("first", &[2; 4096], 0o640);
        let after = keys.credentials.server_context().unwrap();
        assert!(!Arc::ptr_eq(&before, &after));
        assert!(Arc::ptr_eq(&after, &keys.credentials.server_context().unwrap()));
        assert!(keys.credentials.client_context().is_ok());
        assert!(keys.credentials.take_notices().is_empty());
    }

    #[test]
    fn a_missing_key_is_explained_and_found_once_it_is_there() {
        let mut keys = Keys::new();
        let text = keys.credentials.server_context().unwrap_err().to_string();
        assert!(text.contains("first: it does not exist") && text.contains("dd if="), "{text}");
        keys.write("first", b"", 0o640);
        assert!(keys.credentials.server_context().unwrap_err().to_string().contains("it is empty"));
        keys.write("first", b"k", 0o640);
        assert!(keys.credentials.server_context().is_ok());
        fs::remove_file(keys.directory.path().join("first")).unwrap();
        assert!(keys.credentials.server_context().is_err());
    }

    #[test]
    fn a_place_that_is_passed_over_is_named_once_while_it_lasts() {
        let mut keys = Keys::new();
        keys.write("second", b"key", 0o640);
        for _ in 0..3 {
            keys.credentials.server_context().unwrap();
        }
        let warnings = keys.credentials.take_notices();
        assert_eq!(warnings.len(), 1);
        assert!(warnings[0].text.contains("first: it does not exist; "), "{warnings:?}");
        keys.write("first", b"key", 0o640);
        keys.credentials.server_context().unwrap();
        assert!(keys.credentials.take_notices().is_empty());
        fs::remove_file(keys.directory.path().join("first")).unwrap();
        keys.credentials.server_context().unwrap();
        assert_eq!(keys.credentials.take_notices().len(), 1);
    }

    #[test]
    fn a_key_for_everybody_is_warned_of_once() {
        let mut keys = Keys::new();
        keys.write("first", b"key", 0o644);
        keys.credentials.server_context().unwrap();
        keys.credentials.server_context().unwrap();
        assert_eq!(keys.credentials.take_notices().len(), 1);
    }

    #[test]
    fn defaults_follow_the_configured_place_and_none_is_tried_twice() {
        let all = |configured: Option<&str>| {
            Credentials::new(configured.map(PathBuf::from), Policy::default()).locations
        };
        assert_eq!(all(None).len(), 2);
        assert_eq!(all(Some("/k")).first(), Some(&PathBuf::from("/k")));
        assert_eq!(all(Some("/etc/corosync/authkey")).len(), 2);
    }
}
