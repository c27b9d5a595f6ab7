// SPDX-License-Identifier: LGPL-2.1-or-later
//! Credentials, TLS policy and sockets.
#![forbid(unsafe_code)]

pub mod credentials;
mod keyfile;
pub mod priorities;
pub mod tcp;
