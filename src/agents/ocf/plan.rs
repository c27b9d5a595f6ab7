// SPDX-License-Identifier: LGPL-2.1-or-later
//! What an OCF agent is started with.
use super::exit::EXIT_REASON_PREFIX;
use super::{names, secrets};
use crate::agents::Verdict;
use crate::agents::config::{AgentConfig, AgentFiles};
use crate::agents::failure::refuse;
use crate::agents::plan::{Convention, Plan, Variables};
use crate::model::{ExecStatus, Execution, OcfExit};
use zeroize::Zeroizing;

/// What a parameter's name becomes in the environment begins with this.
pub(in crate::agents) const PARAMETER_PREFIX: &str = "OCF_RESKEY_";
/// A parameter of this name is exported as it is.
const CHECK_LEVEL: &str = "OCF_CHECK_LEVEL";

pub(in crate::agents) fn plan(
    execution: &Execution,
    config: &AgentConfig,
    files: &dyn AgentFiles,
) -> Result<Plan, Box<Verdict>> {
    let program = names::find(&execution.agent, config, files)?;
    let mut plan = Plan::of(program, Some(&execution.action), Convention::Ocf);
    plan.environment = environment(execution, config, files)?;
    Ok(plan)
}

fn environment(
    execution: &Execution,
    config: &AgentConfig,
    files: &dyn AgentFiles,
) -> Result<Variables, Box<Verdict>> {
    let plain = |text: &str| Zeroizing::new(text.as_bytes().to_vec());
    let mut variables = Vec::with_capacity(execution.params.iter().count() + 7);
    for (name, value) in execution.params.iter() {
        // No environment can hold such a name.
        if name.contains('=') {
            continue;
        }
        let variable =
            if name == CHECK_LEVEL { name.to_owned() } else { format!("{PARAMETER_PREFIX}{name}") };
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
        ("OCF_RESOURCE_PROVIDER", execution.agent.provider.as_deref().unwrap_or_default()),
    ] {
        variables.push((name.to_owned(), plain(value)));
    }
    Ok(variables)
}

/// As if the agent itself had refused its configuration: it is asked again at the next interval.
fn without_secret(reason: String) -> Box<Verdict> {
    let mut verdict = refuse(OcfExit::INVALID_PARAM, ExecStatus::Done, reason);
    verdict.raw_exit = Some(OcfExit::INVALID_PARAM.0);
    verdict.unprepared = false;
    verdict
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agents::testing::{FakeFiles, config, execution};
    use std::path::Path;

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
