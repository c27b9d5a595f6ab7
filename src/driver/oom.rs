// SPDX-License-Identifier: LGPL-2.1-or-later
//! How often the kernel has killed something for lack of memory, as far as it concerns agents: they live in the
//! daemon's control group. Evidence for those whose agent got a SIGKILL from nowhere.
#![allow(clippy::disallowed_methods, reason = "a driver: it reads the clock")]

use nix::sys::uio::pread;
use std::cell::Cell;
use std::fs::{self, File};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// An older count may miss what happened to others before the run, a fresh one costs a read each run.
const FRESH: Duration = Duration::from_secs(1);

/// A counter of the kernel's.
#[derive(Debug)]
pub(super) struct OomCounter {
    file: Option<File>,
    last: Cell<Option<(Instant, u64)>>,
}

impl OomCounter {
    /// The one of our own control group, or else the machine's. Without any it never tells.
    pub(super) fn of_ourselves() -> Self {
        let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        let candidates = files(&groups).into_iter().filter_map(|path| File::open(path).ok());
        let file = candidates.into_iter().find(|file| count(file).is_some());
        Self { file, last: Cell::new(None) }
    }

    /// The count, at most a second old.
    pub(super) fn recent(&self) -> Option<u64> {
        let now = Instant::now();
        match self.last.get() {
            Some((read, count)) if now.saturating_duration_since(read) < FRESH => Some(count),
            _ => self.read(now),
        }
    }

    /// Has it grown since it was `before`?
    pub(super) fn has_grown(&self, before: Option<u64>) -> bool {
        before.zip(self.read(Instant::now())).is_some_and(|(before, after)| after > before)
    }

    fn read(&self, now: Instant) -> Option<u64> {
        let count = count(self.file.as_ref()?)?;
        self.last.set(Some((now, count)));
        Some(count)
    }
}

/// Where the kernel counts, the nearest first. Inside a container the group's path may be one of the outside.
fn files(groups: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for line in groups.lines() {
        let mut parts = line.splitn(3, ':');
        let (Some(_), Some(controllers), Some(path)) = (parts.next(), parts.next(), parts.next()) else {
            continue;
        };
        let (roots, name): (&[&str], _) = match controllers {
            "" => (&["/sys/fs/cgroup", "/sys/fs/cgroup/unified"], "memory.events"),
            _ if controllers.split(',').any(|one| one == "memory") => {
                (&["/sys/fs/cgroup/memory"], "memory.oom_control")
            }
            _ => continue,
        };
        for root in roots {
            files.push(PathBuf::from(format!("{root}{path}/{name}")));
        }
        files.extend(roots.iter().map(|root| PathBuf::from(format!("{root}/{name}"))));
    }
    files.push("/proc/vmstat".into());
    files
}

/// The number behind `oom_kill`, which all these files have.
fn count(file: &File) -> Option<u64> {
    let mut text = Vec::new();
    let mut buffer = [0; 8192];
    // Anew from the start: such files are made when they are read.
    loop {
        let offset = i64::try_from(text.len()).ok()?;
        match pread(file, &mut buffer, offset).ok()? {
            0 => break,
            read => text.extend_from_slice(buffer.get(..read)?),
        }
    }
    let text = String::from_utf8(text).ok()?;
    text.lines().find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn a_count_that_grows_is_evidence() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(b"low 0\noom 7\noom_kill 2\noom_group_kill 9\n").unwrap();
        let counter = OomCounter { file: Some(file.reopen().unwrap()), last: Cell::new(None) };
        let before = counter.recent();
        assert_eq!(before, Some(2));
        assert!(!counter.has_grown(before));
        fs::write(file.path(), "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n").unwrap();
        assert!(counter.has_grown(before) && !counter.has_grown(None));
        assert_eq!(counter.recent(), Some(3), "what was read last counts for the next run");
    }

    #[test]
    fn the_nearest_counter_comes_first() {
        let found = files("12:cpu,memory:/a\n1:name=systemd:/x\n0::/system.slice/p.service\nodd\n");
        let found: Vec<_> = found.iter().map(|path| path.to_str().unwrap()).collect();
        let expected = [
            "/sys/fs/cgroup/memory/a/memory.oom_control",
            "/sys/fs/cgroup/memory/memory.oom_control",
            "/sys/fs/cgroup/system.slice/p.service/memory.events",
            "/sys/fs/cgroup/unified/system.slice/p.service/memory.events",
            "/sys/fs/cgroup/memory.events",
            "/sys/fs/cgroup/unified/memory.events",
            "/proc/vmstat",
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn this_machine_counts_somewhere() {
        assert!(OomCounter::of_ourselves().recent().is_some());
    }
}
