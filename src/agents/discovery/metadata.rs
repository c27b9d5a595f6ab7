// SPDX-License-Identifier: LGPL-2.1-or-later
//! What an agent says of itself.
use super::super::config::{AgentConfig, AgentFiles, NodeUnits};
use super::super::failure::{describe, stat_failed};
use super::super::{Capture, Convention, Ended, Plan, lsb as script, ocf, outcome};
use super::{fence, lsb, units};
use crate::model::Release;
use crate::model::{Agent, Execution, Interval, Millis, OcfExit, Params, ResourceId, RunResult, Standard};
use std::fmt;
use std::sync::Arc;

/// Longer than any header of an init script.
const SCRIPT_BYTES: usize = 1 << 20;
/// As much of what an agent complains about as fits into a sentence.
const COMPLAINT_BYTES: usize = 500;

/// Who knows the metadata.
pub enum Metadata {
    /// We do: an XML document.
    Known(Vec<u8>),
    /// The agent does.
    Ask(Box<Inquiry>),
}

/// A run of an agent for its metadata.
pub struct Inquiry {
    /// What to start. Its convention does not matter.
    pub plan: Plan,
    /// What it is to read from its standard input.
    pub input: &'static [u8],
    fence: bool,
}

/// Why there is no metadata.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoMetadata {
    /// The agent's name is not complete, or its standard has none.
    Invalid(String),
    /// There is no such agent here, or it cannot run.
    NotInstalled(String),
    /// The agent was run and did not print what it should.
    Failed(String),
    /// The agent did not end in time and was killed.
    TimedOut(String),
}

impl fmt::Display for NoMetadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid(reason)
            | Self::NotInstalled(reason)
            | Self::Failed(reason)
            | Self::TimedOut(reason) => f.write_str(reason),
        }
    }
}

impl std::error::Error for NoMetadata {}

/// Where there is a verdict, there was no run.
impl From<RunResult> for NoMetadata {
    fn from(verdict: RunResult) -> Self {
        let reason = verdict.outcome.reason.unwrap_or_default();
        match verdict.outcome.exit {
            OcfExit::NOT_INSTALLED | OcfExit::INSUFFICIENT_PRIVILEGES => Self::NotInstalled(reason),
            _ => Self::Failed(reason),
        }
    }
}

/// Finds out who knows the metadata of `agent`. An OCF agent is given `params`. As upstream, any unit has
/// metadata, be it known to systemd or not.
///
/// # Errors
/// When nobody does.
pub fn metadata(
    agent: &Agent,
    params: &Params,
    release: Release,
    config: &AgentConfig,
    files: &dyn AgentFiles,
    node: &dyn NodeUnits,
) -> Result<Metadata, NoMetadata> {
    if agent.name.is_empty() {
        return Err(NoMetadata::Invalid(format!("'{agent}' names no agent")));
    }
    match agent.standard() {
        Some(Standard::Ocf) => ask_ocf(agent, params, config, files),
        Some(Standard::Lsb) => of_script(&agent.name, release, config, files),
        Some(Standard::Systemd) => Ok(of_unit(&agent.name, release, node)),
        Some(Standard::Service) => {
            let script = files.facts(&script::script(&agent.name, config));
            if script.is_err() && units::exists(&agent.name, node) {
                return Ok(of_unit(&agent.name, release, node));
            }
            of_script(&agent.name, release, config, files)
        }
        Some(Standard::Stonith) => ask_fence(agent, config, files),
        _ => {
            Err(NoMetadata::Invalid(format!("agents of standard '{}' have no metadata here", agent.standard)))
        }
    }
}

fn of_script(
    name: &str,
    release: Release,
    config: &AgentConfig,
    files: &dyn AgentFiles,
) -> Result<Metadata, NoMetadata> {
    let path = script::script(name, config);
    let refuse = |errno| NoMetadata::from(stat_failed(&path, errno));
    let content = files.read(&path, SCRIPT_BYTES).map_err(refuse)?;
    Ok(Metadata::Known(lsb::metadata(name, &content, release).into_bytes()))
}

fn of_unit(name: &str, release: Release, node: &dyn NodeUnits) -> Metadata {
    Metadata::Known(units::metadata(name, release, node).into_bytes())
}

fn ask_ocf(
    agent: &Agent,
    params: &Params,
    config: &AgentConfig,
    files: &dyn AgentFiles,
) -> Result<Metadata, NoMetadata> {
    if agent.provider.as_deref().is_none_or(str::is_empty) {
        return Err(NoMetadata::Invalid(format!("'{agent}' names no provider")));
    }
    let execution = Execution {
        resource_id: ResourceId::new(agent.name.as_str()),
        agent: agent.clone(),
        action: "meta-data".into(),
        interval: Interval(0),
        timeout: Millis(0),
        params: Arc::new(params.clone()),
    };
    let plan = ocf::plan(&execution, config, files).map_err(|verdict| NoMetadata::from(*verdict))?;
    Ok(Metadata::Ask(Box::new(Inquiry { plan, input: b"", fence: false })))
}

fn ask_fence(agent: &Agent, config: &AgentConfig, files: &dyn AgentFiles) -> Result<Metadata, NoMetadata> {
    let program = config.fence_dir.join(&agent.name);
    let facts = files.facts(&program).map_err(|errno| NoMetadata::from(stat_failed(&program, errno)))?;
    if facts.directory || agent.name.contains('/') {
        let reason = format!("{}: {}", program.display(), describe(nix::errno::Errno::EINVAL as i32));
        return Err(NoMetadata::NotInstalled(reason));
    }
    let plan = Plan::of(program, None, Convention::Ocf);
    Ok(Metadata::Ask(Box::new(Inquiry { plan, input: fence::ORDER, fence: true })))
}

impl Inquiry {
    /// What the agent printed, as clusters are to see it.
    ///
    /// # Errors
    /// When it failed, or printed nothing, too much, or (a fence agent) no XML.
    pub fn answer(&self, ended: Ended, capture: Capture) -> Result<Vec<u8>, NoMetadata> {
        let name = self.plan.program.display();
        let failed = |why: String| NoMetadata::Failed(format!("{name} gave no metadata: {why}"));
        if ended != Ended::Exited(0) {
            let complaint = complaint(&capture);
            return Err(failed(match ended {
                Ended::Exited(code) => format!("it exited with {code}{complaint}"),
                _ => outcome(Convention::Ocf, ended, Capture::default()).outcome.reason.unwrap_or_default(),
            }));
        }
        if capture.stdout.kept.is_empty() {
            return Err(failed(format!("it printed nothing{}", complaint(&capture))));
        }
        if capture.stdout.dropped > 0 {
            return Err(failed("it printed more than 10 MiB".to_owned()));
        }
        let document = capture.stdout.kept;
        if self.fence {
            fence::adapt(&document).map_err(|why| failed(format!("its XML: {why}")))
        } else {
            Ok(document)
        }
    }

    /// It had to be killed.
    pub fn late(&self, limit: Millis) -> NoMetadata {
        let name = self.plan.program.display();
        NoMetadata::TimedOut(format!("{name} gave no metadata within {limit} and was killed"))
    }
}

/// The end of what it wrote to standard error.
fn complaint(capture: &Capture) -> String {
    let all = capture.stderr.kept.trim_ascii();
    let end = all.get(all.len().saturating_sub(COMPLAINT_BYTES)..).unwrap_or_default();
    if end.is_empty() { String::new() } else { format!(": {}", String::from_utf8_lossy(end)) }
}

#[cfg(test)]
mod tests {
    use super::super::super::config::fake::{FakeFiles, FakeUnits};
    use super::super::super::plan::tests::{config, execution};
    use super::*;

    fn find(agent: &str, params: &[(&str, &str)]) -> Result<Metadata, NoMetadata> {
        let files = FakeFiles::default()
            .with("/one/p/x", "", true)
            .with("/etc/init.d/exim", "### BEGIN INIT INFO\n# Provides: mail\n", true)
            .with("/usr/sbin/fence_x", "", true);
        let agent = execution(agent, "", &[]).agent;
        let units = FakeUnits::default().with("/x/web.service", "loaded", "A <web> server").with(
            "/x/exim.service",
            "loaded",
            "",
        );
        let params = Params::from_iter(params.iter().copied());
        metadata(&agent, &params, Release::V3_0, &config(), &files, &units)
    }

    fn inquiry(agent: &str) -> Inquiry {
        match find(agent, &[("a", "1")]) {
            Ok(Metadata::Ask(inquiry)) => *inquiry,
            _ => panic!("{agent} is asked itself"),
        }
    }

    #[test]
    fn agents_are_asked_in_their_own_way() {
        let ocf = inquiry("ocf:p:x");
        assert_eq!((ocf.plan.arguments, ocf.input), (vec!["/one/p/x".into(), "meta-data".into()], &b""[..]));
        let value = |name| ocf.plan.environment.iter().find(|(known, _)| known == name).unwrap().1.to_vec();
        assert_eq!(value("OCF_RESKEY_a"), b"1");
        assert_eq!(value("OCF_RESOURCE_INSTANCE"), b"x");
        let fence = inquiry("stonith:fence_x");
        assert_eq!(fence.plan.arguments, ["/usr/sbin/fence_x"]);
        assert_eq!((fence.input, fence.plan.environment.len()), (&b"action=metadata\n"[..], 0));
    }

    #[test]
    fn units_are_described_and_stand_in_for_init_scripts() {
        for (agent, words) in [
            ("systemd:web", "A &lt;web&gt; server"),
            ("systemd:none", "Systemd unit file for none"),
            ("service:web", "A &lt;web&gt; server"),
        ] {
            let Ok(Metadata::Known(document)) = find(agent, &[]) else { panic!("{agent} is known") };
            let document = String::from_utf8(document).unwrap();
            assert!(document.contains(words), "{agent}: {document}");
        }
        assert!(matches!(find("service:none", &[]), Err(NoMetadata::NotInstalled(_))));
    }

    #[test]
    fn init_scripts_are_read() {
        for agent in ["lsb:exim", "service:exim"] {
            let Ok(Metadata::Known(document)) = find(agent, &[]) else { panic!("{agent} is known") };
            assert!(String::from_utf8(document).unwrap().contains("<Provides> mail\n</Provides>"));
        }
    }

    #[test]
    fn what_is_not_there_says_why() {
        use NoMetadata::{Invalid, NotInstalled};
        let error = |agent| find(agent, &[]).err().expect(agent);
        assert!(matches!(error("ocf:p:y"), NotInstalled(_)));
        assert!(matches!(error("lsb:y"), NotInstalled(_)));
        assert!(matches!(error("stonith:fence_y"), NotInstalled(_)));
        assert!(matches!(error("ocf:x"), Invalid(_)));
        assert!(matches!(error("lsb:"), Invalid(_)));
        assert!(matches!(error("nagios:x"), Invalid(_)));
        assert_eq!(
            error("lsb:y").to_string(),
            "/etc/init.d/y: No such file or directory; install the agent on this node"
        );
    }

    #[test]
    fn answers_are_judged() {
        let ocf = inquiry("ocf:p:x");
        assert_eq!(ocf.answer(Ended::Exited(0), Capture::of("not looked at", "")).unwrap(), b"not looked at");
        let error = |ended, capture| ocf.answer(ended, capture).unwrap_err().to_string();
        assert!(
            error(Ended::Exited(3), Capture::of("<a/>", " no\n"))
                .ends_with("x gave no metadata: it exited with 3: no")
        );
        assert!(error(Ended::Exited(0), Capture::of("", "")).ends_with("it printed nothing"));
        let killed = Ended::Signalled { signal: 9, core_dumped: false };
        assert!(error(killed, Capture::of("<a/>", "")).contains("SIGKILL (9)"));
        assert!(ocf.late(Millis(30_000)).to_string().ends_with("within 30s and was killed"));
        let fence = inquiry("stonith:fence_x");
        assert!(fence.answer(Ended::Exited(0), Capture::of("usage:", "")).is_err());
        assert_eq!(fence.answer(Ended::Exited(0), Capture::of("<a/>", "")).unwrap(), b"<a/>");
    }
}
