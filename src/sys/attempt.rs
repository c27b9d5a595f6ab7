// SPDX-License-Identifier: LGPL-2.1-or-later
//! A start that another thread may stop. The thread that starts a child stands still until the child executes its
//! program, which takes without end where the program's file cannot be read.
use super::process;
use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// One start.
#[derive(Debug)]
pub struct Attempt {
    stage: Mutex<Stage>,
    /// Where the kernel writes the child's pidfd; -1: it has not. The thread that starts the child owns what is written.
    pidfd: AtomicI32,
}

impl Default for Attempt {
    fn default() -> Self {
        Self { stage: Mutex::default(), pidfd: AtomicI32::new(-1) }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    /// There is no child.
    #[default]
    Prepared,
    /// There must be none.
    Stopped,
    /// There is a child, or is about to be, and its thread waits for it. `stopped`: it is to be killed.
    Executes { stopped: bool },
    /// It executes its program, or could not.
    Over,
}

/// What [`Attempt::stop`] has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// There will be no child.
    NeverStarts,
    /// The child has got a SIGKILL, or is about to be there: then it takes [`Attempt::stop_again`].
    Asked,
    /// It is too late: the thread has its answer.
    Over,
}

impl Attempt {
    /// Ends it. May be called again.
    pub fn stop(&self) -> Stop {
        let mut stage = self.stage();
        match *stage {
            Stage::Prepared | Stage::Stopped => {
                *stage = Stage::Stopped;
                Stop::NeverStarts
            }
            Stage::Executes { .. } => {
                *stage = Stage::Executes { stopped: true };
                self.kill();
                Stop::Asked
            }
            Stage::Over => Stop::Over,
        }
    }

    /// Asks once more for what was stopped, if that was before the child was there.
    pub fn stop_again(&self) {
        if let Stage::Executes { stopped: true } = *self.stage() {
            self.kill();
        }
    }

    /// Only while the stage is locked and [`Stage::Executes`].
    fn kill(&self) {
        let pidfd = self.pidfd.load(Ordering::Acquire);
        if pidfd >= 0 {
            // SAFETY: the descriptor is open: its thread takes it after the stage is over, which the lock forbids here.
            let _ = process::kill_one(unsafe { BorrowedFd::borrow_raw(pidfd) });
        }
    }

    /// There is to be a child now; false: it was stopped.
    pub(super) fn begin(&self) -> bool {
        let mut stage = self.stage();
        let begins = *stage == Stage::Prepared;
        if begins {
            *stage = Stage::Executes { stopped: false };
        }
        begins
    }

    /// Where the kernel is to write the descriptor.
    pub(super) const fn pidfd(&self) -> *mut i32 {
        self.pidfd.as_ptr()
    }

    /// The child executes its program or is gone. The descriptor is the caller's; -1: there is none.
    pub(super) fn over(&self) -> i32 {
        *self.stage() = Stage::Over;
        self.pidfd.swap(-1, Ordering::AcqRel)
    }

    fn stage(&self) -> MutexGuard<'_, Stage> {
        self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stopped_in_time_does_not_begin() {
        let attempt = Attempt::default();
        assert_eq!([attempt.stop(), attempt.stop()], [Stop::NeverStarts; 2]);
        assert!(!attempt.begin());
    }

    #[test]
    fn what_has_begun_is_asked_to_end_until_it_is_over() {
        let attempt = Attempt::default();
        assert!(attempt.begin());
        assert_eq!(attempt.stop(), Stop::Asked, "there is no child yet");
        assert_eq!((attempt.over(), attempt.stop()), (-1, Stop::Over));
    }
}
