// SPDX-License-Identifier: LGPL-2.1-or-later
//! Where keys and certificates come from, and TLS contexts that follow their files.
//!
//! A key or a set of certificates is checked as a whole and replaced as a whole; what cannot be used leaves the last good one
//! in use. A TLS context is made only when something was replaced. Connections that are there keep what they have. What
//! deserves a line in the log is kept for [`Credentials::take_notices`].
pub use super::certificates::CertificateError;
use super::certificates::CertificateStore;
pub use super::keyfile::KeyFileError;
use super::keys::KeyPlaces;
pub use super::keys::{KeyError, read_key};
use super::notices::Told;
pub use super::notices::{Notice, of_end};
use crate::model::certificate_files::CertificateFiles;
use crate::model::site::KEY_FILES;
use crate::sys::tls::{ClientContext, Policy, ServerContext};
use crate::sys::x509::{About, CertificateSet, Strictness, Time};
use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

/// The keys that a server accepts; a client shows the first.
struct Keys {
    first: KeyPlaces,
    /// Accepted as well, during a change of the key.
    second: Option<KeyPlaces>,
    policy: Policy,
}

/// A context, and the versions of what it was made with.
type Made<S> = Option<(Versions, Arc<S>)>;
type Versions = [u64; 3];

/// A context of one role.
trait Role: Sized {
    /// Makes one of everything that the role uses. What is in the files was read and checked.
    fn make(from: &mut Credentials) -> Result<Self, KeyError>;
    /// Where the one in use is kept.
    fn made(from: &mut Credentials) -> &mut Made<Self>;
}

/// Key locations, files of certificates or both, TLS policy, and the contexts that follow from them.
pub struct Credentials {
    keys: Option<Keys>,
    certificates: Option<CertificateStore>,
    server: Made<ServerContext>,
    client: Made<ClientContext>,
    notices: Vec<Notice>,
    told_of_keys: Told,
    told_of_certificates: Told,
    /// Of which set, and when, dates were looked at.
    looked_at_dates: Option<Versions>,
}

/// What is in use of keys and certificates.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InUse {
    /// Keys that are accepted.
    pub keys: u32,
    /// Our own certificate.
    pub certificate: Option<About>,
}

/// Dates are looked at so often at most.
const DATES_INTERVAL_S: i64 = 60;

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
        Self::of(Some(Keys { first: KeyPlaces::new(locations), second: None, policy }), None)
    }

    /// Uses these certificates, and no key. They are read at the first need of them, and again when [`follow`](Self::follow)
    /// finds that they have changed.
    pub fn with_certificates(files: CertificateFiles, policy: Policy) -> Self {
        Self::of(None, Some(CertificateStore::new(files, policy)))
    }

    /// A server accepts the key in this file as well.
    #[must_use]
    pub fn accepting_second_key(mut self, location: PathBuf) -> Self {
        if let Some(keys) = &mut self.keys {
            keys.second = Some(KeyPlaces::new(vec![location]));
        }
        self
    }

    /// A server accepts clients with the keys of `keys` as well as those with certificates. Our own side shows
    /// certificates.
    #[must_use]
    pub fn accepting_keys(mut self, keys: Self) -> Self {
        self.keys = keys.keys;
        self
    }

    fn of(keys: Option<Keys>, certificates: Option<CertificateStore>) -> Self {
        Self {
            keys,
            certificates,
            server: None,
            client: None,
            notices: Vec::new(),
            told_of_keys: Told::default(),
            told_of_certificates: Told::default(),
            looked_at_dates: None,
        }
    }

    /// Looks whether files of certificates have changed, and at their dates; `now` is the time of day, in seconds since
    /// 1970. Cheap enough for every connection. (A key is read at each handshake.)
    pub fn follow(&mut self, now: i64) {
        if let Some(certificates) = &mut self.certificates {
            certificates.follow(Time(now));
        }
        self.check_dates(now);
    }

    /// Reads all files, and also takes certificates that seem to have been replaced in part.
    pub fn reload(&mut self, now: i64) {
        if let Some(certificates) = &mut self.certificates {
            certificates.reload(Time(now));
        }
        self.check_dates(now);
        // What is the matter is told by the notices, and to each peer.
        let _ = self.refresh();
    }

    /// Looks at the dates of certificates that were read; `now` is the time of day, in seconds since 1970.
    pub fn check_dates(&mut self, now: i64) {
        let Some(certificates) = &self.certificates else { return };
        // Signatures of revocation lists are verified for it, which must not be done for each peer that comes.
        let looked =
            [certificates.version, certificates.reads, now.div_euclid(DATES_INTERVAL_S).unsigned_abs()];
        if self.looked_at_dates.replace(looked) == Some(looked) {
            return;
        }
        let mut found = certificates.notices(Time(now));
        found.extend(certificates.news());
        self.notices.extend(self.told_of_certificates.news(found));
    }

    /// Is there a key? It is read, but no context is made.
    ///
    /// # Errors
    /// Why there is none.
    pub fn check_key(&mut self) -> Result<(), KeyError> {
        self.refresh().map(drop)
    }

    /// The context for a connection that was just accepted.
    ///
    /// # Errors
    /// Why there is none.
    pub fn server_context(&mut self) -> Result<Arc<ServerContext>, KeyError> {
        self.context()
    }

    /// The context for a connection that is about to be made.
    ///
    /// # Errors
    /// Why there is none.
    pub fn client_context(&mut self) -> Result<Arc<ClientContext>, KeyError> {
        self.context()
    }

    /// The set of certificates in use, for another TLS library, and by which rules peers are judged.
    ///
    /// # Errors
    /// It cannot be used, or there are no certificates here.
    pub fn certificates(&mut self) -> Result<(Arc<CertificateSet>, &Strictness), KeyError> {
        let Some(certificates) = &mut self.certificates else { return Err(KeyError::NoKey(Vec::new())) };
        let set = Arc::clone(certificates.set().map_err(KeyError::Certificates)?);
        Ok((set, &certificates.policy.strictness))
    }

    fn context<S: Role>(&mut self) -> Result<Arc<S>, KeyError> {
        let versions = self.refresh()?;
        if let Some((made_with, context)) = S::made(self)
            && *made_with == versions
        {
            return Ok(Arc::clone(context));
        }
        let context = Arc::new(S::make(self)?);
        *S::made(self) = Some((versions, Arc::clone(&context)));
        Ok(context)
    }

    /// What is in use: what was read for a connection, or by [`reload`](Self::reload).
    pub fn in_use(&self) -> InUse {
        let places = self.keys.iter().flat_map(|keys| [Some(&keys.first), keys.second.as_ref()]);
        let keys = places.flatten().map(|places| u32::from(places.version > 0)).sum();
        InUse { keys, certificate: self.certificates.as_ref().and_then(CertificateStore::own) }
    }

    /// What should be logged since the last call: each thing once as long as it lasts.
    pub fn take_notices(&mut self) -> Vec<Notice> {
        std::mem::take(&mut self.notices)
    }

    /// Reads what has to be read for a connection.
    fn refresh(&mut self) -> Result<Versions, KeyError> {
        let [mut first, mut second, mut set] = [0; 3];
        if let Some(certificates) = &mut self.certificates {
            certificates.set().map_err(KeyError::Certificates)?;
            set = certificates.version;
        }
        if let Some(keys) = &mut self.keys {
            let mut found = BTreeSet::new();
            let has_key = keys.first.refresh(&mut found);
            first = keys.first.version;
            if let Some(places) = &mut keys.second {
                if let Err(problem) = places.refresh(&mut found) {
                    found.insert(Notice::warning(format!(
                        "There is no second key, so that it is not accepted: {problem}"
                    )));
                }
                second = places.version;
            }
            if let (Err(problem), true) = (&has_key, set > 0) {
                found.insert(Notice::warning(format!("Only certificates are accepted: {problem}")));
            }
            self.notices.extend(self.told_of_keys.news(found));
            if set == 0 {
                has_key?;
            }
        }
        Ok([first, second, set])
    }
}

impl Role for ServerContext {
    fn make(from: &mut Credentials) -> Result<Self, KeyError> {
        let mut contexts = Vec::new();
        if let Some(keys) = &from.keys {
            for places in [Some(&keys.first), keys.second.as_ref()].into_iter().flatten() {
                if places.version == 0 {
                    break;
                }
                contexts.push(Self::new(&places.key()?, &keys.policy).map_err(KeyError::Tls)?);
            }
        }
        if let Some(certificates) = &mut from.certificates {
            let policy = certificates.policy.clone();
            let set = certificates.set().map_err(KeyError::Certificates)?;
            contexts.push(Self::new(set.as_ref(), &policy).map_err(KeyError::Tls)?);
        }
        Self::any_of(contexts).map_err(KeyError::Tls)
    }

    fn made(from: &mut Credentials) -> &mut Made<Self> {
        &mut from.server
    }
}

impl Role for ClientContext {
    fn make(from: &mut Credentials) -> Result<Self, KeyError> {
        match (&mut from.certificates, &from.keys) {
            (Some(certificates), _) => {
                let policy = certificates.policy.clone();
                Self::new(certificates.set().map_err(KeyError::Certificates)?.as_ref(), &policy)
            }
            (None, Some(keys)) => Self::new(&keys.first.key()?, &keys.policy),
            (None, None) => return Err(KeyError::NoKey(Vec::new())),
        }
        .map_err(KeyError::Tls)
    }

    fn made(from: &mut Credentials) -> &mut Made<Self> {
        &mut from.client
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("has_keys", &self.keys.is_some()).finish_non_exhaustive()
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
    }

    #[test]
    fn a_key_that_vanishes_stays_in_use_and_that_is_told_once_while_it_lasts() {
        let mut keys = Keys::new();
        keys.write("first", b"key", 0o640);
        keys.write("second", b"old", 0o640);
        let before = keys.credentials.server_context().unwrap();
        let first = keys.directory.path().join("first");
        for gone in [0, 1] {
            if gone == 0 {
                fs::remove_file(&first).unwrap();
            } else {
                keys.write("first", b"", 0o640);
            }
            for _ in 0..3 {
                assert!(Arc::ptr_eq(&before, &keys.credentials.server_context().unwrap()));
            }
            let notices = keys.credentials.take_notices();
            assert_eq!(notices.len(), 1, "{notices:?}");
            assert!(notices[0].is_error() && notices[0].text.contains("stays in use"), "{notices:?}");
            keys.write("first", b"key", 0o640);
            assert!(Arc::ptr_eq(&before, &keys.credentials.server_context().unwrap()));
            assert!(keys.credentials.take_notices().is_empty());
        }
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
            Credentials::new(configured.map(PathBuf::from), Policy::default()).keys.unwrap().first.locations
        };
        assert_eq!(all(None).len(), 2);
        assert_eq!(all(Some("/k")).first(), Some(&PathBuf::from("/k")));
        assert_eq!(all(Some("/etc/corosync/authkey")).len(), 2);
    }
}
