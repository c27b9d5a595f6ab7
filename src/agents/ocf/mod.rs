// SPDX-License-Identifier: LGPL-2.1-or-later
//! OCF agents: programs in the directories of providers, which get their parameters as environment variables.

mod exit;
mod metadata;
mod names;
mod plan;
mod secrets;

pub(super) use exit::{exit, exit_reason};
pub(super) use metadata::metadata;
pub(super) use names::agents;
pub use names::{providers, providers_of};
pub(super) use plan::{PARAMETER_PREFIX, plan};
pub(super) use secrets::PLACEHOLDER;
#[cfg(feature = "daemon")]
pub use secrets::needs_secrets;
