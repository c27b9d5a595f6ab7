// SPDX-License-Identifier: LGPL-2.1-or-later
//! What one side presents and trusts.
use super::Time;
use super::object::{Certificate, PrivateKey, RevocationList};

/// Certificates that belong together.
#[derive(Debug)]
pub struct CertificateSet {
    /// What people call our own certificate: its file, its subject and its end.
    pub label: String,
    /// Whom we trust: whatever chain ends at one of these.
    pub anchors: Vec<Certificate>,
    /// What was revoked.
    pub lists: Vec<RevocationList>,
    /// What we present, our own first, then the issuers.
    pub chain: Vec<Certificate>,
    /// The key of the first of the chain.
    pub key: PrivateKey,
}

/// What is odd about a revocation list. What it revokes is refused all the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListFinding {
    /// There should have been a newer one since then.
    Stale(Time),
    /// It was made at that time, which is still to come.
    FromTheFuture(Time),
    /// No authority of ours of the issuer's name, that may sign lists, has signed it.
    Unverifiable,
    /// It is signed with SHA-1 or MD5.
    WeakSignature,
    /// It has a critical extension, so that it may be about some certificates alone.
    Partial,
}

impl CertificateSet {
    /// What is odd about a list of this set at `now`.
    pub fn findings(&self, list: &RevocationList, now: Time) -> Vec<ListFinding> {
        let mut findings = Vec::new();
        findings.extend(list.next_update().filter(|next| *next < now).map(ListFinding::Stale));
        findings.extend(list.last_update().filter(|made| *made > now).map(ListFinding::FromTheFuture));
        let known = || self.anchors.iter().chain(&self.chain);
        if !known().any(|issuer| list.is_signed_by(issuer)) {
            findings.push(ListFinding::Unverifiable);
        }
        if list.has_weak_signature() {
            findings.push(ListFinding::WeakSignature);
        }
        if list.is_partial() {
            findings.push(ListFinding::Partial);
        }
        findings
    }
}
