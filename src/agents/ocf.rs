// SPDX-License-Identifier: LGPL-2.1-or-later
//! OCF agents.
use super::config::{AgentConfig, AgentFiles};
use super::plan::{Variables, not_installed, refuse};
use super::{Convention, Plan, secrets};
use crate::model::{ExecStatus, Execution, OcfExit, RunResult};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// What an agent writes before its exit reason, on standard error.
pub(super) const EXIT_REASON_PREFIX: &str = "ocf-exit-reason:";

/// A parameter of this name is exported as it is.
const CHECK_LEVEL: &str = "OCF_CHECK_LEVEL";

pub(super) fn plan(
    execution: &Execution,
    config: &AgentConfig,
    files: &dyn AgentFiles,
) -> Result<Plan, Box<RunResult>> {
    let provider = execution.agent.provider.as_deref().unwrap_or_default();
    let name = &execution.agent.name;
    let Some(program) = find(provider, name, config, files) else {
        return Err(not_installed(format!(
            "{name}: No such file or directory: no file {provider}/{name} in {}; install the package that provides {}",
            config.ocf_search_path, execution.agent
        )));
    };
    let mut plan = Plan::of(program, Some(&execution.action), Convention::Ocf);
    plan.environment = environment(execution, config, provider, files)?;
    Ok(plan)
}

/// The first directory of the search path that has the agent, whatever kind of file it is there.
fn find(provider: &str, name: &str, config: &AgentConfig, files: &dyn AgentFiles) -> Option<PathBuf> {
    config
        .ocf_search_path
        .split(':')
        .filter(|directory| !directory.is_empty())
        .map(|directory| Path::new(directory).join(provider).join(name))
        .find(|candidate| files.facts(candidate).is_ok())
}

fn environment(
    execution: &Execution,
    config: &AgentConfig,
    provider: &str,
    files: &dyn AgentFiles,
) -> Result<Variables, Box<RunResult>> {
    let plain = |text: &str| Zeroizing::new(text.as_bytes().to_vec());
    let mut variables = Vec::with_capacity(execution.params.iter().count() + 7);
    for (name, value) in execution.params.iter() {
        // No environment can hold such a name.
        if name.contains('=') {
            continue;
        }
        let variable = if name == CHECK_LEVEL { name.to_owned() } else { format!("OCF_RESKEY_{name}") };
        let value = match secrets::substitute(&execution.resource_id, name, value, config, files) {
            None => plain(value),
            Some(Ok(secret)) => secret,
            // A resource can be stopped without its secrets, better than not at all.
            Some(Err(_)) if execution.action.eq_ignore_ascii_case("stop") => plain(value),
            Some(Err(reason)) => return Err(without_secret(reason)),
        };
        variables.push((variable, value));
    }
    for (name, value) in [
        ("OCF_RA_VERSION_MAJOR", "1"),
        ("OCF_RA_VERSION_MINOR", "1"),
        ("OCF_ROOT", &config.ocf_root.to_string_lossy()),
        ("OCF_EXIT_REASON_PREFIX", EXIT_REASON_PREFIX),
        ("OCF_RESOURCE_INSTANCE", execution.resource_id.as_str()),
        ("OCF_RESOURCE_TYPE", &execution.agent.name),
        ("OCF_RESOURCE_PROVIDER", provider),
    ] {
        variables.push((name.to_owned(), plain(value)));
    }
    Ok(variables)
}

/// As if the agent itself had refused its configuration: it is asked again at the next interval.
fn without_secret(reason: String) -> Box<RunResult> {
    let mut verdict = refuse(OcfExit::INVALID_PARAM, ExecStatus::Done, reason);
    verdict.raw_exit = Some(OcfExit::INVALID_PARAM.0);
    verdict.unprepared = false;
    verdict
}

/// Exit codes that the standard does not know mean failure.
pub(super) fn exit(code: i32) -> OcfExit {
    match code {
        0..=9 | 190 | 191 => OcfExit(code),
        _ => OcfExit::ERROR,
    }
}

/// The last exit reason in what the agent wrote to standard error.
pub(super) fn exit_reason(stderr: &[u8]) -> Option<String> {
    /// More than any reader of a status display wants; keeps the cluster's status section small.
    const LIMIT: usize = 8 * 1024;
    let prefix = EXIT_REASON_PREFIX.as_bytes();
    let at = stderr.windows(prefix.len()).rposition(|window| window == prefix)?;
    let line = stderr.get(at + prefix.len()..)?;
    let line = line.split(|byte| *byte == b'\n' || *byte == 0).next()?;
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let line = line.get(..LIMIT).unwrap_or(line);
    (!line.is_empty()).then(|| String::from_utf8_lossy(line).into_owned())
}

#[cfg(test)]
mod tests {
    use super::super::config::fake::FakeFiles;
    use super::super::plan::tests::{config, execution};
    use super::*;

    #[test]
    fn exit_codes() {
        for code in (0..=9).chain([190, 191]) {
            assert_eq!(exit(code).0, code);
        }
        for code in [10, 12, 126, 127, 189, 192, 193, 255, -1] {
            assert_eq!(exit(code), OcfExit::ERROR, "{code}");
        }
    }

    #[test]
    fn the_last_exit_reason_counts() {
        for (stderr, reason) in [
            ("", None),
            ("noise\n", None),
            ("ocf-exit-reason:\n", None),
            ("ocf-exit-reason:one\nocf-exit-reason:two\nnoise\n", Some("two")),
            ("ERROR: ocf-exit-reason: cannot bind", Some(" cannot bind")),
            ("ocf-exit-reason:one\r\n", Some("one")),
            ("ocf-exit-reason:one\nocf-exit-reason:", None),
        ] {
            assert_eq!(exit_reason(stderr.as_bytes()).as_deref(), reason, "{stderr:?}");
        }
        let long = format!("ocf-exit-reason:{}", "x".repeat(5000));
        assert_eq!(exit_reason(long.as_bytes()).unwrap().len(), 5000);
        assert_eq!(exit_reason(b"ocf-exit-reason:a\xffb").unwrap(), "a\u{fffd}b");
    }

    #[test]
    fn the_search_path_is_searched_in_order() {
        let files = FakeFiles::default().with("/two/p/x", "", true);
        let found = plan(&execution("ocf:p:x", "start", &[]), &config(), &files).ok().unwrap();
        assert_eq!(found.arguments, ["/two/p/x", "start"]);
        let files = files.with("/one/p/x", "", false);
        let found = plan(&execution("ocf:p:x", "start", &[]), &config(), &files).ok().unwrap();
        assert_eq!(found.program, Path::new("/one/p/x"));
        let missing = plan(&execution("ocf:p:y", "start", &[]), &config(), &files).err().unwrap();
        assert!(missing.unprepared);
        assert_eq!(missing.outcome.exit, OcfExit::NOT_INSTALLED);
        let reason = missing.outcome.reason.unwrap();
        assert!(reason.starts_with("y: No such file or directory"), "{reason}");
        assert!(reason.contains("/one:/two") && reason.contains("ocf:p:y"), "{reason}");
    }

    #[test]
    fn the_environment_is_complete() {
        let files = FakeFiles::default().with("/one/p/x", "", true);
        let params = [
            ("CRM_meta_timeout", "20000"),
            ("OCF_CHECK_LEVEL", "10"),
            ("bad=name", "1"),
            ("crm_feature_set", "3.16.2"),
            ("ip", "a b"),
        ];
        let plan = plan(&execution("ocf:p:x", "monitor", &params), &config(), &files).ok().unwrap();
        let variables: Vec<_> = plan
            .environment
            .iter()
            .map(|(name, value)| format!("{name}={}", String::from_utf8_lossy(value)))
            .collect();
        let expected = [
            "OCF_RESKEY_CRM_meta_timeout=20000",
            "OCF_CHECK_LEVEL=10",
            "OCF_RESKEY_crm_feature_set=3.16.2",
            "OCF_RESKEY_ip=a b",
            "OCF_RA_VERSION_MAJOR=1",
            "OCF_RA_VERSION_MINOR=1",
            "OCF_ROOT=/usr/lib/ocf",
            "OCF_EXIT_REASON_PREFIX=ocf-exit-reason:",
            "OCF_RESOURCE_INSTANCE=rsc",
            "OCF_RESOURCE_TYPE=x",
            "OCF_RESOURCE_PROVIDER=p",
        ];
        assert_eq!(variables, expected);
    }
}
