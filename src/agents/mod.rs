// SPDX-License-Identifier: LGPL-2.1-or-later
//! What an agent is started with, and what its exit means, by agent standard. Pure.
//!
//! Each standard has a folder: `plan` says what to start, `exit` or `result` what became of it, `names` which agents
//! there are, `metadata` what they say of themselves. `standards` chooses the folder. [`plan()`], [`plan_alert`] and, for
//! fence devices, [`fence_order`] say what to start; [`outcome`], [`exec_failed`] and [`start_failed`] say what became
//! of it. A [`UnitPlan`] does both for systemd's units. [`discovery`] finds agents and their metadata.
//! Files are looked at through [`AgentFiles`], which a driver provides.
#![forbid(unsafe_code)]

mod alert;
mod config;
mod explain;
mod failure;
mod inquiry;
mod lsb;
mod metadata;
mod names;
mod ocf;
mod output;
mod plan;
mod redact;
mod result;
mod standards;
mod stonith;
mod systemd;
#[cfg(test)]
mod testing;
mod xml;

pub use alert::plan_alert;
pub use config::{AgentConfig, AgentFiles, FileFacts, NodeUnits};
pub use explain::{Explained, Explanation, Shown, ShownValue, explain};
pub use failure::{StartFailure, exec_failed, start_failed};
#[cfg(feature = "daemon")]
pub use ocf::needs_secrets;
pub use output::{Capture, Stream};
pub use plan::{Convention, Plan, Variables};
pub use result::{Ended, may_have_lacked_memory, outcome, short_of_memory};
pub use standards::{Means, fence_order, plan};
pub use stonith::{fence_result, fencer_lost};
pub use systemd::{UnitAction, UnitPlan, is_interruption, is_unknown_object};

/// Which agents a node has, and what they say of themselves. As upstream, this is asked of the node on which the caller
/// runs, never of an executor.
pub mod discovery {
    pub use super::config::Node;
    pub use super::metadata::{Inquiry, Metadata, NoMetadata};
    pub use super::ocf::{providers, providers_of};
    pub use super::standards::{agents, metadata, standards};
    pub use super::stonith::{LinuxHaFacts, is_linux_ha_name, linux_ha_metadata};
}
