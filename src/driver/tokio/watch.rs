// SPDX-License-Identifier: LGPL-2.1-or-later
//! Descriptors of our own in tokio's hands.
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Watches `fd` for something to read, from within a runtime with I/O.
///
/// # Errors
/// That of epoll_ctl(2).
pub(super) fn readable(fd: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    watch(fd, Interest::READABLE)
}

/// Watches `fd` for what is asked for, from within a runtime with I/O.
///
/// # Errors
/// That of epoll_ctl(2).
#[allow(
    deprecated,
    reason = "who owns a descriptor safely keeps what the replacement asks its caller to promise"
)]
pub(super) fn watch<T: AsFd + AsRawFd>(fd: T, interest: Interest) -> io::Result<AsyncFd<T>> {
    AsyncFd::with_interest(fd, interest)
}
