// SPDX-License-Identifier: LGPL-2.1-or-later
//! The end of a process, in the words of [`crate::agents`].
use crate::agents::Ended;
use crate::sys::process::{self, ExitStatus};
use std::io;
use std::os::fd::BorrowedFd;

impl From<ExitStatus> for Ended {
    fn from(status: ExitStatus) -> Self {
        match status {
            ExitStatus::Exited(code) => Self::Exited(code),
            ExitStatus::Signalled { signal, core_dumped } => Self::Signalled { signal, core_dumped },
        }
    }
}

/// Reaps the child behind `pidfd` if it has ended; None: it has not. Does not block.
pub(super) fn try_end(pidfd: BorrowedFd<'_>) -> Option<Ended> {
    loop {
        match process::try_wait(pidfd) {
            Ok(status) => return status.map(Ended::from),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // Something in this process waits for any child, or ignores SIGCHLD.
            Err(_) => return Some(Ended::Lost),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exit_status_keeps_code_signal_and_core_dump() {
        for (status, ended) in [
            (ExitStatus::Exited(7), Ended::Exited(7)),
            (
                ExitStatus::Signalled { signal: 11, core_dumped: true },
                Ended::Signalled { signal: 11, core_dumped: true },
            ),
        ] {
            assert_eq!(Ended::from(status), ended);
        }
    }
}
