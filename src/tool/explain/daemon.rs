// SPDX-License-Identifier: LGPL-2.1-or-later
//! The daemon that would run the action, as the kernel shows it.
use crate::model::service_manager;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Names of executors, as far as the kernel keeps them.
const NAMES: [&str; 2] = ["pacemaker-remoted", "pacemaker-execd"];
const KEPT: usize = 15;

/// A running executor.
pub(super) struct Daemon {
    pub(super) pid: u32,
    pub(super) name: &'static str,
    /// What it was started with, as far as it hands that down.
    pub(super) environment: Vec<(OsString, OsString)>,
    /// Where its agents start.
    pub(super) directory: Option<PathBuf>,
}

impl Daemon {
    /// The first one that sees the same files as we do.
    pub(super) fn find() -> Option<Self> {
        let processes = fs::read_dir("/proc").ok()?.flatten();
        let mut pids: Vec<u32> =
            processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
        pids.sort_unstable();
        pids.into_iter().find_map(Self::of)
    }

    fn of(pid: u32) -> Option<Self> {
        let process = Path::new("/proc").join(pid.to_string());
        let known = fs::read_to_string(process.join("comm")).ok()?;
        let name = NAMES.into_iter().find(|name| name.get(..KEPT).unwrap_or(name) == known.trim_end())?;
        let files = |process: &Path| fs::read_link(process.join("ns/mnt")).ok();
        if files(&process)? != files(Path::new("/proc/self"))? {
            return None;
        }
        let mut environment = variables(&fs::read(process.join("environ")).ok()?);
        environment.retain(|(variable, _)| !service_manager::is_for_the_daemon_alone(variable));
        Some(Self { pid, name, environment, directory: fs::read_link(process.join("cwd")).ok() })
    }
}

fn variables(block: &[u8]) -> Vec<(OsString, OsString)> {
    let text = |bytes: &[u8]| OsStr::from_bytes(bytes).to_owned();
    let pair = |entry: &[u8]| {
        let at = entry.iter().position(|byte| *byte == b'=')?;
        Some((text(entry.get(..at)?), text(entry.get(at + 1..)?)))
    };
    block.split(|byte| *byte == 0).filter_map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_s_list_of_variables() {
        let found = variables(b"PATH=/bin\0A=b=c\0empty=\0odd\0");
        let found: Vec<_> = found.iter().map(|(a, b)| (a.to_str().unwrap(), b.to_str().unwrap())).collect();
        assert_eq!(found, [("PATH", "/bin"), ("A", "b=c"), ("empty", "")]);
    }
}
