// SPDX-License-Identifier: LGPL-2.1-or-later
//! Fence plugins of cluster-glue, which Pacemaker's C library lists and describes beside fence agents. They run in
//! the caller's process, so only the C interface offers them.
use crate::agents::discovery::{PluginFacts, plugin_metadata};
use crate::model::Release;
use crate::sys::stonith::{Fact, Library};

/// The names of all plugins of this node.
pub fn names() -> Vec<String> {
    Library::load().map(|library| library.types()).unwrap_or_default()
}

/// The metadata of the plugin `name`; None where there is no such plugin. May wait for a script of the plugin's.
pub fn metadata(name: &str, release: Release) -> Option<String> {
    let plugin = Library::load()?.plugin(name)?;
    let facts = PluginFacts {
        description: plugin.fact(Fact::Description),
        identity: plugin.fact(Fact::Identity),
        parameters: plugin.fact(Fact::Parameters),
    };
    Some(plugin_metadata(name, &facts, release))
}
