// SPDX-License-Identifier: LGPL-2.1-or-later
//! What an administrator should know of certificates before the cluster suffers from it.
use crate::model::certificate_files::CertificateFiles;
use crate::sys::x509::{About, Certificate, CertificateSet, ListFinding, RevocationList, Strictness, Time};
use std::fmt;
use std::path::Path;

const DAY_S: i64 = 24 * 60 * 60;
/// Days before the end of a certificate from which on it is told, once a day.
const NOTICE_DAYS: i64 = 30;

/// Something for the log.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Notice {
    /// Does it keep connections from being made, now or within a day?
    pub is_error: bool,
    /// The line.
    pub text: String,
}

impl Notice {
    /// A warning.
    pub fn warning(text: String) -> Self {
        Self { is_error: false, text }
    }

    /// Writes it into the log.
    pub fn log(&self) {
        let level = if self.is_error { log::Level::Error } else { log::Level::Warn };
        log::log!(level, "{}", self.text);
    }
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// What the end of a certificate deserves at `now`: its text has the days that are left, so that it differs each day.
pub fn of_end(what: &str, about: &About, now: Time) -> Option<Notice> {
    let end = about.not_after?;
    let left = end.0.saturating_sub(now.0);
    if left < 0 {
        let text = format!("{what} ({}) has expired on {end}: peers refuse it", about.subject);
        return Some(Notice { is_error: true, text });
    }
    let days = left / DAY_S;
    (days < NOTICE_DAYS).then(|| Notice {
        is_error: days < 1,
        text: format!("{what} ({}) expires on {end}, in {days} days", about.subject),
    })
}

/// What is to be told of a set at `now`.
pub(super) fn of_set(
    files: &CertificateFiles,
    set: &CertificateSet,
    strictness: &Strictness,
    key_is_open_to_all: bool,
    now: Time,
) -> Vec<Notice> {
    let mut notices = Vec::new();
    if let Some(own) = set.chain.first() {
        of_own(&files.cert, own, now, &mut notices);
    }
    for issuer in set.chain.iter().skip(1) {
        notices.extend(of_end(&format!("An issuer in {}", files.cert.display()), &issuer.about(), now));
    }
    for anchor in &set.anchors {
        notices.extend(of_end(&format!("An authority in {}", files.ca.display()), &anchor.about(), now));
    }
    if let Some(path) = &files.crl {
        for list in &set.lists {
            notices.extend(
                set.findings(list, now).iter().map(|finding| of_list(path, list, finding, strictness)),
            );
        }
    }
    if key_is_open_to_all {
        let key = files.key.display();
        notices.push(Notice::warning(format!(
            "Private key file {key}: every user of this machine can read or change it (chmod 640)"
        )));
    }
    notices
}

fn of_own(path: &Path, own: &Certificate, now: Time, notices: &mut Vec<Notice>) {
    let about = own.about();
    let what = format!("The certificate of this node in {}", path.display());
    notices.extend(of_end(&what, &about, now));
    if about.not_before.is_some_and(|begin| begin > now) {
        let text = format!("{what} ({about}) is not valid yet: peers refuse it, if their clocks are right");
        notices.push(Notice { is_error: true, text });
    }
    if !own.may_sign() {
        let text = format!("{what} ({about}): its keyUsage lacks digitalSignature, so that peers refuse it");
        notices.push(Notice { is_error: true, text });
    }
    if let Some(weak) = &about.weak_key {
        notices.push(Notice::warning(format!("{what} ({}) has a weak key: {weak}", about.subject)));
    }
}

fn of_list(path: &Path, list: &RevocationList, finding: &ListFinding, strictness: &Strictness) -> Notice {
    let odd = match finding {
        ListFinding::Stale(since) => format!("there should have been a newer one since {since}"),
        ListFinding::FromTheFuture(made) => format!("it is of {made}, which is still to come"),
        ListFinding::Unverifiable => "no authority in the CA file has signed it".to_owned(),
        ListFinding::WeakSignature => "it is signed with SHA-1 or MD5".to_owned(),
        ListFinding::Partial => {
            "it has a critical extension, so that it may not be about all certificates".to_owned()
        }
    };
    let (path, issuer) = (path.display(), list.issuer());
    let text = format!("The revocation list of {issuer} in {path}: {odd}; ");
    if strictness.require_lists {
        let text = text + "unless there is another, all peers with a certificate of that issuer are refused";
        return Notice { is_error: true, text };
    }
    Notice::warning(text + "what it revokes is refused all the same")
}
