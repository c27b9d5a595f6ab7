// SPDX-License-Identifier: LGPL-2.1-or-later
//! A client of somebody's libqb server. Its calls wait; the daemons' loops do not use it.
//!
//! [`Client::connect`] is the only way to a server, and looks twice at who it is. libqb sends a greeting (24 bytes: the size
//! of the buffers) as soon as it has connected, so the first look is at a connection of our own, which sends nothing. The
//! name can change hands between that and libqb's own connection: the second look is at the latter, after the greeting, and
//! before the server's answer is read, which names the shared memory to be opened.
use super::bindings as qb;
use super::names;
use super::trust::{ConnectError, Trusted, check as check_holder};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{MsgFlags, Shutdown, recv, shutdown};
use std::ffi::{CString, c_void};
use std::mem::ManuallyDrop;
use std::os::fd::{BorrowedFd, RawFd};
use std::ptr::NonNull;
use std::time::Duration;

/// How long a server that is trusted may take to answer the greeting.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);
const SLICE_MS: u8 = 100;

/// A connection to a server; dropping it disconnects.
#[derive(Debug)]
pub struct Client {
    raw: NonNull<qb::qb_ipcc_connection_t>,
}

// SAFETY: libqb keeps what belongs to a client's connection in the connection alone (sockets, and rings with semaphores
// that processes share), nothing in the thread that made it; without Sync one thread at a time uses it.
unsafe impl Send for Client {}

impl Client {
    /// Connects to the server `name`, asking for buffers of `buffer_size` bytes at least. Waits up to ten seconds for the
    /// answer of a server that is `trusted`, and not at all for another one, which gets nothing from us.
    ///
    /// # Errors
    /// There is no server, it is not trusted, or it does not answer.
    pub fn connect(name: &str, buffer_size: usize, trusted: Trusted) -> Result<Self, ConnectError> {
        // Where names are files in a directory in which we can make none we do not know the directory: then libqb's own
        // connection is the only one that is looked at.
        if let Ok(names) = names::find() {
            let socket = names.reach(name).map_err(ConnectError::Failed)?;
            check_holder(name, &socket, trusted)?;
        }
        Self::greet(name, buffer_size, trusted, ANSWER_LIMIT)
    }

    /// Connects without the first look.
    pub(super) fn greet(
        name: &str,
        buffer_size: usize,
        trusted: Trusted,
        limit: Duration,
    ) -> Result<Self, ConnectError> {
        let begun = Begun::start(name, buffer_size).map_err(ConnectError::Failed)?;
        check_holder(name, &begun.socket(), trusted)?;
        if !begun.is_answered(limit).map_err(ConnectError::Failed)? {
            return Err(ConnectError::NoAnswer { name: name.to_owned() });
        }
        begun.finish().map_err(ConnectError::Failed)
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

/// A connection that has sent libqb's greeting and has not read the answer.
struct Begun {
    raw: NonNull<qb::qb_ipcc_connection_t>,
    socket: RawFd,
}

impl Begun {
    fn start(name: &str, buffer_size: usize) -> Result<Self, Errno> {
        let name = CString::new(name).map_err(|_| Errno::EINVAL)?;
        let mut socket: RawFd = -1;
        // SAFETY: name and place are valid for the call.
        let raw = unsafe { qb::qb_ipcc_connect_async(name.as_ptr(), buffer_size, &raw mut socket) };
        NonNull::new(raw).map(|raw| Self { raw, socket }).ok_or_else(Errno::last)
    }

    fn socket(&self) -> BorrowedFd<'_> {
        // SAFETY: libqb opened the descriptor and closes it in `connect_continue` only, which consumes `self`.
        unsafe { BorrowedFd::borrow_raw(self.socket) }
    }

    /// Waits until there is an answer, or the end of the connection; false: not in time.
    fn is_answered(&self, limit: Duration) -> Result<bool, Errno> {
        // A signal can cut a slice short, and the limit with it, but never make it longer.
        for _ in 0..limit.as_millis() / u128::from(SLICE_MS) {
            match poll(&mut [PollFd::new(self.socket(), PollFlags::POLLIN)], PollTimeout::from(SLICE_MS)) {
                Ok(0) | Err(Errno::EINTR) => {}
                other => return other.map(|_| true),
            }
        }
        Ok(false)
    }

    /// Reads the answer and opens what it names.
    fn finish(self) -> Result<Client, Errno> {
        let raw = ManuallyDrop::new(self).raw;
        // SAFETY: the connection is ours; libqb frees it if this fails, and nobody uses it then.
        match unsafe { qb::qb_ipcc_connect_continue(raw.as_ptr()) } {
            0 => Ok(Client { raw }),
            result => Err(Errno::from_raw(result.wrapping_neg())),
        }
    }
}

impl Drop for Begun {
    /// libqb has no call that gives such a connection up, but finishing it fails, and frees it, when the server has closed.
    /// So that is what libqb finds: no bytes, and none can come.
    fn drop(&mut self) {
        let _ = shutdown(self.socket, Shutdown::Both);
        let mut bytes = [0; 4096];
        while recv(self.socket, &mut bytes, MsgFlags::MSG_DONTWAIT).is_ok_and(|count| count > 0) {}
        // SAFETY: the connection is ours; libqb frees it, since there is no answer, and nobody uses it afterwards.
        unsafe { qb::qb_ipcc_connect_continue(self.raw.as_ptr()) };
    }
}
