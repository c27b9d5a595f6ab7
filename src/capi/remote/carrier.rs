// SPDX-License-Identifier: LGPL-2.1-or-later
//! Bytes through a TLS session or a plain socket. Nothing spins, and no peer can stop the caller for ever.
#![allow(clippy::disallowed_methods, reason = "these entry points wait themselves, as a driver does")]

use std::ffi::{c_int, c_void};
use std::io;
use std::ptr::NonNull;
use std::time::{Duration, Instant};

use crate::capi::abi;
use crate::capi::abi::remote::Remote;
use crate::sys::gnutls::{self, Functions};

/// How long a peer may take nothing of what is sent to it.
const PATIENCE: Duration = Duration::from_secs(60);

/// What carries a connection's bytes.
#[derive(Clone, Copy)]
pub(super) enum Carrier {
    Tls { session: NonNull<c_void>, gnutls: &'static Functions },
    Plain(c_int),
}

/// What came of reading.
pub(super) enum Read {
    Bytes(usize),
    /// Nothing is there now.
    Nothing,
    /// The connection has ended, or failed.
    End,
}

impl Carrier {
    /// The connection's carrier.
    ///
    /// # Errors
    /// ESOCKTNOSUPPORT: it has neither a session nor a socket.
    ///
    /// # Safety
    /// `remote` is a living connection of this process's layout.
    pub(super) unsafe fn of(remote: *const Remote) -> Result<Self, c_int> {
        // SAFETY: the caller's promise.
        if let Some(session) = unsafe { abi::layout().session_of(remote) } {
            let gnutls = gnutls::functions().ok_or(libc::ESOCKTNOSUPPORT)?;
            return Ok(Self::Tls { session, gnutls });
        }
        // SAFETY: the caller's promise.
        match unsafe { (*remote).tcp_socket } {
            // Up to 3.0.0 it is 0 where there is none, later -1.
            ..=0 => {
                log::error!("A remote connection has neither a TLS session nor a socket");
                Err(libc::ESOCKTNOSUPPORT)
            }
            socket => Ok(Self::Plain(socket)),
        }
    }

    pub(super) fn socket(self) -> c_int {
        match self {
            // SAFETY: a living session; what it gives back is the number that was put there as a pointer.
            Self::Tls { session, gnutls } => unsafe {
                let number = (gnutls.transport_get_ptr)(session.as_ptr()) as usize;
                c_int::try_from(number).unwrap_or(-1)
            },
            Self::Plain(socket) => socket,
        }
    }

    /// Bytes that are decrypted already, of which the socket says nothing.
    pub(super) fn pending(self) -> usize {
        match self {
            // SAFETY: a living session.
            Self::Tls { session, gnutls } => unsafe { (gnutls.record_check_pending)(session.as_ptr()) },
            Self::Plain(_) => 0,
        }
    }

    /// Reads once.
    ///
    /// # Safety
    /// `place` may be written for `room` bytes.
    pub(super) unsafe fn read(self, place: *mut c_void, room: usize) -> Read {
        loop {
            let (count, again) = match self {
                Self::Tls { session, gnutls } => {
                    // SAFETY: a living session; the room is the caller's promise.
                    let count = unsafe { (gnutls.record_recv)(session.as_ptr(), place, room) };
                    if count == gnutls::INTERRUPTED as isize {
                        continue;
                    }
                    (count, count == gnutls::AGAIN as isize)
                }
                Self::Plain(socket) => {
                    // SAFETY: the room is the caller's promise.
                    let count = unsafe { libc::read(socket, place, room) };
                    let kind = io::Error::last_os_error().kind();
                    if count < 0 && kind == io::ErrorKind::Interrupted {
                        continue;
                    }
                    (count, count < 0 && kind == io::ErrorKind::WouldBlock)
                }
            };
            return match usize::try_from(count) {
                Ok(0) => Read::End,
                Ok(count) => Read::Bytes(count),
                Err(_) if again => Read::Nothing,
                Err(_) => Read::End,
            };
        }
    }

    /// Sends all of it, as a TLS record of its own where there is TLS. Waits for room, but for a minute in all: a
    /// peer that takes a little now and then must not hold the caller up for longer.
    ///
    /// # Errors
    /// ECONNABORTED: a TLS connection is lost. For a plain one the errno, ETIMEDOUT if the peer takes nothing.
    pub(super) fn send(self, bytes: &[u8]) -> Result<(), c_int> {
        let mut rest = bytes;
        let deadline = Instant::now() + PATIENCE;
        while !rest.is_empty() {
            match self.write(rest) {
                Ok(0) => {
                    if !self.await_room(deadline)? {
                        return Err(self.lost(libc::ETIMEDOUT));
                    }
                }
                Ok(count) => rest = rest.get(count..).unwrap_or_default(),
                Err(code) => return Err(code),
            }
        }
        Ok(())
    }

    /// How much was taken; 0: there is no room.
    fn write(self, bytes: &[u8]) -> Result<usize, c_int> {
        match self {
            Self::Tls { session, gnutls } => {
                // SAFETY: a living session, and bytes that are there. After AGAIN it is called with the same bytes, as
                // GnuTLS asks.
                let count =
                    unsafe { (gnutls.record_send)(session.as_ptr(), bytes.as_ptr().cast(), bytes.len()) };
                if count == gnutls::AGAIN as isize || count == gnutls::INTERRUPTED as isize {
                    return Ok(0);
                }
                usize::try_from(count).map_err(|_| self.lost(0))
            }
            Self::Plain(socket) => {
                // SAFETY: bytes that are there. A peer that is gone is an error, not a signal.
                let count =
                    unsafe { libc::send(socket, bytes.as_ptr().cast(), bytes.len(), libc::MSG_NOSIGNAL) };
                let error = io::Error::last_os_error();
                match usize::try_from(count) {
                    Ok(count) => Ok(count),
                    Err(_)
                        if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) =>
                    {
                        Ok(0)
                    }
                    Err(_) => Err(error.raw_os_error().unwrap_or(libc::EIO)),
                }
            }
        }
    }

    fn lost(self, plain: c_int) -> c_int {
        match self {
            Self::Tls { .. } => libc::ECONNABORTED,
            Self::Plain(_) => plain,
        }
    }

    /// Waits until more can be sent; false at the deadline.
    fn await_room(self, deadline: Instant) -> Result<bool, c_int> {
        let left = deadline.saturating_duration_since(Instant::now());
        Ok(!left.is_zero() && poll(self.socket(), libc::POLLOUT, left)?)
    }
}

/// Waits until the socket is ready; false: it is not yet, in that time or for a signal.
///
/// # Errors
/// The errno of poll.
pub(super) fn poll(socket: c_int, events: i16, time: Duration) -> Result<bool, c_int> {
    let mut descriptor = libc::pollfd { fd: socket, events, revents: 0 };
    let time = c_int::try_from(time.as_micros().div_ceil(1000)).unwrap_or(c_int::MAX);
    // SAFETY: one descriptor, which is ours.
    match unsafe { libc::poll(&raw mut descriptor, 1, time) } {
        0 => Ok(false),
        count if count > 0 => Ok(true),
        _ => match io::Error::last_os_error().raw_os_error() {
            Some(libc::EINTR) | None => Ok(false),
            Some(errno) => Err(errno),
        },
    }
}
