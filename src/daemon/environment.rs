// SPDX-License-Identifier: LGPL-2.1-or-later
//! The environment as a value: read once at start, completed from files, handed on; never changed in place.
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};

/// Environment variables.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment(BTreeMap<OsString, OsString>);

/// A cluster option that was found, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The variable as spelled.
    pub variable: String,
    /// Its value, never empty.
    pub value: OsString,
}

impl Environment {
    /// What this process was started with.
    pub fn of_process() -> Self {
        std::env::vars_os().collect()
    }

    /// The variable's value, also an empty one.
    pub fn get(&self, variable: &str) -> Option<&OsStr> {
        self.0.get(OsStr::new(variable)).map(OsString::as_os_str)
    }

    /// A cluster option: `PCMK_<name>`, or else `HA_<name>`. A variable that is set and empty hides the other
    /// one and counts as unset, so that a commented-out value in a defaults file can be left blank.
    pub fn option(&self, name: &str) -> Option<Setting> {
        let found = ["PCMK_", "HA_"].into_iter().find_map(|prefix| {
            let variable = format!("{prefix}{name}");
            let value = self.get(&variable)?.to_owned();
            Some(Setting { variable, value })
        })?;
        (!found.value.is_empty()).then_some(found)
    }

    /// Sets a variable.
    pub fn set(&mut self, variable: impl Into<OsString>, value: impl Into<OsString>) {
        self.0.insert(variable.into(), value.into());
    }

    /// Sets both forms of a cluster option.
    pub fn set_option(&mut self, name: &str, value: &OsStr) {
        self.set(format!("PCMK_{name}"), value);
        self.set(format!("HA_{name}"), value);
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

impl Setting {
    /// The value as text; what is not UTF-8 becomes U+FFFD.
    pub fn text(&self) -> std::borrow::Cow<'_, str> {
        self.value.to_string_lossy()
    }
}

/// A boolean as configuration files write it.
pub fn boolean(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "on" | "yes" | "y" | "1" => Some(true),
        "false" | "off" | "no" | "n" | "0" => Some(false),
        _ => None,
    }
}

/// A boolean, or the names of the daemons it holds for, separated by commas.
pub fn enabled_for(text: &str, daemon: &str) -> bool {
    boolean(text).unwrap_or_else(|| text.split(',').any(|name| name.trim() == daemon))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pcmk_wins_over_ha() {
        let both = Environment::from_iter([("PCMK_debug", "no"), ("HA_debug", "yes")]);
        assert_eq!(both.option("debug").unwrap().variable, "PCMK_debug");
        let old = Environment::from_iter([("HA_debug", "yes")]);
        let found = old.option("debug").unwrap();
        assert_eq!((found.variable.as_str(), &*found.text()), ("HA_debug", "yes"));
    }

    #[test]
    fn blank_is_unset_and_hides_the_other_form() {
        let blank = Environment::from_iter([("PCMK_logfile", ""), ("HA_logfile", "/x")]);
        assert_eq!(blank.option("logfile"), None);
    }

    #[test]
    fn defaults_do_not_overwrite() {
        let mut environment = Environment::from_iter([("A", "")]);
        assert!(!environment.set_default("A".into(), "1".into()));
        assert!(environment.set_default("B".into(), "2".into()));
        assert_eq!(environment.get("A"), Some(OsStr::new("")));
        assert_eq!(environment.get("B"), Some(OsStr::new("2")));
    }

    #[test]
    fn daemon_lists_name_whole_daemons() {
        assert!(enabled_for("Yes", "pacemaker-remoted"));
        assert!(!enabled_for("off", "pacemaker-remoted"));
        assert!(enabled_for("pacemaker-based, pacemaker-remoted", "pacemaker-remoted"));
        assert!(!enabled_for("pacemaker-remoted2", "pacemaker-remoted"));
    }
}
