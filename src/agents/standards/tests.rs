// SPDX-License-Identifier: LGPL-2.1-or-later
use super::super::metadata::Inquiry;
use super::super::testing::{FakeFiles, FakeUnits, config, execution, on_node};
use super::*;
use crate::agents::{Convention, FileFacts};
use std::ffi::OsString;
use std::path::{Component, Path};

/// Standard, exit and status of what cannot be planned.
#[test]
fn what_cannot_run_says_why() {
    let table = [
        ("stonith:x", OcfExit::ERROR, ExecStatus::Error, "cluster nodes"),
        ("nagios:x", OcfExit::NOT_INSTALLED, ExecStatus::NotInstalled, "gone since"),
        ("upstart:x", OcfExit::NOT_INSTALLED, ExecStatus::NotInstalled, "gone since"),
        ("heartbeat:x", OcfExit::NOT_INSTALLED, ExecStatus::NotInstalled, "'heartbeat'"),
        ("ocf:x", OcfExit::ERROR, ExecStatus::FatalError, "agent provider missing"),
        ("ocf:p:", OcfExit::ERROR, ExecStatus::FatalError, "agent name missing"),
        (":x", OcfExit::ERROR, ExecStatus::FatalError, "agent standard missing"),
    ];
    for (agent, exit, status, words) in table {
        let files = FakeFiles::default();
        let verdict = plan(&execution(agent, "monitor", &[]), &config(), &files).err().expect(agent);
        assert_eq!((verdict.outcome.exit, verdict.outcome.status), (exit, status), "{agent}");
        assert!(verdict.unprepared && !verdict.signalled && verdict.raw_exit.is_none(), "{agent}");
        let reason = verdict.outcome.reason.unwrap();
        assert!(reason.contains(words), "{agent}: {reason}");
    }
}

#[test]
fn service_means_an_init_script_where_there_is_one_or_else_a_unit() {
    let run = |files: &FakeFiles| plan(&execution("service:x", "Monitor", &[("a", "b")]), &config(), files);
    let Ok(Means::Process(script)) = run(&FakeFiles::default().with("/etc/init.d/x", "", true)) else {
        panic!("a script is a process");
    };
    assert_eq!(script.arguments, ["/etc/init.d/x", "status"]);
    assert_eq!(script.convention, Convention::LsbStatus);
    assert!(script.environment.is_empty());
    let Ok(Means::Unit(unit)) = run(&FakeFiles::default()) else { panic!("a unit is no process") };
    assert_eq!(unit.unit, "x.service");
    let neither = unit.if_unknown.unwrap();
    assert_eq!(neither.outcome.exit, OcfExit::NOT_INSTALLED);
    assert!(neither.outcome.reason.unwrap().contains("/etc/init.d/x"));
}

fn node() -> FakeFiles {
    FakeFiles::default()
        .with("/one/heartbeat/Dummy", "", true)
        .with("/one/heartbeat/.ocf-shellfuncs", "", true)
        .with("/one/heartbeat/README", "", false)
        .with("/one/heartbeat/lib/more", "", true)
        .with("/one/.hidden/x", "", true)
        .with("/one/file", "", true)
        .with("/two/heartbeat/Dummy", "", true)
        .with("/two/heartbeat/apache", "", true)
        .with("/two/Acme/dummy", "", true)
        .with("/etc/init.d/exim", "", true)
        .with("/etc/init.d/functions", "", false)
        .with("/usr/sbin/fence_acme", "", true)
        .with("/usr/sbin/fence_off", "", false)
        .with("/usr/sbin/other", "", true)
}

fn units() -> FakeUnits {
    FakeUnits::default().with("/lib/systemd/system/cron.service", "loaded", "")
}

fn listed(standard: Option<Standard>, provider: Option<&str>, release: Release) -> Vec<String> {
    let agents = on_node(release, &node(), &units(), |node| agents(standard, provider, node));
    agents.iter().map(ToString::to_string).collect()
}

#[test]
fn standards_in_the_order_of_the_release() {
    use Standard::{Lsb, Ocf, Service, Stonith, Systemd};
    let all = |release| on_node(release, &node(), &units(), standards);
    assert_eq!(all(Release::V2_1), [Ocf, Lsb, Service, Systemd, Stonith]);
    assert_eq!(all(Release::V3_0), [Ocf, Service, Lsb, Systemd, Stonith]);
    let bare = on_node(Release::V3_0, &FakeFiles::default(), &FakeUnits::default(), standards);
    assert_eq!(bare, [Ocf, Service, Lsb]);
}

#[test]
fn providers_are_directories_of_the_search_path() {
    assert_eq!(ocf::providers(&config(), &node()), ["heartbeat", "Acme"]);
    assert_eq!(ocf::providers_of("DUMMY", &config(), &node()), ["heartbeat", "Acme"]);
    assert_eq!(ocf::providers_of("apache", &config(), &node()), ["heartbeat"]);
    assert!(ocf::providers_of("nope", &config(), &node()).is_empty());
}

#[test]
fn agents_are_files_that_can_be_executed() {
    let ocf = ["ocf:heartbeat:Dummy", "ocf:heartbeat:apache", "ocf:Acme:dummy"];
    assert_eq!(listed(Some(Standard::Ocf), None, Release::V3_0), ocf);
    assert_eq!(listed(Some(Standard::Ocf), Some("Acme"), Release::V3_0), ["ocf:Acme:dummy"]);
    assert_eq!(listed(Some(Standard::Lsb), None, Release::V3_0), ["lsb:exim"]);
    assert_eq!(listed(Some(Standard::Service), None, Release::V3_0), ["service:exim", "service:cron"]);
    assert_eq!(listed(Some(Standard::Systemd), None, Release::V3_0), ["systemd:cron"]);
    assert_eq!(listed(Some(Standard::Stonith), None, Release::V3_0), ["stonith:fence_acme"]);
    assert!(listed(Some(Standard::Nagios), None, Release::V3_0).is_empty());
}

#[test]
fn all_agents_come_in_the_order_of_the_release() {
    let all = listed(None, None, Release::V2_1);
    assert_eq!((all[0].as_str(), all.len()), ("lsb:exim", 6));
    assert_eq!(all[4..], ["systemd:cron", "stonith:fence_acme"]);
    assert_eq!(listed(None, None, Release::V3_0)[3..5], ["lsb:exim", "systemd:cron"]);
}

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
    on_node(Release::V3_0, &files, &units, |node| metadata(&agent, &params, node))
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

/// Files that must only be asked for inside directories of agents.
struct Confined(FakeFiles);

impl Confined {
    fn watch<'a>(&self, path: &'a Path) -> &'a Path {
        let inside = ["/one", "/two", "/etc/init.d", "/usr/sbin"].iter().any(|place| path.starts_with(place));
        let straight =
            path.components().all(|part| matches!(part, Component::RootDir | Component::Normal(_)));
        assert!(inside && straight, "{} was looked at", path.display());
        path
    }
}

impl AgentFiles for Confined {
    fn facts(&self, path: &Path) -> Result<FileFacts, i32> {
        self.0.facts(self.watch(path))
    }

    fn read(&self, path: &Path, limit: usize) -> Result<Vec<u8>, i32> {
        self.0.read(self.watch(path), limit)
    }

    fn entries(&self, path: &Path) -> Result<Vec<OsString>, i32> {
        self.0.entries(self.watch(path))
    }
}

/// Every standard, and every part of a name that could become one of a path.
fn agents_that_lead_out() -> Vec<Agent> {
    const OUT: [&str; 8] = ["..", ".", "../out", "../../out", "in/../../out", "in/out", "./out", "a\0b"];
    let agent = |standard: Standard, provider: Option<&str>, name: &str| Agent {
        standard: standard.name().to_owned(),
        provider: provider.map(str::to_owned),
        name: name.to_owned(),
    };
    let mut found = Vec::new();
    for bad in OUT.into_iter().chain(["/out"]) {
        found.push(agent(Standard::Ocf, Some(bad), "x"));
        found.push(agent(Standard::Ocf, Some("p"), bad));
        found.push(agent(Standard::Stonith, None, bad));
    }
    // An absolute name of an init script stands for itself: tested with `lsb`.
    for bad in OUT {
        found.extend([Standard::Lsb, Standard::Service].map(|standard| agent(standard, None, bad)));
    }
    found
}

#[test]
fn no_name_leads_out_of_the_agent_directories() {
    let files = Confined(node().with("/out", "", true).with("/out/x", "", true));
    for agent in agents_that_lead_out() {
        let execution = Execution { agent: agent.clone(), ..execution("ocf:p:x", "start", &[]) };
        if agent.standard() != Some(Standard::Stonith) {
            let verdict = plan(&execution, &config(), &files).err().expect("nothing is started");
            let outcome = verdict.outcome;
            assert_eq!(outcome.exit, OcfExit::NOT_INSTALLED, "{agent:?}");
            assert_eq!(outcome.status, ExecStatus::NotInstalled, "{agent:?}");
            assert!(outcome.reason.unwrap().contains("cannot be the name of a file"), "{agent:?}");
        }
        let described =
            on_node(Release::V3_0, &files, &units(), |node| metadata(&agent, &Params::new(), node));
        assert!(matches!(described, Err(NoMetadata::NotInstalled(_))), "{agent:?}");
        let listed = on_node(Release::V3_0, &files, &units(), |node| {
            agents(Some(Standard::Ocf), agent.provider.as_deref().filter(|provider| *provider != "p"), node)
        });
        assert!(listed.is_empty() || agent.provider.as_deref().is_none_or(|provider| provider == "p"));
    }
}

#[test]
fn a_fence_device_without_a_name_says_so() {
    let nameless = fence_order(&execution("stonith:", "start", &[]), DeviceState::Started).unwrap_err();
    assert!(nameless.outcome.reason.unwrap().contains("agent name missing"));
}
