// SPDX-License-Identifier: LGPL-2.1-or-later
//! Where init scripts are.
use crate::agents::Verdict;
use crate::agents::config::{AgentConfig, AgentFiles};
use crate::agents::names::{FileName, executables};
use crate::model::Agent;
use std::path::PathBuf;

/// Where the agent's script is, or would be. An absolute name stands for itself, as in Pacemaker: the configuration
/// then names a program outright. Any other name is one of a file in the directory of init scripts.
pub(in crate::agents) fn script(agent: &Agent, config: &AgentConfig) -> Result<PathBuf, Box<Verdict>> {
    if agent.name.starts_with('/') && !agent.name.contains('\0') {
        return Ok(PathBuf::from(&agent.name));
    }
    Ok(FileName::of(agent, &agent.name)?.inside(&config.init_dir))
}

/// The names of all init scripts.
pub(in crate::agents) fn names(config: &AgentConfig, files: &dyn AgentFiles) -> Vec<String> {
    executables(&config.init_dir, files)
}
