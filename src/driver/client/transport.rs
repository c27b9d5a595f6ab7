// SPDX-License-Identifier: LGPL-2.1-or-later
//! A TCP connection and the session that goes over it: bytes in and out, within bounds.
use super::Problem;
use crate::driver::link::Link;
use crate::session::ClientSession;
use nix::errno::Errno;
use std::cell::RefCell;
use std::io;
use std::net::TcpStream;
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

/// How long a peer may leave its side of the connection full.
const STALL_LIMIT: Duration = Duration::from_secs(60);
/// How much may wait for such a peer: more than the largest message.
const OUTPUT_LIMIT: usize = 24 * 1024 * 1024;
const READ_SIZE: usize = 32 * 1024;
/// Reads of one [`Transport::receive`]: other connections of the caller must have their turn.
const READS: usize = 8;

thread_local! {
    /// One for all connections of a thread: each read would have to clear its own.
    static READ_BUFFER: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ_SIZE].into_boxed_slice());
}

/// A TCP connection and what goes over it.
#[derive(Debug)]
pub(super) struct Transport {
    link: Link,
    pub(super) session: ClientSession,
    handshake_deadline: Instant,
    /// Since when the peer has taken nothing of what there is for it.
    stalled_since: Option<Instant>,
    pub(super) closed: bool,
    /// Why, if not by the peer's wish.
    pub(super) broken: Option<Errno>,
}

impl Transport {
    /// `handshake_deadline`: until when TLS has to be established.
    pub(super) fn new(
        stream: TcpStream,
        session: ClientSession,
        handshake_deadline: Instant,
    ) -> Result<Self, Problem> {
        let link = Link::new(stream).map_err(|error| Problem::Broken(errno(&error)))?;
        Ok(Self { link, session, handshake_deadline, stalled_since: None, closed: false, broken: None })
    }

    /// Reads what is there, within bounds.
    pub(super) fn receive(&mut self) -> Result<(), Problem> {
        READ_BUFFER.with_borrow_mut(|buffer| self.receive_into(buffer))
    }

    fn receive_into(&mut self, buffer: &mut [u8]) -> Result<(), Problem> {
        for _ in 0..READS {
            match self.link.read(buffer) {
                Ok(Some(0)) => {
                    self.closed = true;
                    return Ok(());
                }
                Ok(Some(count)) => {
                    self.session.receive(buffer.get(..count).unwrap_or_default());
                    if count < READ_SIZE {
                        return Ok(());
                    }
                }
                Ok(None) => return Ok(()),
                // What arrived before is still told.
                Err(error) if self.session.is_established() => {
                    self.closed = true;
                    self.broken = Some(errno(&error));
                    return Ok(());
                }
                Err(_) => return Err(Problem::ClosedInHandshake),
            }
        }
        Ok(())
    }

    /// Sends what the socket takes.
    pub(super) fn flush(&mut self, now: Instant) -> Result<(), Problem> {
        let output = self.session.output();
        if output.is_empty() {
            return Ok(());
        }
        if self.session.queued_bytes() > OUTPUT_LIMIT {
            return Err(Problem::Stalled);
        }
        match self.link.send(output) {
            Ok(sent) => {
                self.session.sent(sent);
                if self.session.output().is_empty() {
                    self.stalled_since = None;
                } else if sent > 0 || self.stalled_since.is_none() {
                    self.stalled_since = Some(now);
                }
                Ok(())
            }
            Err(_) if !self.session.is_established() => Err(Problem::ClosedInHandshake),
            // Reading tells the end, after what the peer still said.
            Err(error) if self.closed => Err(Problem::Broken(errno(&error))),
            Err(_) => {
                self.session.discard_output();
                self.receive()?;
                self.closed = true;
                Ok(())
            }
        }
    }

    /// When [`check_limits`](Self::check_limits) has something to say.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let handshake = Some(self.handshake_deadline).filter(|_| !self.session.is_established());
        [handshake, self.stall_deadline()].into_iter().flatten().min()
    }

    /// When the peer counts as stalled, unless it takes something before.
    fn stall_deadline(&self) -> Option<Instant> {
        self.stalled_since.map(|since| since + STALL_LIMIT)
    }

    /// Has the peer had all the time that it has?
    pub(super) fn check_limits(&self, now: Instant) -> Result<(), Problem> {
        if now >= self.handshake_deadline && !self.session.is_established() {
            return Err(Problem::HandshakeTimedOut);
        }
        if self.stall_deadline().is_some_and(|deadline| now >= deadline) {
            return Err(Problem::Stalled);
        }
        Ok(())
    }

    /// The socket, to be watched.
    pub(super) fn descriptor(&self) -> BorrowedFd<'_> {
        self.link.descriptor()
    }

    /// Says goodbye, as far as the socket takes it at once.
    pub(super) fn close(&mut self) {
        self.session.close();
        let _ = self.link.send(self.session.output());
    }
}

fn errno(error: &io::Error) -> Errno {
    error.raw_os_error().map_or(Errno::EIO, Errno::from_raw)
}
