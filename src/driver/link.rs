// SPDX-License-Identifier: LGPL-2.1-or-later
//! A connected socket and poll(2).
#![allow(clippy::disallowed_methods, reason = "a driver: it reads the clock")]
use crate::transport::tcp;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

/// What a descriptor is to be watched for, besides its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Something to read.
    pub read: bool,
    /// Room to write.
    pub write: bool,
}

impl Wanted {
    pub(super) const READ: Self = Self { read: true, write: false };
    pub(super) const WRITE: Self = Self { read: false, write: true };

    pub(super) fn of(self, descriptor: BorrowedFd<'_>) -> PollFd<'_> {
        let mut flags = PollFlags::empty();
        flags.set(PollFlags::POLLIN, self.read);
        flags.set(PollFlags::POLLOUT, self.write);
        PollFd::new(descriptor, flags)
    }
}

/// A socket that never blocks.
#[derive(Debug)]
pub(super) struct Link(TcpStream);

impl Link {
    pub(super) fn new(stream: TcpStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        tcp::prepare(&stream)?;
        Ok(Self(stream))
    }

    /// Sends what the socket takes at once; how much that was.
    pub(super) fn send(&mut self, output: &[u8]) -> io::Result<usize> {
        let mut sent = 0;
        while let Some(rest) = output.get(sent..).filter(|rest| !rest.is_empty()) {
            match self.0.write(rest) {
                Ok(count) => sent += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        Ok(sent)
    }

    /// Reads what is there: 0 at the end, None for nothing yet.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        match self.0.read(buffer) {
            Ok(count) => {
                tcp::acknowledge_at_once(&self.0);
                Ok(Some(count))
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The socket, to be watched.
    pub(super) fn descriptor(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Waits until the descriptor is ready or the deadline, if there is one, has come. A signal or an error ends the wait
/// as well: the caller looks what there is in any case.
pub(super) fn wait(descriptor: BorrowedFd<'_>, wanted: Wanted, deadline: Option<Instant>) {
    let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
    let _ = poll(&mut [wanted.of(descriptor)], left.map_or(PollTimeout::NONE, timeout));
}

/// Rounded up, so that a wait never ends just before its deadline.
pub(super) fn timeout(left: Duration) -> PollTimeout {
    PollTimeout::try_from(left.as_micros().div_ceil(1000)).unwrap_or(PollTimeout::MAX)
}
