// SPDX-License-Identifier: LGPL-2.1-or-later
//! What an administrator should know of certificates before the cluster suffers from it.
use crate::model::certificate_files::CertificateFiles;
use crate::sys::x509::{About, Certificate, CertificateSet, ListFinding, RevocationList, Strictness, Time};
use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

const DAY_S: i64 = 24 * 60 * 60;
/// Days before an end at which it is told.
const NOTICE_DAYS: [i64; 3] = [1, 7, 30];

/// How urgent a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Urgency {
    News,
    Warning,
    Error,
}

/// Something for the log.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Notice {
    /// What it is about. As long as that lasts, it is told once, however the text changes.
    topic: String,
    urgency: Urgency,
    /// The line.
    pub text: String,
}

impl Notice {
    /// A warning.
    pub fn warning(text: String) -> Self {
        Self { urgency: Urgency::Warning, topic: text.clone(), text }
    }

    /// Something that keeps connections from being made, or needs somebody before it does.
    pub(super) fn error(text: String) -> Self {
        Self { urgency: Urgency::Error, ..Self::warning(text) }
    }

    /// Something that has happened as it should.
    pub(super) fn news(text: String, topic: String) -> Self {
        Self { urgency: Urgency::News, topic, text }
    }

    fn about(self, topic: String) -> Self {
        Self { topic, ..self }
    }

    /// What it is about: the same as long as there is nothing else to be said of it.
    pub fn topic(&self) -> &str {
        &self.topic
    }

    /// Does it keep connections from being made, now or soon?
    pub fn is_error(&self) -> bool {
        self.urgency == Urgency::Error
    }

    /// Writes it into the log.
    pub fn log(&self) {
        match self.urgency {
            Urgency::News => log::info!(target: concat!(module_path!(), "!notice"), "{}", self.text),
            Urgency::Warning => log::warn!("{}", self.text),
            Urgency::Error => log::error!("{}", self.text),
        }
    }
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// What was told and lasts.
#[derive(Debug, Default)]
pub(super) struct Told(BTreeSet<String>);

impl Told {
    /// What of the things that are so now was not told yet.
    pub(super) fn news(&mut self, found: BTreeSet<Notice>) -> Vec<Notice> {
        let topics = found.iter().map(|notice| notice.topic.clone()).collect();
        let told = std::mem::replace(&mut self.0, topics);
        found.into_iter().filter(|notice| !told.contains(&notice.topic)).collect()
    }
}

fn days(seconds: i64) -> String {
    match seconds / DAY_S {
        0 | 1 => format!("{} hours", seconds / 3600),
        days => format!("{days} days"),
    }
}

/// The first of the days in [`NOTICE_DAYS`] that so many seconds are within; 0 when none are left.
fn stage(left_s: i64) -> Option<i64> {
    if left_s < 0 { Some(0) } else { NOTICE_DAYS.into_iter().find(|days| left_s <= days * DAY_S) }
}

/// What the end of a certificate deserves at `now`, when 30 days are left of it, 7 or 1, and each day after it.
pub fn of_end(what: &str, about: &About, now: Time) -> Option<Notice> {
    let end = about.not_after?;
    let left = end.0.saturating_sub(now.0);
    let stage = stage(left)?;
    if stage == 0 {
        let text = format!("{what} ({}) has expired on {end}: peers refuse it", about.subject);
        return Some(Notice::error(text.clone()).about(format!("{text}, day {}", -left / DAY_S)));
    }
    let text = format!("{what} ({}) expires on {end}, in {}", about.subject, days(left));
    let topic = format!("{what} ({}) until {end}, {stage} days", about.subject);
    Some(if stage == 1 { Notice::error(text) } else { Notice::warning(text) }.about(topic))
}

/// The same of a revocation list's next update. Lists are made for weeks or days, so that a stage counts only if it is
/// less than half of that time.
fn of_next_update(path: &Path, list: &RevocationList, now: Time) -> Option<Notice> {
    let (made, next) = (list.last_update()?, list.next_update()?);
    let left = next.0.saturating_sub(now.0);
    let stage = stage(left).filter(|days| *days > 0 && days * DAY_S * 2 < next.0.saturating_sub(made.0))?;
    let what = format!("The revocation list of {} in {}", list.issuer(), path.display());
    let text = format!("{what} should be replaced by {next}, in {}", days(left));
    Some(Notice::warning(text).about(format!("{what} until {next}, {stage} days")))
}

/// What is to be told of a set at `now`.
pub(super) fn of_set(
    files: &CertificateFiles,
    set: &CertificateSet,
    strictness: &Strictness,
    key_is_open_to_all: bool,
    now: Time,
) -> BTreeSet<Notice> {
    let mut notices = BTreeSet::new();
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
            notices.extend(of_next_update(path, list, now));
            notices.extend(
                set.findings(list, now).iter().map(|finding| of_list(path, list, finding, strictness)),
            );
        }
    }
    if key_is_open_to_all {
        let key = files.key.display();
        notices.insert(Notice::warning(format!(
            "Private key file {key}: every user of this machine can read or change it (chmod 640)"
        )));
    }
    notices
}

fn of_own(path: &Path, own: &Certificate, now: Time, notices: &mut BTreeSet<Notice>) {
    let about = own.about();
    let what = format!("The certificate of this node in {}", path.display());
    notices.extend(of_end(&what, &about, now));
    if about.not_before.is_some_and(|begin| begin > now) {
        let text = format!("{what} ({about}) is not valid yet: peers refuse it, if their clocks are right");
        notices.insert(Notice::error(text));
    }
    if !own.may_sign() {
        let text = format!("{what} ({about}): its keyUsage lacks digitalSignature, so that peers refuse it");
        notices.insert(Notice::error(text));
    }
    if let Some(weak) = &about.weak_key {
        notices.insert(Notice::warning(format!("{what} ({}) has a weak key: {weak}", about.subject)));
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
        return Notice::error(
            text + "unless there is another, all peers with a certificate of that issuer are refused",
        );
    }
    Notice::warning(text + "what it revokes is refused all the same")
}
