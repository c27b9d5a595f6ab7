// SPDX-License-Identifier: LGPL-2.1-or-later
//! One client of a server.
use super::bindings as qb;
use super::sigbus;
use nix::errno::Errno;
use std::cell::Cell;
use std::fmt;
use std::ptr::NonNull;
use std::rc::Rc;

/// Bytes of libqb's response header: id, size and error, each aligned to eight.
const RESPONSE_HEADER: usize = 24;

/// Unique among the connections of a thread's servers; never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Sent {
    /// The client has it, or will when it looks.
    Done,
    /// No room now: try again later.
    WouldBlock,
}

/// What a connection and libqb's callbacks share.
pub(super) struct Slot {
    pub(super) id: ConnectionId,
    /// Until libqb's closed callback, after which libqb frees the connection.
    pub(super) open: Cell<bool>,
}

/// A connected client; dropping it disconnects.
///
/// It holds none of libqb's references: a server that is destroyed takes one from each connection that it still
/// knows, closed or not. So the pointer is used only while the slot is open.
pub struct Connection {
    raw: NonNull<qb::qb_ipcs_connection_t>,
    slot: Rc<Slot>,
    /// Process id of the client when it connected.
    pub pid: i32,
    /// Effective user id of the client when it connected.
    pub uid: u32,
    /// Effective group id of the client when it connected.
    pub gid: u32,
}

impl Connection {
    /// # Safety
    /// `raw` is a live connection, and stays it until libqb's closed callback, which closes `slot`.
    pub(super) unsafe fn new(
        raw: NonNull<qb::qb_ipcs_connection_t>,
        slot: Rc<Slot>,
        (uid, gid, pid): (u32, u32, i32),
    ) -> Self {
        Self { raw, slot, pid, uid, gid }
    }

    /// Its identity.
    pub fn id(&self) -> ConnectionId {
        self.slot.id
    }

    /// Has the client neither left nor been disconnected?
    pub fn is_open(&self) -> bool {
        self.slot.open.get()
    }

    /// The longest message in bytes, libqb's header included, that either side may send; 0 when it is closed.
    pub fn buffer_size(&self) -> usize {
        if !self.is_open() {
            return 0;
        }
        // SAFETY: the connection is open, so libqb has not freed it.
        usize::try_from(unsafe { qb::qb_ipcs_connection_get_buffer_size(self.raw.as_ptr()) }).unwrap_or(0)
    }

    /// Sends a response. `message` begins with libqb's response header.
    pub fn send_response(&self, message: &[u8]) -> Result<Sent, Errno> {
        self.send(message, qb::qb_ipcs_response_send)
    }

    /// Sends an event. `message` begins with libqb's response header.
    pub fn send_event(&self, message: &[u8]) -> Result<Sent, Errno> {
        self.send(message, qb::qb_ipcs_event_send)
    }

    /// Disconnects the client; its `Closed` event follows. Does nothing when it is gone already.
    pub fn disconnect(&self) {
        if self.slot.open.get() {
            // SAFETY: the connection is open, so libqb has not freed it. Connections are handed out as events
            // after libqb's callbacks have returned, so we are never inside one here.
            unsafe { qb::qb_ipcs_disconnect(self.raw.as_ptr()) };
        }
    }

    fn send(&self, message: &[u8], function: SendFunction) -> Result<Sent, Errno> {
        if !self.slot.open.get() {
            return Err(Errno::ENOTCONN);
        }
        if message.len() < RESPONSE_HEADER {
            return Err(Errno::EINVAL);
        }
        if message.len() > self.buffer_size() {
            return Err(Errno::EMSGSIZE);
        }
        // SAFETY: `message` is valid for its length; the connection is open, so libqb's rings and sockets are.
        let send = || unsafe { function(self.raw.as_ptr(), message.as_ptr().cast(), message.len()) };
        let (result, fault) = sigbus::guarded(send);
        if fault {
            self.disconnect();
            return Err(Errno::EFAULT);
        }
        match i32::try_from(-result).map(Errno::from_raw) {
            _ if result >= 0 => Ok(Sent::Done),
            Ok(Errno::EAGAIN | Errno::ETIMEDOUT | Errno::ENOBUFS) => Ok(Sent::WouldBlock),
            Ok(errno) => Err(errno),
            Err(_) => Err(Errno::EIO),
        }
    }
}

type SendFunction =
    unsafe extern "C" fn(*mut qb::qb_ipcs_connection_t, *const std::ffi::c_void, usize) -> isize;

impl Drop for Connection {
    fn drop(&mut self) {
        self.disconnect();
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("id", &self.slot.id)
            .field("pid", &self.pid)
            .finish_non_exhaustive()
    }
}
