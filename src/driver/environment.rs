// SPDX-License-Identifier: LGPL-2.1-or-later
//! The environment as a value: read once at start, completed from files, handed on; never changed in place.
use crate::model::certificate_files::Certificates;
use crate::model::options::{self, ClusterOption, Setting};
use crate::sys::x509::Strictness;
use crate::transport::strictness::{self, StrictnessError};
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};

/// Environment variables.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment(BTreeMap<OsString, OsString>);

impl Environment {
    /// What this process was started with.
    pub fn of_process() -> Self {
        std::env::vars_os().collect()
    }

    /// The variable's value, also an empty one.
    pub fn get(&self, variable: &str) -> Option<&OsStr> {
        self.0.get(OsStr::new(variable)).map(OsString::as_os_str)
    }

    /// A cluster option that is set, by the daemons' rules.
    pub fn option(&self, option: &ClusterOption) -> Option<Setting> {
        options::DAEMON.find(option, |variable| self.get(variable).map(OsStr::to_owned))
    }

    /// What it says about certificates, by the daemons' rules.
    pub fn certificates(&self) -> Certificates {
        options::DAEMON.certificates(|variable| self.get(variable).map(OsStr::to_owned))
    }

    /// What it demands of peers' certificates, by the daemons' rules, or what is wrong with it.
    pub fn strictness(&self) -> Result<Strictness, StrictnessError> {
        strictness::read(options::DAEMON, |variable| self.get(variable).map(OsStr::to_owned))
    }

    /// What deserves a warning where no certificates are used.
    pub fn strictness_without_certificates(&self) -> Option<String> {
        strictness::without_certificates(options::DAEMON, |variable| self.get(variable).map(OsStr::to_owned))
    }

    /// Sets a variable.
    pub fn set(&mut self, variable: impl Into<OsString>, value: impl Into<OsString>) {
        self.0.insert(variable.into(), value.into());
    }

    /// Sets a cluster option under all of its names.
    pub fn set_option(&mut self, option: &ClusterOption, value: &OsStr) {
        for variable in [Some(option.variable), option.old_variable].into_iter().flatten() {
            self.set(variable, value);
        }
    }

    /// Sets a variable unless it is there already, be it empty. Was it set?
    pub fn set_default(&mut self, variable: OsString, value: OsString) -> bool {
        match self.0.entry(variable) {
            std::collections::btree_map::Entry::Occupied(_) => false,
            std::collections::btree_map::Entry::Vacant(entry) => {
                entry.insert(value);
                true
            }
        }
    }

    /// Keeps the variables that `wanted` likes.
    pub fn retain(&mut self, mut wanted: impl FnMut(&OsStr) -> bool) {
        self.0.retain(|variable, _| wanted(variable));
    }

    /// All of it, sorted by name.
    pub fn into_pairs(self) -> Vec<(OsString, OsString)> {
        self.0.into_iter().collect()
    }
}

impl<K: Into<OsString>, V: Into<OsString>> FromIterator<(K, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        Self(pairs.into_iter().map(|(variable, value)| (variable.into(), value.into())).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_do_not_overwrite() {
        let mut environment = Environment::from_iter([("A", "")]);
        assert!(!environment.set_default("A".into(), "1".into()));
        assert!(environment.set_default("B".into(), "2".into()));
        assert_eq!(environment.get("A"), Some(OsStr::new("")));
        assert_eq!(environment.get("B"), Some(OsStr::new("2")));
    }
}
