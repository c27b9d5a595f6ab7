// SPDX-License-Identifier: LGPL-2.1-or-later
//! The only place that waits.
#![forbid(unsafe_code)]

pub mod blocking;
pub mod client;
mod clock;
#[cfg(feature = "local")]
mod cluster_user;
#[cfg(any(feature = "daemon", feature = "capi"))]
pub mod environment;
#[cfg(feature = "agents")]
mod exit;
mod fair;
#[cfg(feature = "agents")]
mod files;
#[cfg(feature = "capi")]
pub mod glib;
pub mod hub;
#[cfg(feature = "agents")]
pub mod inquiry;
#[cfg(feature = "agents")]
mod launch;
mod link;
#[cfg(feature = "capi")]
pub mod linux_ha;
#[cfg(any(feature = "daemon", feature = "capi"))]
mod oom;
#[cfg(any(feature = "daemon", feature = "capi"))]
pub mod pid1;
#[cfg(feature = "agents")]
mod running;
pub mod severity;
#[cfg(any(feature = "daemon", feature = "capi"))]
mod starts;
#[cfg(feature = "status")]
pub mod status;
#[cfg(feature = "agents")]
mod system_bus;
#[cfg(feature = "daemon")]
pub mod tokio;
#[cfg(any(feature = "daemon", feature = "capi"))]
mod units;

#[cfg(feature = "capi")]
pub use crate::transport::credentials::read_key;
