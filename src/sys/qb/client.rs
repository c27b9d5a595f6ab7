// SPDX-License-Identifier: LGPL-2.1-or-later
//! A client of somebody's libqb server. Its calls wait; the daemons' loops do not use it.
use super::bindings as qb;
use nix::errno::Errno;
use std::ffi::{CString, c_void};
use std::os::fd::{BorrowedFd, RawFd};
use std::ptr::NonNull;

/// A connection to a server; dropping it disconnects.
#[derive(Debug)]
pub struct Client {
    raw: NonNull<qb::qb_ipcc_connection_t>,
}

// SAFETY: libqb keeps what belongs to a client's connection in the connection alone (sockets, and rings with semaphores
// that processes share), nothing in the thread that made it; without Sync one thread at a time uses it.
unsafe impl Send for Client {}

impl Client {
    /// Connects to the server `name`, asking for buffers of `buffer_size` bytes at least.
    pub fn connect(name: &str, buffer_size: usize) -> Result<Self, Errno> {
        let name = CString::new(name).map_err(|_| Errno::EINVAL)?;
        // SAFETY: the name is valid for the call.
        let raw = unsafe { qb::qb_ipcc_connect(name.as_ptr(), buffer_size) };
        NonNull::new(raw).map(|raw| Self { raw }).ok_or_else(Errno::last)
    }

    /// The longest message in bytes, libqb's header included.
    pub fn buffer_size(&self) -> usize {
        // SAFETY: the connection is ours and alive.
        usize::try_from(unsafe { qb::qb_ipcc_get_buffer_size(self.raw.as_ptr()) }).unwrap_or(0)
    }

    /// Sends a message, which begins with libqb's request header.
    pub fn send(&self, message: &[u8]) -> Result<(), Errno> {
        if message.len() < size_of::<[u64; 2]>() {
            return Err(Errno::EINVAL);
        }
        // SAFETY: `message` is valid for its length, which covers the header that libqb reads.
        check(unsafe { qb::qb_ipcc_send(self.raw.as_ptr(), message.as_ptr().cast(), message.len()) })
            .map(drop)
    }

    /// Waits for a response; negative: without limit.
    pub fn receive(&self, timeout_ms: i32) -> Result<Vec<u8>, Errno> {
        self.take(qb::qb_ipcc_recv, timeout_ms)
    }

    /// Waits for an event; negative: without limit.
    pub fn receive_event(&self, timeout_ms: i32) -> Result<Vec<u8>, Errno> {
        self.take(qb::qb_ipcc_event_recv, timeout_ms)
    }

    /// Readable when an event is there, or the server is gone.
    pub fn event_fd(&self) -> Result<BorrowedFd<'_>, Errno> {
        let mut fd: RawFd = -1;
        // SAFETY: `fd` lives for the call.
        let result = unsafe { qb::qb_ipcc_fd_get(self.raw.as_ptr(), &raw mut fd) };
        if result < 0 || fd < 0 {
            return Err(Errno::from_raw(-result));
        }
        // SAFETY: the descriptor stays open while the connection does, which the lifetime ensures.
        Ok(unsafe { BorrowedFd::borrow_raw(fd) })
    }

    /// User and group of the server, as the kernel told when we connected.
    pub fn server_identity(&self) -> Result<(u32, u32), Errno> {
        let (mut pid, mut uid, mut gid) = (0, 0, 0);
        // SAFETY: the connection is ours and alive; the places live for the call.
        let result =
            unsafe { qb::qb_ipcc_auth_get(self.raw.as_ptr(), &raw mut pid, &raw mut uid, &raw mut gid) };
        if result == 0 { Ok((uid, gid)) } else { Err(Errno::from_raw(-result)) }
    }

    /// Is the server still there, as far as libqb knows?
    pub fn is_connected(&self) -> bool {
        // SAFETY: the connection is ours and alive.
        unsafe { qb::qb_ipcc_is_connected(self.raw.as_ptr()) != 0 }
    }

    /// The same into the caller's buffer, which has [`buffer_size`](Self::buffer_size) bytes at least; the message's
    /// length.
    pub fn receive_into(&self, buffer: &mut [u8], timeout_ms: i32) -> Result<usize, Errno> {
        self.fill(qb::qb_ipcc_recv, buffer, timeout_ms)
    }

    /// The same for an event.
    pub fn receive_event_into(&self, buffer: &mut [u8], timeout_ms: i32) -> Result<usize, Errno> {
        self.fill(qb::qb_ipcc_event_recv, buffer, timeout_ms)
    }

    fn take(&self, function: Receive, timeout_ms: i32) -> Result<Vec<u8>, Errno> {
        let mut message = vec![0; self.buffer_size()];
        let size = self.fill(function, &mut message, timeout_ms)?;
        message.truncate(size);
        Ok(message)
    }

    fn fill(&self, function: Receive, buffer: &mut [u8], timeout_ms: i32) -> Result<usize, Errno> {
        // SAFETY: `buffer` is writable for its length.
        check(unsafe { function(self.raw.as_ptr(), buffer.as_mut_ptr().cast(), buffer.len(), timeout_ms) })
    }
}

type Receive = unsafe extern "C" fn(*mut qb::qb_ipcc_connection_t, *mut c_void, usize, i32) -> isize;

fn check(result: isize) -> Result<usize, Errno> {
    usize::try_from(result).map_err(|_| i32::try_from(-result).map_or(Errno::EIO, Errno::from_raw))
}

impl Drop for Client {
    fn drop(&mut self) {
        // SAFETY: the connection is ours and nobody else has it.
        unsafe { qb::qb_ipcc_disconnect(self.raw.as_ptr()) };
    }
}
