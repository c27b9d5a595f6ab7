// SPDX-License-Identifier: LGPL-2.1-or-later
//! Agents of which another start is sure to take no longer than the last one: it was a moment ago, and their program is
//! in a file system of this machine. What such a start reads is in memory.
//!
//! The file system is looked at by the thread that starts agents, before the start: to look at one whose server is away
//! takes without end.
use crate::model::Agent;
use nix::sys::statfs::{self, FsType};
use std::cell::RefCell;
use std::path::Path;
use std::time::{Duration, Instant};

/// How long a start is a moment ago.
const FRESH: Duration = Duration::from_secs(1);

/// For so long no other file system takes the place of one that was looked at.
const SEEN: Duration = Duration::from_secs(10);

/// Of how many agents it is remembered: a look costs no more than a few comparisons.
const KEPT: usize = 16;

/// File systems of this machine; numbers that nix does not know are those of `linux/magic.h` and the modules'.
const LOCAL: [FsType; 9] = [
    statfs::BTRFS_SUPER_MAGIC,
    statfs::EXT4_SUPER_MAGIC,
    statfs::OVERLAYFS_SUPER_MAGIC,
    statfs::TMPFS_MAGIC,
    statfs::XFS_SUPER_MAGIC,
    FsType(0xE0F5_E1E2), // erofs
    FsType(0xF2F5_2010), // f2fs
    FsType(0x7371_7368), // squashfs
    FsType(0x2FC1_2FC1), // zfs
];

/// See the module's documentation.
#[derive(Debug, Default)]
pub(super) struct Familiar(RefCell<Vec<Known>>);

#[derive(Debug)]
struct Known {
    agent: Agent,
    started: Instant,
    /// When its file system was looked at.
    seen: Instant,
}

impl Known {
    fn is_fresh(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.started) < FRESH && now.saturating_duration_since(self.seen) < SEEN
    }
}

impl Familiar {
    /// Is it so of this agent?
    pub(super) fn knows(&self, agent: &Agent, now: Instant) -> bool {
        self.0.borrow().iter().any(|known| known.agent == *agent && known.is_fresh(now))
    }

    /// It was started at this time, without a wait, and its file system was looked at before, or not.
    pub(super) fn note(&self, agent: &Agent, started: Instant, is_seen: bool) {
        let mut all = self.0.borrow_mut();
        if let Some(known) = all.iter_mut().find(|known| known.agent == *agent) {
            known.started = started;
            known.seen = if is_seen { started } else { known.seen };
        } else if is_seen {
            if all.len() >= KEPT {
                all.retain(|known| known.is_fresh(started));
                all.truncate(KEPT - 1);
            }
            all.push(Known { agent: agent.clone(), started, seen: started });
        }
    }
}

/// Is this file in a file system of this machine? May take without end if not.
pub(super) fn is_local(file: &Path) -> bool {
    statfs::statfs(file).is_ok_and(|found| LOCAL.contains(&found.filesystem_type()))
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "a moment to count from")]
mod tests {
    use super::*;

    fn agent(number: usize) -> Agent {
        Agent { standard: "ocf".into(), provider: Some("p".into()), name: number.to_string() }
    }

    #[test]
    fn an_agent_is_known_for_a_moment_and_so_are_few_of_them() {
        let (familiar, begun) = (Familiar::default(), Instant::now());
        familiar.note(&agent(0), begun, false);
        assert!(!familiar.knows(&agent(0), begun), "where it is was not looked at");
        familiar.note(&agent(0), begun, true);
        assert!(familiar.knows(&agent(0), begun) && !familiar.knows(&agent(1), begun));
        assert!(!familiar.knows(&agent(0), begun + FRESH));
        familiar.note(&agent(0), begun + FRESH, false);
        assert!(familiar.knows(&agent(0), begun + FRESH));
        familiar.note(&agent(0), begun + SEEN, false);
        assert!(!familiar.knows(&agent(0), begun + SEEN), "it is to be looked at again");
        for number in 0..10 * KEPT {
            familiar.note(&agent(number), begun, true);
            assert!(familiar.knows(&agent(number), begun));
        }
        assert_eq!(familiar.0.borrow().len(), KEPT);
    }

    #[test]
    fn a_file_system_that_asks_others_is_none_of_this_machine() {
        assert!(!is_local(Path::new("/proc/self/status")) && !is_local(Path::new("/no/such/file")));
    }
}
