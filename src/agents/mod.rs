// SPDX-License-Identifier: LGPL-2.1-or-later
//! What an agent is started with, and what its exit means, by agent standard. Pure.
//!
//! [`plan()`], [`plan_alert`] and, for fence devices, [`fence_order`] say what to start; [`outcome`],
//! [`exec_failed`] and [`start_failed`] say what became of it. A [`UnitPlan`] does both for systemd's units.
//! [`discovery`] finds agents and their metadata.
//! Files are looked at through [`AgentFiles`], which a driver provides.
#![forbid(unsafe_code)]

mod alert;
mod config;
pub mod discovery;
mod explain;
mod failure;
mod lsb;
mod ocf;
mod output;
mod plan;
mod redact;
mod result;
mod secrets;
mod stonith;
mod systemd;

pub use alert::plan_alert;
pub use config::{AgentConfig, AgentFiles, FileFacts, NodeUnits};
pub use explain::{Explained, Explanation, Shown, ShownValue, explain};
pub use failure::{StartFailure, exec_failed, start_failed};
pub use output::{Capture, Stream};
pub use plan::{Convention, Means, Plan, Variables, plan};
pub use result::{Ended, Verdict, outcome};
pub use stonith::{fence_order, fence_result, fencer_lost};
pub use systemd::{UnitAction, UnitPlan, is_interruption, is_unknown_object};
