// SPDX-License-Identifier: LGPL-2.1-or-later
//! Where OCF agents are: in the first directory of the search path that has `provider/agent`.
use crate::agents::Verdict;
use crate::agents::config::{AgentConfig, AgentFiles};
use crate::agents::failure::not_installed;
use crate::agents::names::{FileName, directories, executables, search_path};
use crate::model::{Agent, Standard};
use std::path::PathBuf;

/// The agent's file, whatever kind of file it is.
pub(super) fn find(
    agent: &Agent,
    config: &AgentConfig,
    files: &dyn AgentFiles,
) -> Result<PathBuf, Box<Verdict>> {
    let provider = FileName::of(agent, agent.provider.as_deref().unwrap_or_default())?;
    let name = FileName::of(agent, &agent.name)?;
    search_path(&config.ocf_search_path)
        .map(|directory| name.inside(&provider.inside(directory)))
        .find(|candidate| files.facts(candidate).is_ok())
        .ok_or_else(|| not_found(agent, config))
}

fn not_found(agent: &Agent, config: &AgentConfig) -> Box<Verdict> {
    let (provider, name) = (agent.provider.as_deref().unwrap_or_default(), &agent.name);
    not_installed(format!(
        "{name}: No such file or directory: no file {provider}/{name} in {}; install the package that provides {agent}",
        config.ocf_search_path
    ))
}

/// Providers of OCF agents.
pub fn providers(config: &AgentConfig, files: &dyn AgentFiles) -> Vec<String> {
    let all = search_path(&config.ocf_search_path).flat_map(|directory| directories(directory, files));
    first_of_each(all)
}

/// Providers that have the OCF agent `name`, in any letter case.
pub fn providers_of(name: &str, config: &AgentConfig, files: &dyn AgentFiles) -> Vec<String> {
    let mut providers = providers(config, files);
    providers.retain(|provider| {
        let agents = agents_of(provider, config, files);
        agents.iter().any(|agent| agent.eq_ignore_ascii_case(name))
    });
    providers
}

/// The agents of a provider, or of all.
pub(in crate::agents) fn agents(
    provider: Option<&str>,
    config: &AgentConfig,
    files: &dyn AgentFiles,
) -> Vec<Agent> {
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
        agents_of(&provider, config, files).into_iter().map(agent).collect::<Vec<_>>()
    };
    providers.into_iter().flat_map(of).collect()
}

fn agents_of(provider: &str, config: &AgentConfig, files: &dyn AgentFiles) -> Vec<String> {
    let Some(provider) = FileName::new(provider) else { return Vec::new() };
    let all = search_path(&config.ocf_search_path)
        .flat_map(|directory| executables(&provider.inside(directory), files));
    first_of_each(all)
}

fn first_of_each(names: impl Iterator<Item = String>) -> Vec<String> {
    let mut found = Vec::new();
    for name in names {
        if !found.contains(&name) {
            found.push(name);
        }
    }
    found
}
