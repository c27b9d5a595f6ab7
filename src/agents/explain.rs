// SPDX-License-Identifier: LGPL-2.1-or-later
//! What an action would be, without running it and without showing secrets.
use super::config::{AgentConfig, AgentFiles};
use super::failure::obstacle;
use super::plan::Plan;
use super::redact::is_secret;
use super::standards::{Means, plan};
use super::{UnitPlan, Verdict, ocf};
use crate::model::Execution;
use std::path::PathBuf;

/// What would carry the action out.
#[derive(Debug)]
pub enum Explained {
    /// A process.
    Process(Explanation),
    /// The node's service manager.
    Unit(UnitPlan),
}

/// What would be started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The file.
    pub program: PathBuf,
    /// Arguments, the zeroth left out.
    pub arguments: Vec<String>,
    /// Variables that are set for this action.
    pub environment: Vec<Shown>,
    /// Variables of the daemon that it inherits beside these.
    pub inherited: Vec<Shown>,
}

/// A variable as people may see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// Its name.
    pub name: String,
    /// What of its value may be seen.
    pub value: ShownValue,
}

/// What may be seen of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ShownValue {
    /// All.
    Plain(String),
    /// Nothing: the name promises a secret, or a password is in it.
    Hidden,
    /// A secret that the cluster keeps on this node, which takes the place of `lrm://`.
    FromNode,
    /// `lrm://` itself: this node has no such secret, and the action goes on without.
    Missing,
}

/// Explains an action; secrets that it would need are looked at as the action would.
///
/// # Errors
/// The result that it would have without any process being started, or without the agent being executed.
pub fn explain(
    execution: &Execution,
    config: &AgentConfig,
    files: &dyn AgentFiles,
) -> Result<Explained, Box<Verdict>> {
    match plan(execution, config, files)? {
        Means::Process(plan) => process(execution, config, files, plan).map(Explained::Process),
        Means::Unit(plan) => Ok(Explained::Unit(plan)),
    }
}

fn process(
    execution: &Execution,
    config: &AgentConfig,
    files: &dyn AgentFiles,
    plan: Plan,
) -> Result<Explanation, Box<Verdict>> {
    if let Some(verdict) = obstacle(&plan, files) {
        return Err(Box::new(verdict));
    }
    let text = |text: &std::ffi::OsStr| text.to_string_lossy().into_owned();
    let inherited = config.base_env.iter().map(|(name, value)| (text(name), text(value)));
    Ok(Explanation {
        arguments: plan.arguments.iter().skip(1).map(|argument| text(argument)).collect(),
        environment: plan.environment.iter().map(|(name, value)| own(execution, name, value)).collect(),
        inherited: inherited
            .filter(|(name, _)| plan.environment.iter().all(|(own, _)| own != name))
            .map(|(name, value)| shown(name, value))
            .collect(),
        program: plan.program,
    })
}

fn own(execution: &Execution, name: &str, value: &[u8]) -> Shown {
    let parameter = name.strip_prefix(ocf::PARAMETER_PREFIX).unwrap_or(name);
    if execution.params.get(parameter) != Some(ocf::PLACEHOLDER) {
        return shown(name.to_owned(), String::from_utf8_lossy(value).into_owned());
    }
    let found = value != ocf::PLACEHOLDER.as_bytes();
    let value = if found { ShownValue::FromNode } else { ShownValue::Missing };
    Shown { name: name.to_owned(), value }
}

fn shown(name: String, value: String) -> Shown {
    let value = if is_secret(&name, &value) { ShownValue::Hidden } else { ShownValue::Plain(value) };
    Shown { name, value }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{FakeFiles, config, execution};
    use super::*;
    use crate::model::OcfExit;

    fn explain(
        execution: &Execution,
        config: &AgentConfig,
        files: &dyn AgentFiles,
    ) -> Result<Explanation, Box<Verdict>> {
        super::explain(execution, config, files).map(|explained| match explained {
            Explained::Process(explanation) => explanation,
            Explained::Unit(plan) => panic!("{plan:?} is no process"),
        })
    }

    #[test]
    fn a_unit_is_asked_for_by_its_full_name() {
        let explained =
            super::explain(&execution("systemd:x", "start", &[]), &config(), &FakeFiles::default());
        assert!(matches!(explained, Ok(Explained::Unit(plan)) if plan.unit == "x.service"));
    }

    fn value(explanation: &Explanation, name: &str) -> ShownValue {
        explanation.environment.iter().find(|shown| shown.name == name).expect(name).value.clone()
    }

    #[test]
    fn secrets_are_not_shown() {
        let directory = "/var/lib/pacemaker/lrm/secrets/rsc/";
        let files = FakeFiles::default()
            .with("/one/p/x", "#!/bin/sh\n", true)
            .with("/bin/sh", "", true)
            .with(&format!("{directory}pin"), "letmein", false)
            .with(&format!("{directory}pin.sign"), "0d107d09f5bbe40cade3de5c71e9e9b7", false);
        let params = [("pin", "lrm://"), ("ip", "10.0.0.1"), ("db_password", "hunter2")];
        let seen = explain(&execution("ocf:p:x", "start", &params), &config(), &files).ok().unwrap();
        assert_eq!(
            (seen.program.as_path(), &seen.arguments[..]),
            ("/one/p/x".as_ref(), &["start".to_owned()][..])
        );
        assert_eq!(value(&seen, "OCF_RESKEY_pin"), ShownValue::FromNode);
        assert_eq!(value(&seen, "OCF_RESKEY_db_password"), ShownValue::Hidden);
        assert_eq!(value(&seen, "OCF_RESKEY_ip"), ShownValue::Plain("10.0.0.1".into()));
        assert_eq!(seen.inherited.len(), 1);
        let all = format!("{seen:?}");
        assert!(!all.contains("letmein") && !all.contains("hunter2"), "{all}");
        let without = [("other", "lrm://")];
        let stop = explain(&execution("ocf:p:x", "stop", &without), &config(), &files).ok().unwrap();
        assert_eq!(value(&stop, "OCF_RESKEY_other"), ShownValue::Missing);
        assert!(explain(&execution("ocf:p:x", "start", &without), &config(), &files).is_err());
    }

    #[test]
    fn what_would_not_run_is_said() {
        let files = FakeFiles::default()
            .with("/one/p/off", "#!/bin/sh\n", false)
            .with("/one/p/odd", "#!/opt/odd\n", true)
            .with("/one/p/elf", "\x7fELF", true);
        for (agent, exit, words) in [
            ("ocf:p:none", OcfExit::NOT_INSTALLED, "install the package"),
            ("ocf:p:off", OcfExit::INSUFFICIENT_PRIVILEGES, "chmod a+x"),
            ("ocf:p:odd", OcfExit::NOT_INSTALLED, "interpreter /opt/odd: No such file"),
        ] {
            let verdict = explain(&execution(agent, "monitor", &[]), &config(), &files).expect_err(agent);
            assert_eq!(verdict.outcome.exit, exit, "{agent}");
            assert!(verdict.outcome.reason.unwrap().contains(words), "{agent}");
        }
        assert!(explain(&execution("ocf:p:elf", "monitor", &[]), &config(), &files).is_ok());
    }
}
