// SPDX-License-Identifier: LGPL-2.1-or-later
//! The only place that waits.
#![forbid(unsafe_code)]

pub mod blocking;
mod files;
mod launch;
pub mod severity;
#[cfg(feature = "daemon")]
pub mod tokio;
