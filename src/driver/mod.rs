// SPDX-License-Identifier: LGPL-2.1-or-later
//! The only place that waits.
#![forbid(unsafe_code)]

pub mod blocking;
mod files;
mod launch;
#[cfg(feature = "daemon")]
mod oom;
pub mod severity;
mod system_bus;
#[cfg(feature = "daemon")]
pub mod tokio;
