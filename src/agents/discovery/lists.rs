// SPDX-License-Identifier: LGPL-2.1-or-later
//! Lists. Directories that cannot be read count as empty: a node without init scripts is no error.
//! Names are in the order of their bytes, whatever the caller's locale; a name that is not UTF-8 cannot
//! stand in a configuration and is left out, as are hidden files.
use super::super::config::{AgentConfig, AgentFiles, NodeUnits};
use super::{fence, units};
use crate::model::Release;
use crate::model::{Agent, Standard};
use std::path::{Path, PathBuf};

/// The standards that have, or may have, agents here.
pub fn standards(
    release: Release,
    config: &AgentConfig,
    files: &dyn AgentFiles,
    node: &dyn NodeUnits,
) -> Vec<Standard> {
    let mut standards = match release {
        Release::V2_1 => vec![Standard::Ocf, Standard::Lsb, Standard::Service],
        Release::V3_0 => vec![Standard::Ocf, Standard::Service, Standard::Lsb],
    };
    if !units::names(node).is_empty() {
        standards.push(Standard::Systemd);
    }
    if !fence::names(config, files).is_empty() {
        standards.push(Standard::Stonith);
    }
    standards
}

/// Providers of OCF agents.
pub fn providers(config: &AgentConfig, files: &dyn AgentFiles) -> Vec<String> {
    let mut found = Vec::new();
    for directory in search_path(config) {
        for name in names(&directory, files) {
            let is_directory = files.facts(&directory.join(&name)).is_ok_and(|facts| facts.directory);
            if is_directory && !found.contains(&name) {
                found.push(name);
            }
        }
    }
    found
}

/// Providers that have the OCF agent `name`, in any letter case.
pub fn providers_of(name: &str, config: &AgentConfig, files: &dyn AgentFiles) -> Vec<String> {
    let mut providers = providers(config, files);
    providers.retain(|provider| {
        let agents = ocf_names(provider, config, files);
        agents.iter().any(|agent| agent.eq_ignore_ascii_case(name))
    });
    providers
}

/// The agents of one standard (and provider, which only OCF agents have), or of all.
pub fn agents(
    standard: Option<Standard>,
    provider: Option<&str>,
    release: Release,
    config: &AgentConfig,
    files: &dyn AgentFiles,
    node: &dyn NodeUnits,
) -> Vec<Agent> {
    let named = |standard: Standard, names: Vec<String>| {
        let agent = |name| Agent { standard: standard.name().to_owned(), provider: None, name };
        names.into_iter().map(agent).collect::<Vec<_>>()
    };
    let of = |standard| match standard {
        Standard::Ocf => ocf(provider, config, files),
        Standard::Lsb => named(standard, executables(&config.init_dir, files)),
        Standard::Systemd => named(standard, units::names(node)),
        Standard::Service => {
            let scripts = executables(&config.init_dir, files);
            named(standard, [scripts, units::names(node)].concat())
        }
        Standard::Stonith => named(standard, fence::names(config, files)),
        Standard::Nagios | Standard::Upstart => Vec::new(),
    };
    use Standard::{Lsb, Ocf, Stonith, Systemd};
    match (standard, release) {
        (Some(standard), _) => of(standard),
        (None, Release::V2_1) => [Lsb, Ocf, Systemd, Stonith].map(of).concat(),
        (None, Release::V3_0) => [Ocf, Lsb, Systemd, Stonith].map(of).concat(),
    }
}

fn ocf(provider: Option<&str>, config: &AgentConfig, files: &dyn AgentFiles) -> Vec<Agent> {
    let providers = match provider {
        Some(provider) => vec![provider.to_owned()],
        None => providers(config, files),
    };
    let of = |provider: String| {
        let agent = |name| Agent {
            standard: Standard::Ocf.name().to_owned(),
            provider: Some(provider.clone()),
            name,
        };
        ocf_names(&provider, config, files).into_iter().map(agent).collect::<Vec<_>>()
    };
    providers.into_iter().flat_map(of).collect()
}

fn ocf_names(provider: &str, config: &AgentConfig, files: &dyn AgentFiles) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for directory in search_path(config) {
        for name in executables(&directory.join(provider), files) {
            if !found.contains(&name) {
                found.push(name);
            }
        }
    }
    found
}

fn search_path(config: &AgentConfig) -> impl Iterator<Item = PathBuf> {
    config.ocf_search_path.split(':').filter(|directory| !directory.is_empty()).map(PathBuf::from)
}

/// Files in a directory that somebody may execute.
pub(super) fn executables(directory: &Path, files: &dyn AgentFiles) -> Vec<String> {
    let mut names = names(directory, files);
    names.retain(|name| files.facts(&directory.join(name)).is_ok_and(|facts| facts.executable));
    names
}

fn names(directory: &Path, files: &dyn AgentFiles) -> Vec<String> {
    let entries = files.entries(directory).unwrap_or_default();
    let mut names: Vec<String> = entries.into_iter().filter_map(|name| name.into_string().ok()).collect();
    names.retain(|name| !name.starts_with('.'));
    names.sort_unstable();
    names
}

#[cfg(test)]
mod tests {
    use super::super::super::config::fake::{FakeFiles, FakeUnits};
    use super::super::super::plan::tests::config;
    use super::*;

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
        let agents = agents(standard, provider, release, &config(), &node(), &units());
        agents.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn standards_in_the_order_of_the_release() {
        use Standard::{Lsb, Ocf, Service, Stonith, Systemd};
        let all = |release| standards(release, &config(), &node(), &units());
        assert_eq!(all(Release::V2_1), [Ocf, Lsb, Service, Systemd, Stonith]);
        assert_eq!(all(Release::V3_0), [Ocf, Service, Lsb, Systemd, Stonith]);
        let bare = standards(Release::V3_0, &config(), &FakeFiles::default(), &FakeUnits::default());
        assert_eq!(bare, [Ocf, Service, Lsb]);
    }

    #[test]
    fn providers_are_directories_of_the_search_path() {
        assert_eq!(providers(&config(), &node()), ["heartbeat", "Acme"]);
        assert_eq!(providers_of("DUMMY", &config(), &node()), ["heartbeat", "Acme"]);
        assert_eq!(providers_of("apache", &config(), &node()), ["heartbeat"]);
        assert!(providers_of("nope", &config(), &node()).is_empty());
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
}
