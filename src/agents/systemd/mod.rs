// SPDX-License-Identifier: LGPL-2.1-or-later
//! Units of the node's service manager, which lists, describes and runs them.

mod metadata;
mod names;
mod plan;
mod result;

pub(super) use metadata::metadata;
pub(super) use names::{exists, names};
pub(super) use plan::plan;
pub use plan::{UnitAction, UnitPlan};
pub use result::{is_interruption, is_unknown_object};
