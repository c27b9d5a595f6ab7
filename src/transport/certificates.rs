// SPDX-License-Identifier: LGPL-2.1-or-later
//! From files of certificates to TLS contexts. A set is read as a whole and parsed once, however many connections use it.
use super::keyfile::{self, KeyFileError};
use super::notices::{self, Notice};
use super::readable;
use crate::model::certificate_files::CertificateFiles;
use crate::sys::tls::{ClientContext, Policy, ServerContext, TlsError};
use crate::sys::x509::{self, Certificate, CertificateSet, Role, Strictness, Time};
use nix::unistd::{User, geteuid};
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
    CertificateError { what, path: path.to_owned(), reason: reason.to_string() }
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

/// A set in use and the contexts made with it.
struct Current {
    contents: Contents,
    set: CertificateSet,
    server: Option<Arc<ServerContext>>,
    client: Option<Arc<ClientContext>>,
}

/// Files of certificates, and what was made of them.
pub(super) struct CertificateStore {
    files: CertificateFiles,
    /// Are the files looked at for each connection?
    follows: bool,
    /// Was a set read since this was asked last?
    changed: bool,
    current: Option<Current>,
}

impl CertificateStore {
    pub(super) fn new(files: CertificateFiles, follows: bool) -> Self {
        Self { files, follows, changed: false, current: None }
    }

    pub(super) fn server_context(&mut self, policy: &Policy) -> Result<Arc<ServerContext>, CertificateError> {
        self.refresh()?;
        let Self { files, current: Some(current), .. } = self else { return Err(self.unread()) };
        if let Some(context) = &current.server {
            return Ok(Arc::clone(context));
        }
        let made = ServerContext::with_certificates(&current.set, policy);
        let context = Arc::new(made.map_err(|problem| unusable(files, &problem))?);
        current.server = Some(Arc::clone(&context));
        Ok(context)
    }

    pub(super) fn client_context(&mut self, policy: &Policy) -> Result<Arc<ClientContext>, CertificateError> {
        self.refresh()?;
        let Self { files, current: Some(current), .. } = self else { return Err(self.unread()) };
        if let Some(context) = &current.client {
            return Ok(Arc::clone(context));
        }
        let made = ClientContext::with_certificates(&current.set, policy);
        let context = Arc::new(made.map_err(|problem| unusable(files, &problem))?);
        current.client = Some(Arc::clone(&context));
        Ok(context)
    }

    /// What deserves a line in the log at `now`; nothing before the files were read.
    pub(super) fn notices(&self, policy: &Policy, now: Time) -> Vec<Notice> {
        let Some(current) = &self.current else { return Vec::new() };
        let open = current.contents.key_is_open_to_all;
        notices::of_set(&self.files, &current.set, &policy.strictness, open, now)
    }

    /// Was a set read since the last call?
    pub(super) fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }

    fn unread(&self) -> CertificateError {
        error(CERT, &self.files.cert, "it was not read")
    }

    /// Reads the files, unless they were read and are not followed.
    fn refresh(&mut self) -> Result<(), CertificateError> {
        if self.current.is_some() && !self.follows {
            return Ok(());
        }
        let contents = read(&self.files)?;
        if self.current.as_ref().is_some_and(|current| current.contents == contents) {
            return Ok(());
        }
        self.current = None;
        let set = parse(&self.files, &contents)?;
        self.changed = true;
        self.current = Some(Current { contents, set, server: None, client: None });
        Ok(())
    }
}

/// Can these files be used as a set?
///
/// # Errors
/// The file that cannot, and why.
pub fn check(files: &CertificateFiles) -> Result<(), CertificateError> {
    parse(files, &read(files)?).map(drop)
}

/// Judges the chain of a peer as with these files, its own certificate first, each in DER form.
///
/// # Errors
/// The file that cannot be used, or why the peer is refused.
pub fn judge(
    files: &CertificateFiles,
    chain: &[&[u8]],
    strictness: &Strictness,
    role: Role,
    host: Option<&str>,
) -> Result<(), String> {
    let set =
        read(files).and_then(|contents| parse(files, &contents)).map_err(|problem| problem.to_string())?;
    set.judge(chain, strictness, role, host)
        .map_err(|reason| format!("the peer's certificate is refused: {reason}"))
}

/// TLS does not take them: the security level stands over our own certificate, too.
fn unusable(files: &CertificateFiles, problem: &TlsError) -> CertificateError {
    error(CERT, &files.cert, problem)
}

fn read(files: &CertificateFiles) -> Result<Contents, CertificateError> {
    let file = |what, path: &Path| {
        keyfile::read_file(path, MOST_BYTES).map_err(|problem| error(what, path, explained(&problem, path)))
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
