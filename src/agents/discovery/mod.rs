// SPDX-License-Identifier: LGPL-2.1-or-later
//! Which agents a node has, and what they say of themselves. As upstream, this is asked of the node on which
//! the caller runs, never of an executor.
//!
//! * `lists`: standards, providers, agents.
//! * `metadata`: who knows the metadata of an agent: we, or the agent when it is run.
//! * `lsb`: metadata out of the header of an init script. `fence`: what clusters expect of a fence agent's.
//!   `plugin`: the same for a fence plugin.
//! * `units`: units of systemd, which systemd lists and describes.

mod fence;
mod lists;
mod lsb;
mod metadata;
mod plugin;
pub(super) mod units;

pub use lists::{agents, providers, providers_of, standards};
pub use metadata::{Inquiry, Metadata, NoMetadata, metadata};
pub use plugin::{PluginFacts, plugin_metadata};
