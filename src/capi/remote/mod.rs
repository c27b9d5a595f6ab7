// SPDX-License-Identifier: LGPL-2.1-or-later
//! The transport below the executor's protocol, under the names and with the objects of Pacemaker's libcrmcommon, for
//! its own programs: clients of a daemon, TLS sessions, messages over them. Only libpcmk-remote-rs.so has these names.
//!
//! * `clients`: the table of a daemon's clients. `local`: those that come by local IPC.
//! * `accept`: sockets. `tls`: sessions over GnuTLS; `credentials`: what they are made with; `certificates`: what they
//!   show, and how they judge.
//! * `carrier`: bytes through a session or a plain socket. `frames`: messages.
//! * `settings`: what the environment says.

pub mod accept;
mod carrier;
mod certificates;
pub mod clients;
pub mod credentials;
pub mod frames;
pub mod local;
pub mod settings;
pub mod tls;
