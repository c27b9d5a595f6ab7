// SPDX-License-Identifier: LGPL-2.1-or-later
//! fork(2) for PID 1 mode, where the whole program divides before it has started anything. Agents are not
//! started this way.
use nix::unistd::{ForkResult, Pid, fork};
use std::io;

/// Which side of the fork this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forked {
    /// The original process, and the process id of the new one.
    Parent(Pid),
    /// The new process.
    Child,
}

/// Divides the process. To be called before the first thread starts: with several threads it is refused,
/// because the child could meet a lock that nobody will ever release.
pub fn fork_single_threaded() -> io::Result<Forked> {
    // Without a mounted /proc (a container's init may be that early) the caller's word must do.
    if let Ok(threads) = std::fs::read_dir("/proc/self/task")
        && threads.count() > 1
    {
        return Err(io::Error::other("fork refused: the process already has several threads"));
    }
    // SAFETY: the process has one thread, so no lock is held by a thread that the child lacks.
    match unsafe { fork() }? {
        ForkResult::Parent { child } => Ok(Forked::Parent(child)),
        ForkResult::Child => Ok(Forked::Child),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_when_there_are_threads() {
        // The test harness runs each test in a thread of its own, beside the main one.
        let other = std::thread::spawn(|| fork_single_threaded().map(|_| ()));
        assert!(other.join().unwrap().unwrap_err().to_string().contains("several threads"));
    }
}
