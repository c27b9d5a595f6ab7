// SPDX-License-Identifier: LGPL-2.1-or-later
//! From files of certificates to a set. A set is read as a whole, parsed once, however many connections use it, and replaced
//! as a whole when the files have changed.
use super::changes::Stamp;
use super::keyfile::{self, KeyFileError};
use super::notices::{self, Notice};
use super::readable;
use crate::model::certificate_files::CertificateFiles;
use crate::sys::tls::{Policy, ServerContext};
use crate::sys::x509::{self, Certificate, CertificateSet, Time};
use nix::unistd::{User, geteuid};
use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zeroize::Zeroizing;

/// Bytes that a file may have.
const MOST_BYTES: usize = 16 * 1024 * 1024;

/// Why certificates cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateError {
    what: &'static str,
    path: PathBuf,
    reason: String,
    /// Can it pass without a change of the file, as a want of descriptors does?
    can_pass: bool,
}

impl fmt::Display for CertificateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the {} {} cannot be used: {}", self.what, self.path.display(), self.reason)
    }
}

impl std::error::Error for CertificateError {}

const CA: &str = "X.509 CA file";
const CRL: &str = "X.509 revocation list file";
const CERT: &str = "X.509 certificate file";
const KEY: &str = "X.509 private key file";

fn error(what: &'static str, path: &Path, reason: impl fmt::Display) -> CertificateError {
    CertificateError { what, path: path.to_owned(), reason: reason.to_string(), can_pass: false }
}

/// The bytes of all files of a set.
#[derive(PartialEq, Eq)]
struct Contents {
    ca: Zeroizing<Vec<u8>>,
    crl: Option<Zeroizing<Vec<u8>>>,
    cert: Zeroizing<Vec<u8>>,
    key: Zeroizing<Vec<u8>>,
    key_is_open_to_all: bool,
}

/// A set in use.
struct Current {
    contents: Contents,
    set: Arc<CertificateSet>,
    vouches_for_itself: bool,
}

/// When the files were looked at last.
struct Looked {
    stamp: Stamp,
    /// The time of day.
    at: Time,
    /// Would every change since then show?
    settled: bool,
}

/// Files of certificates, and the last good set that was made of them.
pub(super) struct CertificateStore {
    pub(super) files: CertificateFiles,
    pub(super) policy: Policy,
    current: Option<Current>,
    looked: Option<Looked>,
    /// Why what is in the files now is not in use.
    problem: Option<CertificateError>,
    /// Counts the sets.
    pub(super) version: u64,
    /// Counts how often files were read that had been read before.
    pub(super) reads: u64,
}

impl CertificateStore {
    pub(super) fn new(files: CertificateFiles, policy: Policy) -> Self {
        Self { files, policy, current: None, looked: None, problem: None, version: 0, reads: 0 }
    }

    /// The set in use; the files are read when there is none.
    pub(super) fn set(&mut self) -> Result<&Arc<CertificateSet>, CertificateError> {
        if self.current.is_none() {
            self.take(true)?;
        }
        match &self.current {
            Some(current) => Ok(&current.set),
            None => Err(error(CERT, &self.files.cert, "it was not read")),
        }
    }

    /// Looks whether the files have changed since `now`, the time of day, was asked last, and reads them if so. What is
    /// bad leaves the last good set in use. Does nothing before a set is in use: then each need of one reads the files.
    pub(super) fn follow(&mut self, now: Time) {
        if self.current.is_none() {
            return;
        }
        let stamp = self.stamp();
        let same = |looked: &Looked| looked.stamp == stamp && (looked.settled || looked.at == now);
        if !self.looked.as_ref().is_some_and(same) {
            self.look(stamp, now, false);
        }
    }

    /// Reads the files, whether they have changed or not.
    pub(super) fn reload(&mut self, now: Time) {
        let stamp = self.stamp();
        self.look(stamp, now, true);
    }

    fn look(&mut self, stamp: Stamp, now: Time, is_wanted: bool) {
        self.reads += 1;
        self.problem = self.take(is_wanted).err();
        let settled = stamp.is_settled(now) && !self.problem.as_ref().is_some_and(|problem| problem.can_pass);
        // A change while they were read has made another stamp, since this one is of before.
        self.looked = Some(Looked { stamp, at: now, settled });
    }

    fn stamp(&self) -> Stamp {
        let CertificateFiles { ca, crl, cert, key } = &self.files;
        Stamp::of([Some(ca), crl.as_ref(), Some(cert), Some(key)].into_iter().flatten().map(PathBuf::as_path))
    }

    /// Reads and checks everything, and only then puts it in the place of what is in use.
    fn take(&mut self, is_wanted: bool) -> Result<(), CertificateError> {
        let contents = read(&self.files)?;
        if self.current.as_ref().is_some_and(|current| current.contents == contents) {
            return Ok(());
        }
        let set = parse(&self.files, &contents)?;
        // The security level stands over our own certificate, too.
        ServerContext::new(&set, &self.policy).map_err(|problem| error(CERT, &self.files.cert, problem))?;
        let vouches_for_itself = set.vouches_for_itself();
        let did = self.current.as_ref().is_some_and(|current| current.vouches_for_itself);
        if did && !vouches_for_itself && !is_wanted {
            let reason = format!(
                "its authorities do not vouch for {}, as those before did: it seems that only some of the files were \
                 replaced (where that is meant, reload the daemon)",
                set.label
            );
            return Err(error(CA, &self.files.ca, reason));
        }
        self.version += 1;
        self.current = Some(Current { contents, set: Arc::new(set), vouches_for_itself });
        Ok(())
    }

    /// Our own certificate, of the set in use.
    pub(super) fn own(&self) -> Option<x509::About> {
        self.current.as_ref()?.set.chain.first().map(Certificate::about)
    }

    /// What is to be said of the files beside dates.
    pub(super) fn news(&self) -> BTreeSet<Notice> {
        let mut news = BTreeSet::new();
        if let Some(problem) = &self.problem {
            news.insert(Notice::error(format!(
                "The certificates were changed and are not used, those from before stay in use: {problem}. Files are read \
                 again when one of them changes, and at SIGHUP"
            )));
        }
        if let Some(current) = self.current.as_ref().filter(|_| self.version > 1) {
            let label = &current.set.label;
            let text = format!("New certificates are in use from the next connection on: {label}");
            news.insert(Notice::news(text, format!("set {}", self.version)));
        }
        news
    }

    /// What deserves a line in the log at `now`; nothing before the files were read.
    pub(super) fn notices(&self, now: Time) -> BTreeSet<Notice> {
        let Some(current) = &self.current else { return BTreeSet::new() };
        let open = current.contents.key_is_open_to_all;
        notices::of_set(&self.files, &current.set, &self.policy.strictness, open, now)
    }
}

fn read(files: &CertificateFiles) -> Result<Contents, CertificateError> {
    let file = |what, path: &Path| {
        keyfile::read_file(path, MOST_BYTES).map_err(|problem| CertificateError {
            can_pass: matches!(problem, KeyFileError::Other(_)),
            ..error(what, path, explained(&problem, path))
        })
    };
    let ca = file(CA, &files.ca)?.bytes;
    let crl = files.crl.as_deref().map(|path| file(CRL, path)).transpose()?.map(|file| file.bytes);
    let cert = file(CERT, &files.cert)?.bytes;
    let key = file(KEY, &files.key)?;
    Ok(Contents { ca, crl, cert, key_is_open_to_all: key.open_to_all, key: key.bytes })
}

fn parse(files: &CertificateFiles, contents: &Contents) -> Result<CertificateSet, CertificateError> {
    let hinted = |what, path: &Path, bytes: &[u8], problem: x509::PemError| {
        error(what, path, format!("{problem}{}", hint(bytes)))
    };
    let anchors =
        x509::certificates(&contents.ca).map_err(|problem| hinted(CA, &files.ca, &contents.ca, problem))?;
    let lists = match (&files.crl, &contents.crl) {
        (Some(path), Some(bytes)) => {
            x509::revocation_lists(bytes).map_err(|problem| hinted(CRL, path, bytes, problem))?
        }
        _ => Vec::new(),
    };
    let chain = x509::certificates(&contents.cert)
        .map_err(|problem| hinted(CERT, &files.cert, &contents.cert, problem))?;
    let key = x509::private_key(&contents.key)
        .map_err(|problem| hinted(KEY, &files.key, &contents.key, problem))?;
    let Some(own) = chain.first() else { return Err(error(CERT, &files.cert, "it is empty")) };
    if !own.fits(&key) {
        return Err(error(CERT, &files.cert, mismatch(&chain, &key, &files.key)));
    }
    Ok(CertificateSet { label: label(&files.cert, own), anchors, lists, chain, key })
}

/// The first certificate is not the key's.
fn mismatch(chain: &[Certificate], key: &x509::PrivateKey, key_file: &Path) -> String {
    let key_file = key_file.display();
    match chain.iter().position(|certificate| certificate.fits(key)) {
        Some(position) => format!(
            "the node's own certificate must come first in it, its issuers behind it; the one that belongs to the key \
             in {key_file} is number {}",
            position + 1
        ),
        None => format!("its first certificate does not belong to the key in {key_file}"),
    }
}

/// A certificate's file, subject and end.
fn label(path: &Path, certificate: &Certificate) -> String {
    let about = certificate.about();
    let until = about.not_after.map_or_else(|| "?".to_owned(), |time| time.to_string());
    format!("{} ({}, valid until {until})", path.display(), about.subject)
}

/// What bytes seem to be that are no PEM.
fn hint(bytes: &[u8]) -> &'static str {
    const TEXT_OF_16_BITS: [&[u8]; 2] = [b"\xff\xfe", b"\xfe\xff"];
    if bytes.starts_with(b"\x30") {
        " (it seems to be in DER or PKCS#12 form, which openssl can convert)"
    } else if TEXT_OF_16_BITS.iter().any(|mark| bytes.starts_with(mark)) {
        " (it seems to be UTF-16 text)"
    } else {
        ""
    }
}

/// A file that may not be read is the most frequent mistake: the controller is not root.
fn explained(problem: &KeyFileError, path: &Path) -> String {
    if *problem != KeyFileError::Forbidden {
        return problem.to_string();
    }
    let user = geteuid();
    let name = User::from_uid(user).ok().flatten().map_or_else(|| user.to_string(), |user| user.name);
    let owner = match std::fs::metadata(path) {
        Ok(about) => readable::ownership(&about),
        Err(_) => "a directory on the way to it is closed to that user".to_owned(),
    };
    format!("user {name} may not read it ({owner}; root:haclient with mode 0640 suits the cluster's daemons)")
}
