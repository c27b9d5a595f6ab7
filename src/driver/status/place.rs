// SPDX-License-Identifier: LGPL-2.1-or-later
//! Where the sockets are.
use std::path::{Path, PathBuf};

/// A directory of its own, since that of the cluster's other sockets belongs to a user that is not root.
pub const DIRECTORY: &str = "/run/pcmk-remote-rs";

/// The socket of this daemon.
pub fn socket_of(daemon: &str) -> PathBuf {
    Path::new(DIRECTORY).join(format!("{daemon}.status"))
}
