// SPDX-License-Identifier: LGPL-2.1-or-later
//! Descriptors of our own in tokio's hands.
use std::io;
use std::os::fd::OwnedFd;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Watches `fd` for something to read, from within a runtime with I/O.
///
/// # Errors
/// That of epoll_ctl(2).
#[allow(deprecated, reason = "an OwnedFd keeps what the unsafe replacement asks its caller to promise")]
pub(super) fn readable(fd: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    AsyncFd::with_interest(fd, Interest::READABLE)
}
