// SPDX-License-Identifier: LGPL-2.1-or-later
//! Linux-HA fence agents, which are cluster-glue's. Pacemaker's C library lists and describes them beside other fence
//! agents. They run in the caller's process, so only the C interface offers them.
use crate::agents::discovery::{LinuxHaFacts, is_linux_ha_name, linux_ha_metadata};
use crate::model::Release;
use crate::sys::stonith::{Fact, Library};

/// The names of all such agents of this node.
pub fn names() -> Vec<String> {
    Library::load().map(|library| library.types()).unwrap_or_default()
}

/// The metadata of the agent `name`; None where there is no such agent. May wait for a script of the agent's.
pub fn metadata(name: &str, release: Release) -> Option<String> {
    let agent = Library::load().filter(|_| is_linux_ha_name(name))?.agent(name)?;
    let facts = LinuxHaFacts {
        description: agent.fact(Fact::Description),
        identity: agent.fact(Fact::Identity),
        parameters: agent.fact(Fact::Parameters),
    };
    Some(linux_ha_metadata(name, &facts, release))
}
