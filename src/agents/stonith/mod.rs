// SPDX-License-Identifier: LGPL-2.1-or-later
//! Fence devices, whose actions the fencer carries out; their agents are run here for their metadata alone.

mod linux_ha;
mod metadata;
mod names;
mod plan;

pub use linux_ha::{LinuxHaFacts, is_linux_ha_name, linux_ha_metadata};
pub(super) use metadata::metadata;
pub(super) use names::names;
pub(super) use plan::fence_order;
pub use plan::{fence_result, fencer_lost};
