// SPDX-License-Identifier: LGPL-2.1-or-later
//! Every line of unsafe code of the daemons and the client: thin, safe wrappers over OpenSSL, libqb and the
//! kernel. Nothing here knows what a resource or a message is.

pub mod attempt;
#[cfg(feature = "capi")]
pub mod cmem;
#[cfg(feature = "capi")]
pub mod crmcommon;
#[cfg(feature = "capi")]
mod dynamic;
#[cfg(any(feature = "daemon", feature = "capi"))]
pub mod fork;
#[cfg(feature = "capi")]
pub mod glib;
#[cfg(feature = "capi")]
pub mod gnutls;
#[cfg(feature = "daemon")]
pub mod heap;
#[cfg(any(feature = "daemon", feature = "capi"))]
pub mod localtime;
mod longpsk;
#[cfg(feature = "capi")]
pub mod neighbours;
pub mod process;
#[cfg(feature = "local")]
pub mod qb;
pub mod spawn;
mod stack;
#[cfg(feature = "capi")]
pub mod stonith;
pub mod strings;
pub mod tcp;
pub mod tls;
pub mod unwind;
pub mod x509;
#[cfg(feature = "capi")]
pub mod xmlnode;
