// SPDX-License-Identifier: LGPL-2.1-or-later
//! The real file system for the agents layer.
use crate::agents::{AgentFiles, FileFacts};
use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// Files of this node.
pub(super) struct NodeFiles;

impl AgentFiles for NodeFiles {
    fn facts(&self, path: &Path) -> Result<FileFacts, i32> {
        let metadata = fs::metadata(path).map_err(|error| errno(&error))?;
        let regular = metadata.is_file();
        let executable = regular && metadata.permissions().mode() & 0o111 != 0;
        Ok(FileFacts { directory: metadata.is_dir(), regular, executable })
    }

    fn read(&self, path: &Path, limit: usize) -> Result<Vec<u8>, i32> {
        // A FIFO without a writer must not stop the daemon.
        let flags = nix::libc::O_NONBLOCK;
        let file = OpenOptions::new().read(true).custom_flags(flags).open(path).map_err(|e| errno(&e))?;
        // Room from the start: growing would leave copies of a secret behind.
        let length = file.metadata().map_or(0, |metadata| metadata.len());
        let mut content = Vec::with_capacity(usize::try_from(length).unwrap_or(limit).min(limit) + 1);
        file.take(limit as u64).read_to_end(&mut content).map_err(|e| errno(&e))?;
        Ok(content)
    }

    fn entries(&self, path: &Path) -> Result<Vec<OsString>, i32> {
        let entries = fs::read_dir(path).map_err(|error| errno(&error))?;
        entries.map(|entry| entry.map(|entry| entry.file_name()).map_err(|error| errno(&error))).collect()
    }
}

/// Errors that the standard library makes up itself are about impossible names.
fn errno(error: &io::Error) -> i32 {
    error.raw_os_error().unwrap_or(nix::libc::EINVAL)
}
