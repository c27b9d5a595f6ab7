// SPDX-License-Identifier: LGPL-2.1-or-later
//! Does the cluster's idea of this node's watchdog hold? The cluster counts the node as dead once the time it
//! believes in has passed; if no watchdog enforces that here, the daemon must not run resources.
use super::config::Config;
use crate::model::timespec;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

/// Where to look for sbd.
#[derive(Clone, Debug)]
pub struct SbdPaths {
    /// Its PID file.
    pub pid_file: PathBuf,
    /// The process table.
    pub proc: PathBuf,
}

impl Default for SbdPaths {
    fn default() -> Self {
        Self { pid_file: "/run/sbd.pid".into(), proc: "/proc".into() }
    }
}

/// Why the daemon must log an emergency and exit with `ExitCode::Fatal`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unsafe {
    /// sbd does not run.
    NoSbd {
        /// The cluster's time.
        cluster_ms: i64,
    },
    /// The cluster waits less than the watchdog.
    TooShort {
        /// The cluster's time.
        cluster_ms: i64,
        /// sbd's time.
        watchdog_ms: u64,
    },
}

impl fmt::Display for Unsafe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSbd { cluster_ms } => write!(
                f,
                "the cluster counts on a watchdog here (stonith-watchdog-timeout {cluster_ms} ms) but sbd is not \
                 running: start sbd on this node or unset the cluster property"
            ),
            Self::TooShort { cluster_ms, watchdog_ms } => write!(
                f,
                "stonith-watchdog-timeout ({cluster_ms} ms) is shorter than this node's SBD_WATCHDOG_TIMEOUT \
                 ({watchdog_ms} ms): make it longer, at best twice that"
            ),
        }
    }
}

/// Checks what `lrmd_check` brought (`Effect::CheckWatchdog`). A negative time, and one that is none, means
/// twice the watchdog's own.
pub fn check(claimed: Option<&str>, config: &Config, paths: &SbdPaths) -> Result<(), Unsafe> {
    let watchdog_ms = config.sbd_watchdog_timeout_ms.unwrap_or(0);
    let claimed_ms = claimed.map_or(0, |text| timespec::milliseconds(text).unwrap_or(-1));
    let cluster_ms = match claimed_ms {
        ..0 => i64::try_from(watchdog_ms.saturating_mul(2)).unwrap_or(i64::MAX),
        _ => claimed_ms,
    };
    if cluster_ms == 0 {
        return Ok(());
    }
    if !sbd_runs(paths) {
        return Err(Unsafe::NoSbd { cluster_ms });
    }
    if u64::try_from(cluster_ms).is_ok_and(|cluster_ms| cluster_ms < watchdog_ms) {
        return Err(Unsafe::TooShort { cluster_ms, watchdog_ms });
    }
    Ok(())
}

/// By its PID file, or else by its name among all processes.
fn sbd_runs(paths: &SbdPaths) -> bool {
    let recorded = fs::read_to_string(&paths.pid_file).unwrap_or_default();
    let recorded = recorded.trim();
    if recorded.parse::<u32>().is_ok() && is_sbd(&paths.proc.join(recorded)) {
        return true;
    }
    let Ok(processes) = fs::read_dir(&paths.proc) else { return false };
    processes.flatten().any(|entry| {
        entry.file_name().to_str().is_some_and(|name| name.parse::<u32>().is_ok()) && is_sbd(&entry.path())
    })
}

fn is_sbd(process: &Path) -> bool {
    // sbd renames its children ("sbd: inquisitor", "sbd: watcher: ..."), and the name file is cut to 15 bytes.
    let name = fs::read_to_string(process.join("comm")).unwrap_or_default();
    let name = name.trim_end();
    name == "sbd" || name.starts_with("sbd:")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::daemon::cli::{CommandLine, Program};

    struct Node(tempfile::TempDir);

    impl Node {
        fn new(processes: &[(u32, &str)]) -> Self {
            let directory = tempfile::tempdir().unwrap();
            for (pid, name) in processes {
                let process = directory.path().join(pid.to_string());
                fs::create_dir(&process).unwrap();
                fs::write(process.join("comm"), format!("{name}\n")).unwrap();
            }
            Self(directory)
        }

        fn check(&self, claimed: Option<&str>, watchdog: &str) -> Result<(), Unsafe> {
            let environment = [("SBD_WATCHDOG_TIMEOUT", watchdog)].into_iter().collect();
            let (config, _) = Config::read(Program::Remoted, &CommandLine::default(), &environment);
            let paths = SbdPaths { pid_file: self.0.path().join("sbd.pid"), proc: self.0.path().into() };
            check(claimed, &config, &paths)
        }
    }

    #[test]
    fn nothing_claimed_is_fine_without_sbd() {
        let bare = Node::new(&[(1, "init")]);
        for claimed in [None, Some("0"), Some("0s"), Some("-1"), Some("what")] {
            assert_eq!(bare.check(claimed, ""), Ok(()), "{claimed:?}");
        }
    }

    #[test]
    fn a_claim_needs_sbd() {
        let bare = Node::new(&[(1, "init"), (2, "sbdx")]);
        assert_eq!(bare.check(Some("10s"), "5"), Err(Unsafe::NoSbd { cluster_ms: 10_000 }));
        // Automatic: twice the watchdog's time.
        assert_eq!(bare.check(Some("-1"), "5"), Err(Unsafe::NoSbd { cluster_ms: 10_000 }));
        assert_eq!(bare.check(Some("what"), "5"), Err(Unsafe::NoSbd { cluster_ms: 10_000 }));
    }

    #[test]
    fn with_sbd_the_time_must_reach() {
        let node = Node::new(&[(7, "sbd: inquisitor")]);
        assert_eq!(node.check(Some("10"), "5"), Ok(()));
        assert_eq!(node.check(Some("10"), "10"), Ok(()));
        assert_eq!(node.check(Some("-1"), "10"), Ok(()));
        assert_eq!(node.check(Some("10"), ""), Ok(()));
        assert_eq!(node.check(Some("4"), "5"), Err(Unsafe::TooShort { cluster_ms: 4000, watchdog_ms: 5000 }));
    }

    #[test]
    fn a_stale_pid_file_proves_nothing() {
        let node = Node::new(&[(7, "bash")]);
        fs::write(node.0.path().join("sbd.pid"), "7\n").unwrap();
        assert!(node.check(Some("10"), "").is_err());
        let node = Node::new(&[(7, "sbd")]);
        fs::write(node.0.path().join("sbd.pid"), "../../etc\n").unwrap();
        assert_eq!(node.check(Some("10"), ""), Ok(()));
    }
}
