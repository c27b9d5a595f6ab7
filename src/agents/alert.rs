// SPDX-License-Identifier: LGPL-2.1-or-later
//! Alerts: programs that tell people and other programs what happened.
use super::Verdict;
use super::config::{AgentConfig, AgentFiles};
use super::failure::{refuse, stat_failed};
use super::plan::{Convention, Plan};
use crate::model::{Alert, ExecStatus, OcfExit};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

const SEQUENCE: &str = "CRM_alert_node_sequence";
/// Until 2.1 each alert variable had a twin under this older prefix.
const OLD_PREFIX: &str = "CRM_notify_";
const OLD_SEQUENCE: &str = "CRM_notify_node_sequence";

/// What to start for an alert.
///
/// # Errors
/// The result, when there is nothing to start.
pub fn plan_alert(alert: &Alert, config: &AgentConfig, files: &dyn AgentFiles) -> Result<Plan, Box<Verdict>> {
    if alert.path.is_empty() {
        let reason = format!("alert '{}' names no program: set its path in the configuration", alert.id);
        return Err(refuse(OcfExit::ERROR, ExecStatus::FatalError, reason));
    }
    let program = find(&alert.path, config, files);
    if let Err(errno) = files.facts(&program) {
        return Err(Box::new(stat_failed(&program, errno)));
    }
    let mut plan = Plan::of(program, None, Convention::Alert);
    plan.as_user.clone_from(&config.alert_user);
    let params = alert.params.iter().filter(|(name, _)| {
        !name.is_empty() && !name.contains('=') && *name != SEQUENCE && *name != OLD_SEQUENCE
    });
    plan.environment =
        params.map(|(name, value)| (name.to_owned(), Zeroizing::new(value.as_bytes().to_vec()))).collect();
    let old = plan.environment.iter().any(|(name, _)| name.starts_with(OLD_PREFIX));
    for name in [SEQUENCE].into_iter().chain(old.then_some(OLD_SEQUENCE)) {
        plan.environment.push((name.to_owned(), Zeroizing::new(alert.sequence.to_string().into_bytes())));
    }
    Ok(plan)
}

/// A bare name is looked for as a shell would.
fn find(path: &str, config: &AgentConfig, files: &dyn AgentFiles) -> PathBuf {
    if path.contains('/') {
        return PathBuf::from(path);
    }
    let search = config.base_env.iter().find(|(name, _)| name == "PATH").map(|(_, value)| value.as_os_str());
    std::env::split_paths(search.unwrap_or("/usr/bin:/bin".as_ref()))
        .map(|directory| if directory.as_os_str().is_empty() { Path::new(".").into() } else { directory })
        .map(|directory| directory.join(path))
        .find(|candidate| files.facts(candidate).is_ok_and(|facts| facts.executable))
        .unwrap_or_else(|| Path::new("./").join(path))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{FakeFiles, config};
    use super::*;
    use crate::model::{Millis, Params};

    fn alert(path: &str, params: &[(&str, &str)]) -> Alert {
        let params = Params::from_iter(params.iter().copied());
        Alert { id: "a1".into(), path: path.into(), timeout: Millis(0), params, sequence: 7 }
    }

    fn variables(plan: &Plan) -> Vec<String> {
        let show = |(name, value): &(String, Zeroizing<Vec<u8>>)| {
            format!("{name}={}", String::from_utf8(value.to_vec()).unwrap())
        };
        plan.environment.iter().map(show).collect()
    }

    #[test]
    fn its_environment_is_as_sent_and_numbered() {
        let files = FakeFiles::default().with("/a", "", true);
        let params = [("CRM_alert_kind", "node"), ("CRM_alert_node_sequence", "1"), ("empty", "")];
        let plan = plan_alert(&alert("/a", &params), &config(), &files).ok().unwrap();
        assert_eq!(plan.arguments, ["/a"]);
        assert_eq!(plan.as_user.as_deref(), Some("hacluster"));
        assert_eq!(variables(&plan), ["CRM_alert_kind=node", "empty=", "CRM_alert_node_sequence=7"]);
    }

    #[test]
    fn old_names_are_numbered_for_senders_that_use_them() {
        let files = FakeFiles::default().with("/a", "", true);
        let plan = plan_alert(&alert("/a", &[("CRM_notify_kind", "node")]), &config(), &files).ok().unwrap();
        let expected = ["CRM_notify_kind=node", "CRM_alert_node_sequence=7", "CRM_notify_node_sequence=7"];
        assert_eq!(variables(&plan), expected);
    }

    #[test]
    fn a_bare_name_is_searched_for() {
        let files = FakeFiles::default().with("/sbin/mailer", "", false).with("/bin/mailer", "", true);
        let plan = plan_alert(&alert("mailer", &[]), &config(), &files).ok().unwrap();
        assert_eq!(plan.program, Path::new("/bin/mailer"));
        let missing = plan_alert(&alert("nope", &[]), &config(), &files).err().unwrap();
        assert!(missing.outcome.reason.unwrap().contains("nope: No such file"));
        assert!(plan_alert(&alert("", &[]), &config(), &files).is_err());
    }
}
