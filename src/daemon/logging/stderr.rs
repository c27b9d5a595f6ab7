// SPDX-License-Identifier: LGPL-2.1-or-later
//! Standard error, which may be a pipe whose reader sleeps: nothing is written there unless there is room.
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::io::Write;
use std::os::fd::{AsFd, OwnedFd};

/// A pipe that polls writable has room for this much at least.
const ROOM: usize = 4096;

#[derive(Debug)]
pub(super) struct Stderr {
    file: std::fs::File,
    lost: u64,
}

impl Stderr {
    /// `None` when there is no standard error.
    pub(super) fn open() -> Option<Self> {
        std::io::stderr().as_fd().try_clone_to_owned().ok().map(Self::new)
    }

    fn new(file: OwnedFd) -> Self {
        Self { file: file.into(), lost: 0 }
    }

    /// Writes a line if there is room for it now.
    pub(super) fn write(&mut self, line: &str) {
        if self.lost > 0 {
            let lost = format!("warning: {} lines could not be written here\n", self.lost);
            if !self.write_if_room(&lost) {
                self.lost += 1;
                return;
            }
            self.lost = 0;
        }
        if !self.write_if_room(line) {
            self.lost += 1;
        }
    }

    fn write_if_room(&mut self, line: &str) -> bool {
        line.as_bytes().chunks(ROOM).all(|part| {
            let mut wait = [PollFd::new(self.file.as_fd(), PollFlags::POLLOUT)];
            let ready = poll(&mut wait, PollTimeout::ZERO).is_ok_and(|ready| ready > 0)
                && wait.iter().all(|fd| fd.revents().is_some_and(|events| events == PollFlags::POLLOUT));
            ready && self.file.write(part).is_ok_and(|written| written == part.len())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn a_full_pipe_blocks_nobody_and_is_told_of_it_later() {
        let (mut reader, writer) = std::io::pipe().unwrap();
        let mut stderr = Stderr::new(writer.into());
        let line = "x".repeat(1023) + "\n";
        // Far more than a pipe holds.
        for _ in 0..1024 {
            stderr.write(&line);
        }
        assert!(stderr.lost > 0);
        let lost = stderr.lost;
        let mut buffer = vec![0; 1 << 16];
        let size = reader.read(&mut buffer).unwrap();
        assert!(size > 0);
        stderr.write("news\n");
        assert_eq!(stderr.lost, 0);
        drop(stderr);
        let mut rest = String::new();
        reader.read_to_string(&mut rest).unwrap();
        assert!(rest.contains(&format!("{lost} lines could not")), "{rest}");
        assert!(rest.ends_with("news\n"));
    }

    #[test]
    fn a_closed_pipe_is_no_error() {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut stderr = Stderr::new(writer.into());
        stderr.write("x\n");
        assert_eq!(stderr.lost, 1);
    }
}
