// SPDX-License-Identifier: LGPL-2.1-or-later
//! Reads what a child prints, without blocking and within bounds.
use super::{printed, watch};
use crate::agents::Stream;
use nix::errno::Errno;
use std::cell::RefCell;
use std::io;
use std::os::fd::OwnedFd;
use std::task::{Context, Poll};
use tokio::io::unix::{AsyncFd, AsyncFdReadyGuard};

/// One buffer for all children: what they print is copied out at once, so a quiet child costs no memory.
const SCRATCH_BYTES: usize = 64 * 1024;
thread_local!(static SCRATCH: RefCell<Vec<u8>> = RefCell::new(vec![0; SCRATCH_BYTES]));

/// The read end of one output of a child.
pub(super) struct Output {
    pipe: Pipe,
    stream: Stream,
}

enum Pipe {
    /// What comes waits in the pipe.
    Unwatched(OwnedFd),
    Watched(AsyncFd<OwnedFd>),
    Closed,
}

impl Output {
    /// `pipe` must not block.
    pub(super) fn new(pipe: OwnedFd) -> Self {
        Self { pipe: Pipe::Unwatched(pipe), stream: Stream::default() }
    }

    /// Has [`Self::poll`] read from now on.
    pub(super) fn watch(&mut self) -> io::Result<()> {
        self.pipe = match std::mem::replace(&mut self.pipe, Pipe::Closed) {
            Pipe::Unwatched(pipe) => Pipe::Watched(watch::readable(pipe)?),
            other => other,
        };
        Ok(())
    }

    /// Reads what is there, though no more at once than the buffer holds: a child that never stops printing has its
    /// turn with the others. Wakes the task when there may be more.
    pub(super) fn poll(&mut self, context: &mut Context<'_>) {
        let Pipe::Watched(pipe) = &self.pipe else { return };
        match pipe.poll_read_ready(context) {
            Poll::Pending => return,
            Poll::Ready(Err(_)) => self.pipe = Pipe::Closed,
            Poll::Ready(Ok(guard)) => {
                if read_ready(guard, &mut self.stream) == Read::Closed {
                    self.pipe = Pipe::Closed;
                }
            }
        }
        if let Pipe::Watched(pipe) = &self.pipe
            && pipe.poll_read_ready(context).is_ready()
        {
            context.waker().wake_by_ref();
        }
    }

    /// The child has ended: reads what it left in the pipe, and closes it. Whoever else holds the pipe and
    /// goes on printing is not waited for.
    pub(super) fn finish(mut self) -> Stream {
        self.read_rest();
        let stream = std::mem::take(&mut self.stream);
        printed::forget(&stream);
        stream
    }

    fn read_rest(&mut self) {
        /// The most that a pipe holds without privileges.
        const MOST_READS: usize = (1 << 20) / SCRATCH_BYTES;
        let pipe = match &self.pipe {
            Pipe::Unwatched(pipe) => pipe,
            Pipe::Watched(pipe) => pipe.get_ref(),
            Pipe::Closed => return,
        };
        for _ in 0..MOST_READS {
            // A short read has emptied the pipe.
            match read(pipe, &mut self.stream) {
                Ok(SCRATCH_BYTES) | Err(Errno::EINTR) => {}
                _ => break,
            }
        }
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        printed::forget(&self.stream);
    }
}

#[derive(PartialEq)]
enum Read {
    Open,
    Closed,
}

fn read_ready(mut guard: AsyncFdReadyGuard<'_, OwnedFd>, stream: &mut Stream) -> Read {
    match read(guard.get_inner(), stream) {
        Ok(SCRATCH_BYTES) | Err(Errno::EINTR) => Read::Open,
        Ok(0) => Read::Closed,
        // Short: the pipe is empty. An end of file that came along stays ready.
        Ok(_) | Err(Errno::EAGAIN) => {
            guard.clear_ready();
            Read::Open
        }
        Err(_) => Read::Closed,
    }
}

fn read(pipe: &OwnedFd, stream: &mut Stream) -> Result<usize, Errno> {
    SCRATCH.with_borrow_mut(|scratch| {
        let count = nix::unistd::read(pipe, scratch)?;
        printed::add(stream, scratch.get(..count).unwrap_or_default());
        Ok(count)
    })
}
