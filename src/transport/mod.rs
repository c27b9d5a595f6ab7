// SPDX-License-Identifier: LGPL-2.1-or-later
//! Credentials, TLS policy and sockets.
#![forbid(unsafe_code)]

mod certificates;
mod changes;
pub mod credentials;
mod keyfile;
mod keys;
mod notices;
pub mod priorities;
pub mod readable;
pub mod strictness;
pub mod tcp;
