// SPDX-License-Identifier: LGPL-2.1-or-later
//! The one TCP option that no crate offers for any descriptor.
use std::io;
use std::os::fd::{AsFd, AsRawFd};

/// Has the kernel acknowledge what was received at once instead of waiting for something to send along. It
/// falls back by itself, so this is to be renewed for what is received later.
pub fn set_quick_ack(socket: &impl AsFd) -> io::Result<()> {
    let on: libc::c_int = 1;
    // SAFETY: the descriptor is open as long as it is borrowed; value and length belong together.
    let result = unsafe {
        libc::setsockopt(
            socket.as_fd().as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_QUICKACK,
            (&raw const on).cast(),
            size_of::<libc::c_int>() as libc::socklen_t,
        )
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
