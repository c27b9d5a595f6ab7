// SPDX-License-Identifier: LGPL-2.1-or-later
//! Where fence agents are.
use crate::agents::config::{AgentConfig, AgentFiles};
use crate::agents::names::executables;

const PREFIX: &str = "fence_";

/// The names of all fence agents.
pub(in crate::agents) fn names(config: &AgentConfig, files: &dyn AgentFiles) -> Vec<String> {
    let mut names = executables(&config.fence_dir, files);
    names.retain(|name| name.starts_with(PREFIX));
    names
}
