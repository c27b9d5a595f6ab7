// SPDX-License-Identifier: LGPL-2.1-or-later
//! What a priority string allows, word after word.
use super::known::{self, Meaning};
use super::signatures::{self, Signature, signature};
use super::translation::PriorityError;
use super::words::{
    self, CERTIFICATE_EXCHANGES, CIPHERS, Cipher, Exchange, GROUPS, KEY_EXCHANGES, MACS, Mac,
};
use crate::sys::tls::TlsVersion;
use crate::sys::x509::Strictness;

/// What the words so far allow, in the order of preference.
#[derive(Default)]
pub(super) struct Sets {
    pub(super) with_certificates: bool,
    pub(super) versions: Vec<TlsVersion>,
    pub(super) ciphers: Vec<Cipher>,
    pub(super) macs: Vec<Mac>,
    pub(super) exchanges: Vec<Exchange>,
    /// None: all.
    pub(super) signatures: Option<Vec<&'static str>>,
    /// Was X.509 taken away?
    pub(super) without_x509: bool,
    pub(super) encrypt_then_mac: bool,
    pub(super) session_hash: bool,
    /// Exchanges that were taken away by name; the others are added in the end, as upstream does.
    pub(super) refused: Vec<Exchange>,
    pub(super) groups: Option<Vec<&'static str>>,
    /// Was the base NONE, so that groups count only if named?
    pub(super) from_nothing: bool,
    pub(super) server_precedence: bool,
    /// As the levels ask; the weakest of those that were added to each other.
    pub(super) strictness: Option<Strictness>,
    /// What profiles and other options demand beside it.
    pub(super) profile: Strictness,
    pub(super) notes: Vec<String>,
}

pub(super) fn insert<T: PartialEq + Copy>(list: &mut Vec<T>, item: T) {
    if !list.contains(&item) {
        list.push(item);
    }
}

fn find<T: Copy>(table: &[(&str, T)], name: &str) -> Option<T> {
    table.iter().find(|(other, _)| *other == name).map(|(_, item)| *item)
}

fn version(name: &str) -> Option<TlsVersion> {
    match name {
        "VERS-TLS1.3" => Some(TlsVersion::Tls13),
        "VERS-TLS1.2" => Some(TlsVersion::Tls12),
        _ => None,
    }
}

fn group(name: &str) -> Option<&'static str> {
    let name = name.strip_prefix("GROUP-").or_else(|| name.strip_prefix("CURVE-"))?;
    find(&GROUPS, name)
}

/// Groups under a collective name.
fn group_family(name: &str) -> Option<Vec<&'static str>> {
    let elliptic = |name: &str| !name.starts_with("ffdhe");
    let all = GROUPS.iter().map(|(_, name)| *name);
    match name {
        "GROUP-ALL" => Some(all.collect()),
        "GROUP-EC-ALL" | "CURVE-ALL" => Some(all.filter(|name| elliptic(name)).collect()),
        "GROUP-DH-ALL" => Some(all.filter(|name| !elliptic(name)).collect()),
        _ => None,
    }
}

/// Lists of names of which None is all: what both have together. `first`: there was nothing before.
fn joined(
    first: bool,
    before: Option<Vec<&'static str>>,
    more: Option<&'static [&'static str]>,
) -> Option<Vec<&'static str>> {
    match (before, more) {
        // All is there already, or comes along now.
        (None, Some(_)) if !first => None,
        (None, names) => names.map(<[_]>::to_vec),
        (Some(_), None) => None,
        (Some(mut before), Some(more)) => {
            more.iter().for_each(|name| insert(&mut before, *name));
            Some(before)
        }
    }
}

impl Sets {
    pub(super) fn new(with_certificates: bool) -> Self {
        Self { with_certificates, ..Self::default() }
    }

    /// A level as the base of the string.
    pub(super) fn start(&mut self, name: &str) -> bool {
        let Some(level) = words::level(name) else { return false };
        let notes = std::mem::take(&mut self.notes);
        let versions = level.versions.to_vec();
        *self = Self { with_certificates: self.with_certificates, notes, versions, ..Self::default() };
        self.add_level(name)
    }

    /// NORMAL, and what nobody should use, which is not offered.
    pub(super) fn start_legacy(&mut self) -> bool {
        self.notes.push(
            "'LEGACY' asks for more than NORMAL only where that is obsolete; NORMAL is used".to_owned(),
        );
        self.start("NORMAL")
    }

    pub(super) fn start_from_nothing(&mut self) -> bool {
        self.from_nothing = true;
        true
    }

    /// `@SYSTEM` and the like: GnuTLS would read a file that we do not.
    pub(super) fn system(&mut self, word: &str) -> bool {
        self.notes
            .push(format!("'{word}' refers to GnuTLS's own configuration; NORMAL is used in its place"));
        let known = self.start("NORMAL");
        // Distributions ask for RSA of 2048 bits there.
        self.strictness = Some(Strictness { security_level: 2, ..Strictness::default() });
        known
    }

    /// The exchanges that count here.
    fn exchange(&self, name: &str) -> Option<Exchange> {
        if self.with_certificates { find(&CERTIFICATE_EXCHANGES, name) } else { find(&KEY_EXCHANGES, name) }
    }

    /// Names it what is never offered, at least with this kind of proof?
    fn is_never_offered(&self, name: &str) -> bool {
        let of_other_proof = if self.with_certificates {
            find(&KEY_EXCHANGES, name).is_some()
        } else {
            find(&CERTIFICATE_EXCHANGES, name).is_some()
                || name == "SIGN-ALL"
                || name.strip_prefix("SIGN-").and_then(signature).is_some()
                || known::certificate_type(name).is_some()
        };
        of_other_proof || known::is_never_offered(name) || known::certificate_type(name) == Some(false)
    }

    /// Is the option known?
    pub(super) fn option(&mut self, name: &str) -> Result<bool, PriorityError> {
        match known::option(name) {
            None => return Ok(false),
            Some(Meaning::Weaker) => return Err(PriorityError::Weaker(name.to_owned())),
            Some(Meaning::Done) => {}
            Some(Meaning::Ignored(why)) => self.notes.push(format!("'{name}' has no effect: {why}")),
            Some(Meaning::ServerPrecedence) => self.server_precedence = true,
            Some(Meaning::EncryptThenMac) => self.encrypt_then_mac = true,
            Some(Meaning::SessionHash) => self.session_hash = true,
            Some(Meaning::Judge(demands)) => self.profile = std::mem::take(&mut self.profile).and(demands),
        }
        Ok(true)
    }

    fn add_level(&mut self, name: &str) -> bool {
        let Some(level) = words::level(name) else { return false };
        let first = self.ciphers.is_empty();
        for cipher in level.ciphers {
            insert(&mut self.ciphers, *cipher);
        }
        for mac in level.macs {
            insert(&mut self.macs, *mac);
        }
        if self.with_certificates {
            level.exchanges.iter().for_each(|exchange| insert(&mut self.exchanges, *exchange));
        }
        self.groups = joined(first, self.groups.take(), level.groups);
        self.signatures = joined(first, self.signatures.take(), level.signatures);
        if level.forward_secret {
            insert(&mut self.refused, Exchange::Psk);
            self.exchanges.retain(|exchange| *exchange != Exchange::Rsa);
        }
        let before = self.strictness.take().unwrap_or_else(|| level.strictness.clone());
        self.strictness = Some(Strictness {
            security_level: before.security_level.min(level.strictness.security_level),
            least_curve_bits: before.least_curve_bits.min(level.strictness.least_curve_bits),
            suite_b: before.suite_b.min(level.strictness.suite_b),
            ..Strictness::default()
        });
        true
    }

    pub(super) fn add(&mut self, name: &str) -> bool {
        if let Some(version) = version(name) {
            insert(&mut self.versions, version);
        } else if let Some(cipher) = find(&CIPHERS, name) {
            insert(&mut self.ciphers, cipher);
        } else if let Some(mac) = find(&MACS, name) {
            insert(&mut self.macs, mac);
        } else if let Some(exchange) = self.exchange(name) {
            insert(&mut self.exchanges, exchange);
            self.refused.retain(|other| *other != exchange);
        } else if let Some(group) = group(name) {
            self.add_groups(&[group]);
        } else if let Some(family) = group_family(name) {
            self.add_groups(&family);
        } else if self.add_all(name) || self.add_level(name) {
        } else if let Some(signatures) = self.signatures_of(name) {
            if let Some(list) = &mut self.signatures {
                signatures.iter().for_each(|signature| insert(list, signature));
            }
        } else if self.with_certificates && known::certificate_type(name) == Some(true) {
            self.without_x509 = false;
        } else if self.is_never_offered(name) || self.is_useless_signature(name) {
            self.notes.push(format!("'+{name}' is not offered: it is obsolete or of no use here"));
        } else {
            return false;
        }
        true
    }

    /// OpenSSL's names of signatures that count here.
    fn signatures_of(&self, name: &str) -> Option<Vec<&'static str>> {
        match name.strip_prefix("SIGN-").filter(|_| self.with_certificates)? {
            "ALL" => Some(signatures::all()),
            name => match signature(name)? {
                Signature::Known(name) => Some(vec![name]),
                Signature::NeverOffered => None,
            },
        }
    }

    fn is_useless_signature(&self, name: &str) -> bool {
        matches!(name.strip_prefix("SIGN-").and_then(signature), Some(Signature::NeverOffered))
    }

    /// Without a list yet all groups are in, so that nothing can be added, except after NONE.
    fn add_groups(&mut self, more: &[&'static str]) {
        if self.groups.is_some() || self.from_nothing {
            let groups = self.groups.get_or_insert_default();
            more.iter().for_each(|group| insert(groups, group));
        }
    }

    fn add_all(&mut self, name: &str) -> bool {
        match name {
            "VERS-ALL" | "VERS-TLS-ALL" => {
                insert(&mut self.versions, TlsVersion::Tls13);
                insert(&mut self.versions, TlsVersion::Tls12);
            }
            // GnuTLS's words for all stand for what NORMAL has.
            "CIPHER-ALL" => words::NORMAL.iter().for_each(|cipher| insert(&mut self.ciphers, *cipher)),
            "MAC-ALL" => words::MACS_OF_NORMAL.iter().for_each(|mac| insert(&mut self.macs, *mac)),
            "KX-ALL" if self.with_certificates => {
                words::EXCHANGES.iter().for_each(|exchange| insert(&mut self.exchanges, *exchange));
            }
            "KX-ALL" => {}
            _ => return false,
        }
        true
    }

    pub(super) fn remove(&mut self, name: &str) -> bool {
        if let Some(version) = version(name) {
            self.versions.retain(|other| *other != version);
        } else if let Some(cipher) = find(&CIPHERS, name) {
            self.ciphers.retain(|other| *other != cipher);
        } else if let Some(mac) = find(&MACS, name) {
            self.macs.retain(|other| *other != mac);
        } else if let Some(exchange) = self.exchange(name) {
            self.exchanges.retain(|other| *other != exchange);
            insert(&mut self.refused, exchange);
        } else if let Some(group) = group(name) {
            self.known_groups().retain(|other| *other != group);
        } else if let Some(family) = group_family(name) {
            self.known_groups().retain(|other| !family.contains(other));
        } else if let Some(signatures) = self.signatures_of(name) {
            let list = self.signatures.get_or_insert_with(signatures::all);
            list.retain(|other| !signatures.contains(other));
        } else if self.with_certificates && known::certificate_type(name) == Some(true) {
            self.without_x509 = true;
        } else {
            return self.remove_all(name) || self.is_never_offered(name) || self.is_useless_signature(name);
        }
        true
    }

    fn remove_all(&mut self, name: &str) -> bool {
        match name {
            "VERS-ALL" | "VERS-TLS-ALL" => self.versions.clear(),
            "CIPHER-ALL" => self.ciphers.clear(),
            "MAC-ALL" => self.macs.clear(),
            "KX-ALL" => self.exchanges.clear(),
            _ => return false,
        }
        true
    }

    /// The groups as a list that can be taken from: all, unless some were named.
    fn known_groups(&mut self) -> &mut Vec<&'static str> {
        self.groups.get_or_insert_with(|| GROUPS.iter().map(|(_, name)| *name).collect())
    }
}
