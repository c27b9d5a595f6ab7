// SPDX-License-Identifier: LGPL-2.1-or-later
//! Where a handle's executor is.

use std::fmt;

/// Where a handle's executor is. It shows itself as the log calls it.
#[derive(Clone, Debug)]
pub(super) enum Place {
    /// On this node.
    Local,
    /// On a remote node.
    Remote {
        /// The host.
        server: String,
        /// Its port.
        port: u16,
    },
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local => f.write_str("the local executor"),
            Self::Remote { server, port } => write!(f, "Pacemaker Remote at {server}:{port}"),
        }
    }
}
