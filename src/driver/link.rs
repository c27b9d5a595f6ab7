// SPDX-License-Identifier: LGPL-2.1-or-later
//! A connected socket and poll(2).
#![allow(clippy::disallowed_methods, reason = "a driver: it reads the clock")]
use crate::transport::tcp;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::fd::AsFd;
#[cfg(feature = "capi")]
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

/// What came of waiting.
#[derive(Debug)]
pub(super) enum Arrived {
    /// So many bytes were read.
    Bytes(usize),
    /// The peer closed.
    Closed,
    /// The time is up, or only sending went on.
    Nothing,
}

/// A socket that never blocks but in [`Link::exchange`].
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

    /// Waits until the socket has something to read, or can take more if `has_output`, or the deadline has
    /// come; reads into `buffer`.
    pub(super) fn exchange(
        &mut self,
        buffer: &mut [u8],
        has_output: bool,
        deadline: Instant,
    ) -> io::Result<Arrived> {
        let mut interest = PollFlags::POLLIN;
        if has_output {
            interest |= PollFlags::POLLOUT;
        }
        let mut descriptors = [PollFd::new(self.0.as_fd(), interest)];
        match poll(&mut descriptors, timeout(deadline.saturating_duration_since(Instant::now()))) {
            Ok(0) | Err(Errno::EINTR) => return Ok(Arrived::Nothing),
            Ok(_) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(match self.read(buffer)? {
            Some(0) => Arrived::Closed,
            Some(count) => Arrived::Bytes(count),
            None => Arrived::Nothing,
        })
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
    #[cfg(feature = "capi")]
    pub(super) fn descriptor(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Rounded up, so that a wait never ends just before its deadline.
pub(super) fn timeout(left: Duration) -> PollTimeout {
    PollTimeout::try_from(left.as_micros().div_ceil(1000)).unwrap_or(PollTimeout::MAX)
}
