// SPDX-License-Identifier: LGPL-2.1-or-later
//! The only place that waits.
#![forbid(unsafe_code)]

pub mod blocking;
#[cfg(feature = "capi")]
pub mod client;
#[cfg(feature = "agents")]
mod files;
#[cfg(feature = "agents")]
pub mod inquiry;
#[cfg(feature = "agents")]
mod launch;
mod link;
#[cfg(feature = "daemon")]
mod oom;
#[cfg(feature = "capi")]
pub mod plugins;
#[cfg(feature = "agents")]
mod running;
pub mod severity;
#[cfg(feature = "agents")]
mod system_bus;
#[cfg(feature = "daemon")]
pub mod tokio;

#[cfg(feature = "capi")]
pub use crate::transport::credentials::read_key;
