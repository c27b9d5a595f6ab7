// SPDX-License-Identifier: LGPL-2.1-or-later
//! The only place that waits.
#![forbid(unsafe_code)]

pub mod blocking;
pub mod client;
#[cfg(feature = "local")]
mod cluster_user;
mod files;
pub mod hub;
pub mod inquiry;
mod launch;
mod link;
#[cfg(feature = "capi")]
pub mod linux_ha;
#[cfg(feature = "daemon")]
mod oom;
mod running;
pub mod severity;
mod system_bus;
#[cfg(feature = "daemon")]
pub mod tokio;

#[cfg(feature = "capi")]
pub use crate::transport::credentials::read_key;
