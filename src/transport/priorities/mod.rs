// SPDX-License-Identifier: LGPL-2.1-or-later
//! `PCMK_tls_priorities`: a GnuTLS priority string as an OpenSSL policy. docs/tls-priorities.md says what is
//! understood. What cannot be kept is refused by name or, where leaving it out is never weaker, noted.
mod words;

use crate::sys::tls::{Policy, TlsVersion};
use crate::sys::x509::Strictness;
use std::fmt;
use words::{CERTIFICATE_EXCHANGES, CIPHERS, Cipher, Exchange, GROUPS, KEY_EXCHANGES, MACS, Mac};

/// What a priority string comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Translation {
    /// For TLS contexts.
    pub policy: Policy,
    /// What was left out or cannot be as GnuTLS would have it; for the log, once.
    pub notes: Vec<String>,
}

/// Why a priority string is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PriorityError {
    /// A word that is not known, or not allowed where it stands.
    Word(String),
    /// Nothing is left of the named kind.
    NothingLeft(&'static str),
}

impl fmt::Display for PriorityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Word(word) => write!(
                f,
                "PCMK_tls_priorities: '{word}' is not understood (see docs/tls-priorities.md for what is)"
            ),
            Self::NothingLeft(kind) => {
                write!(f, "PCMK_tls_priorities leaves no {kind} that works with the key or the certificates")
            }
        }
    }
}

impl std::error::Error for PriorityError {}

/// Translates a priority string for connections with a pre-shared key; a blank one gives the default policy.
pub fn translate(priorities: &str) -> Result<Translation, PriorityError> {
    translate_for(priorities, false)
}

/// The same for connections with certificates.
pub fn translate_with_certificates(priorities: &str) -> Result<Translation, PriorityError> {
    translate_for(priorities, true)
}

fn translate_for(priorities: &str, with_certificates: bool) -> Result<Translation, PriorityError> {
    if priorities.trim().is_empty() {
        let policy = if with_certificates { Policy::with_certificates() } else { Policy::default() };
        return Ok(Translation { policy, notes: Vec::new() });
    }
    let mut sets = Sets { with_certificates, ..Sets::default() };
    for (position, word) in priorities.split(':').map(str::trim).enumerate() {
        if word.is_empty() {
            continue;
        }
        let upper = word.to_ascii_uppercase();
        let known = match upper.split_at_checked(1) {
            Some(("+", name)) => sets.add(name),
            Some(("-" | "!", name)) => sets.remove(name),
            Some(("%", _)) => sets.option(&upper),
            Some(("@", _)) if position == 0 => sets.system(word),
            // Levels without a sign come first, or replace what came before them.
            _ if position == 0 && upper == "NONE" => sets.start_from_nothing(),
            _ if upper == "LEGACY" => sets.start_legacy(),
            _ => sets.start(&upper),
        };
        if !known {
            return Err(PriorityError::Word(word.to_owned()));
        }
    }
    sets.finish()
}

/// What the words so far allow, in the order of preference.
#[derive(Default)]
struct Sets {
    with_certificates: bool,
    versions: Vec<TlsVersion>,
    ciphers: Vec<Cipher>,
    macs: Vec<Mac>,
    exchanges: Vec<Exchange>,
    /// Exchanges that were taken away by name; the others are added in the end, as upstream does.
    refused: Vec<Exchange>,
    groups: Option<Vec<&'static str>>,
    /// Was the base NONE, so that groups count only if named?
    from_nothing: bool,
    server_precedence: bool,
    /// As the levels ask; the weakest of those that were added to each other.
    strictness: Option<Strictness>,
    /// The highest security level of a profile; 0: there is none.
    profile: i32,
    notes: Vec<String>,
}

fn insert<T: PartialEq + Copy>(list: &mut Vec<T>, item: T) {
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

impl Sets {
    /// A level as the base of the string.
    fn start(&mut self, name: &str) -> bool {
        if words::level(name).is_none() {
            return false;
        }
        let notes = std::mem::take(&mut self.notes);
        let versions = vec![TlsVersion::Tls13, TlsVersion::Tls12];
        *self = Self { with_certificates: self.with_certificates, notes, versions, ..Self::default() };
        if self.with_certificates {
            self.exchanges = CERTIFICATE_EXCHANGES.map(|(_, exchange)| exchange).to_vec();
        }
        self.macs = vec![Mac::Aead, Mac::Sha384, Mac::Sha256, Mac::Sha1];
        self.add_level(name)
    }

    /// NORMAL, and what nobody should use, which is not offered.
    fn start_legacy(&mut self) -> bool {
        self.notes.push(
            "'LEGACY' asks for more than NORMAL only where that is obsolete; NORMAL is used".to_owned(),
        );
        self.start("NORMAL")
    }

    fn start_from_nothing(&mut self) -> bool {
        self.from_nothing = true;
        true
    }

    /// `@SYSTEM` and the like: GnuTLS would read a file that we do not.
    fn system(&mut self, word: &str) -> bool {
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

    fn is_without_effect(&self, name: &str) -> bool {
        self.with_certificates && find(&KEY_EXCHANGES, name).is_some()
            || words::is_without_effect(name, self.with_certificates)
    }

    fn option(&mut self, name: &str) -> bool {
        if name == "%SERVER_PRECEDENCE" {
            self.server_precedence = true;
            return true;
        }
        match words::profile(name) {
            // Without certificates it is about nothing that is not kept at level 2.
            Some(level) if self.with_certificates || level <= 2 => {
                self.profile = self.profile.max(level);
                true
            }
            Some(_) => false,
            None => words::OPTIONS_WITHOUT_EFFECT.contains(&name),
        }
    }

    fn add_level(&mut self, name: &str) -> bool {
        let Some(level) = words::level(name) else { return false };
        let first = self.ciphers.is_empty();
        for cipher in level.ciphers {
            insert(&mut self.ciphers, *cipher);
        }
        self.groups = match (self.groups.take(), level.groups) {
            // All of OpenSSL's choice is there already, or comes along now.
            (None, Some(_)) if !first => None,
            (None, groups) => groups.map(<[_]>::to_vec),
            (Some(_), None) => None,
            (Some(mut before), Some(more)) => {
                more.iter().for_each(|group| insert(&mut before, *group));
                Some(before)
            }
        };
        if level.forward_secret {
            insert(&mut self.refused, Exchange::Psk);
            self.exchanges.retain(|exchange| *exchange != Exchange::Rsa);
        }
        let before = self.strictness.clone().unwrap_or_else(|| level.strictness.clone());
        self.strictness = Some(Strictness {
            security_level: before.security_level.min(level.strictness.security_level),
            least_curve_bits: before.least_curve_bits.min(level.strictness.least_curve_bits),
            ..Strictness::default()
        });
        true
    }

    fn add(&mut self, name: &str) -> bool {
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
        } else if self.is_without_effect(name) || self.with_certificates && name.starts_with("SIGN-") {
            self.notes.push(format!("'+{name}' is not offered: it is obsolete or of no use here"));
        } else {
            return false;
        }
        true
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
            "CIPHER-ALL" => CIPHERS.iter().for_each(|(_, cipher)| insert(&mut self.ciphers, *cipher)),
            "MAC-ALL" => MACS.iter().for_each(|(_, mac)| insert(&mut self.macs, *mac)),
            "KX-ALL" if self.with_certificates => {
                CERTIFICATE_EXCHANGES.iter().for_each(|(_, exchange)| insert(&mut self.exchanges, *exchange));
            }
            "KX-ALL" => KEY_EXCHANGES.iter().for_each(|(_, exchange)| insert(&mut self.exchanges, *exchange)),
            _ => return false,
        }
        true
    }

    fn remove(&mut self, name: &str) -> bool {
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
        } else {
            return self.remove_all(name) || self.is_without_effect(name);
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

    fn finish(mut self) -> Result<Translation, PriorityError> {
        if !self.with_certificates {
            for exchange in [Exchange::DhePsk, Exchange::Psk] {
                if !self.refused.contains(&exchange) {
                    insert(&mut self.exchanges, exchange);
                }
            }
        }
        if self.exchanges.is_empty() {
            return Err(PriorityError::NothingLeft("key exchange"));
        }
        if self.groups.as_ref().is_some_and(Vec::is_empty) {
            return Err(PriorityError::NothingLeft("key exchange group"));
        }
        if self.versions.is_empty() {
            return Err(PriorityError::NothingLeft("TLS version (1.2 or 1.3)"));
        }
        let tls12 = self.tls12_suites();
        let tls13 = self.tls13_suites();
        self.drop_version(TlsVersion::Tls12, tls12.is_empty());
        self.drop_version(TlsVersion::Tls13, tls13.is_empty());
        let (Some(min), Some(max)) = (self.versions.iter().min(), self.versions.iter().max()) else {
            return Err(PriorityError::NothingLeft("cipher suite"));
        };
        let policy = Policy {
            min: *min,
            max: *max,
            cipher_list: tls12.join(":"),
            ciphersuites: tls13.join(":"),
            groups: self.groups.map(|groups| groups.join(":")),
            plain_psk: self.exchanges.contains(&Exchange::Psk),
            server_precedence: self.server_precedence,
            strictness: self
                .strictness
                .unwrap_or_default()
                .and(Strictness { security_level: self.profile, ..Strictness::default() }),
        };
        Ok(Translation { policy, notes: self.notes })
    }

    fn drop_version(&mut self, version: TlsVersion, without_suites: bool) {
        if without_suites && self.versions.contains(&version) {
            self.versions.retain(|other| *other != version);
            self.notes.push(format!("{version} is not offered: no cipher that works with it is left"));
        }
    }

    fn tls12_suites(&self) -> Vec<String> {
        let mut suites = Vec::new();
        for exchange in &self.exchanges {
            for cipher in &self.ciphers {
                suites
                    .extend(self.macs.iter().filter_map(|mac| words::tls12_suite(*exchange, *cipher, *mac)));
            }
        }
        suites
    }

    fn tls13_suites(&self) -> Vec<&'static str> {
        if !self.macs.contains(&Mac::Aead) {
            return Vec::new();
        }
        let suite = |cipher: &Cipher| words::tls13_suite(*cipher, self.with_certificates);
        self.ciphers.iter().filter_map(suite).collect()
    }
}

#[cfg(test)]
mod tests;
