// SPDX-License-Identifier: LGPL-2.1-or-later
//! Reads options from the environment and keeps account of what was wrong with them.
use crate::driver::environment::Environment;
use crate::model::options::ClusterOption;
use std::fmt;
use std::path::PathBuf;

/// A value that cannot be used as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigWarning {
    /// The variable or option as spelled.
    pub variable: String,
    /// Its value.
    pub value: String,
    /// What is wrong with it.
    pub problem: String,
    /// What is used instead; empty: nothing.
    pub instead: String,
}

impl fmt::Display for ConfigWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { variable, value, problem, instead } = self;
        write!(f, "{variable} is \"{value}\": {problem}")?;
        if instead.is_empty() { Ok(()) } else { write!(f, "; using {instead} instead") }
    }
}

pub(in crate::daemon) struct Reader<'a> {
    environment: &'a Environment,
    warnings: Vec<ConfigWarning>,
}

impl<'a> Reader<'a> {
    pub(in crate::daemon) fn new(environment: &'a Environment) -> Self {
        Self { environment, warnings: Vec::new() }
    }

    pub(in crate::daemon) fn environment(&self) -> &'a Environment {
        self.environment
    }

    pub(in crate::daemon) fn text(&self, option: &ClusterOption) -> Option<String> {
        self.environment.option(option).map(|setting| setting.text().into_owned())
    }

    pub(in crate::daemon) fn path(&self, option: &ClusterOption) -> Option<PathBuf> {
        self.environment.option(option).map(|setting| setting.value.into())
    }

    /// The option through `parse`; when that fails there is a warning, and `instead` says what the caller
    /// falls back to.
    pub(in crate::daemon) fn parsed<T>(
        &mut self,
        option: &ClusterOption,
        instead: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let text = self.text(option)?;
        let value = parse(&text);
        if value.is_none() {
            self.warn_option(option, option.value.problem(), instead);
        }
        value
    }

    /// Warns about an option if it is set.
    pub(in crate::daemon) fn warn_option(&mut self, option: &ClusterOption, problem: &str, instead: &str) {
        if let Some(setting) = self.environment.option(option) {
            self.warn(setting.variable, &setting.text(), problem, instead);
        }
    }

    pub(in crate::daemon) fn warn(&mut self, variable: &str, value: &str, problem: &str, instead: &str) {
        self.warnings.push(ConfigWarning {
            variable: variable.into(),
            value: value.into(),
            problem: problem.into(),
            instead: instead.into(),
        });
    }

    pub(in crate::daemon) fn into_warnings(self) -> Vec<ConfigWarning> {
        self.warnings
    }
}
