// SPDX-License-Identifier: LGPL-2.1-or-later
//! Sockets that come in.

use std::ffi::{c_char, c_int, c_uint, c_void};
use std::io;
use std::net::IpAddr;

use nix::sys::socket::{SockaddrLike, SockaddrStorage};

use crate::capi::entry::entry;
use crate::model::timespec;

/// Room that callers give to an address, with its NUL.
const ADDRESS_LENGTH: usize = 46;

entry! {
    /// Writes an IP address as text: at most 46 bytes, NUL included; `<invalid>` for another family's.
    ///
    /// # Safety
    /// `address` is NULL or a socket address as long as its family needs; `text` is NULL or has room for 46 bytes.
    pub unsafe fn pcmk__sockaddr2str(address: *const c_void, text: *mut c_char) {
        if text.is_null() {
            return;
        }
        // SAFETY: NULL, or an address as long as its family needs, by the caller's promise.
        let address = unsafe { SockaddrStorage::from_raw(address.cast(), None) };
        let shown = address.as_ref().and_then(ip).map_or("<invalid>".to_owned(), |ip| ip.to_string());
        debug_assert!(shown.len() < ADDRESS_LENGTH);
        // SAFETY: no address is longer than the caller's room, NUL included.
        unsafe {
            text.copy_from_nonoverlapping(shown.as_ptr().cast(), shown.len());
            text.add(shown.len()).write(0);
        }
    }
}

entry! {
    /// Accepts a connection. Its socket does not block, is not inherited by programs that are started, sends small
    /// messages at once, and fails in half the time of the hardware watchdog (`SBD_WATCHDOG_TIMEOUT`), if there is one,
    /// when the peer no longer answers.
    ///
    /// Returns 0, or an errno; then `csock` is -1.
    ///
    /// # Safety
    /// `csock` may be written.
    pub unsafe fn pcmk__accept_remote_connection(
        ssock: c_int,
        csock: *mut c_int,
    ) -> c_int, failed = libc::EIO; {
        if csock.is_null() {
            return libc::EINVAL;
        }
        let accepted = accept(ssock);
        if let Err(code) = accepted {
            log::error!(
                "Could not accept a remote client's connection: {}",
                io::Error::from_raw_os_error(code)
            );
        }
        // SAFETY: the caller's promise.
        unsafe { csock.write(*accepted.as_ref().unwrap_or(&-1)) };
        accepted.err().unwrap_or(0)
    }
}

fn accept(listener: c_int) -> Result<c_int, c_int> {
    let flags = libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
    // SAFETY: all zeroes are a valid address of no family.
    let mut address: libc::sockaddr_storage = unsafe { std::mem::zeroed() };
    let mut length = size_of::<libc::sockaddr_storage>() as libc::socklen_t;
    let place = (&raw mut address).cast::<libc::sockaddr>();
    // SAFETY: an address and its length, both ours.
    let socket = unsafe { libc::accept4(listener, place, &raw mut length, flags) };
    if socket < 0 {
        return Err(errno());
    }
    // SAFETY: an address of this length, which the kernel has filled.
    let peer = unsafe { SockaddrStorage::from_raw(place, Some(length)) };
    let peer = peer.as_ref().and_then(ip).map_or("this host".to_owned(), |ip| ip.to_string());
    log::info!("Accepted a remote client's connection from {peer}");
    // A socket that is not TCP's has no such option, and needs none.
    let _ = set(socket, libc::TCP_NODELAY, 1);
    let watchdog = std::env::var("SBD_WATCHDOG_TIMEOUT").ok().and_then(|text| timespec::milliseconds(&text));
    if let Some(time) = watchdog.filter(|time| *time > 0) {
        let half = c_uint::try_from(time / 2).unwrap_or(c_uint::MAX);
        if let Err(code) = set(socket, libc::TCP_USER_TIMEOUT, half) {
            // SAFETY: ours, and nothing else refers to it.
            unsafe { libc::close(socket) };
            return Err(code);
        }
    }
    Ok(socket)
}

fn set(socket: c_int, option: c_int, value: c_uint) -> Result<(), c_int> {
    // SAFETY: value and length belong together.
    let result = unsafe {
        libc::setsockopt(
            socket,
            libc::IPPROTO_TCP,
            option,
            (&raw const value).cast(),
            size_of::<c_uint>() as libc::socklen_t,
        )
    };
    if result == 0 { Ok(()) } else { Err(errno()) }
}

fn errno() -> c_int {
    io::Error::last_os_error().raw_os_error().unwrap_or(libc::EIO)
}

/// None for an address of another family.
fn ip(address: &SockaddrStorage) -> Option<IpAddr> {
    let four = address.as_sockaddr_in().map(|address| IpAddr::from(address.ip()));
    four.or_else(|| address.as_sockaddr_in6().map(|address| IpAddr::from(address.ip())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::socket::{SockaddrIn, SockaddrIn6, UnixAddr};
    use std::ffi::CStr;
    use std::net::{SocketAddrV4, SocketAddrV6};

    fn shown(address: &dyn SockaddrLike) -> String {
        let mut text = [1 as c_char; ADDRESS_LENGTH];
        // SAFETY: an address as long as its family needs, and the room that is asked for.
        unsafe {
            pcmk__sockaddr2str(address.as_ptr().cast(), text.as_mut_ptr());
            CStr::from_ptr(text.as_ptr()).to_str().unwrap().to_owned()
        }
    }

    #[test]
    fn addresses_are_shown_and_others_are_invalid() {
        let four: SocketAddrV4 = "192.0.2.255:3121".parse().unwrap();
        let longest: SocketAddrV6 = "[2001:db8:1234:5678:9abc:def0:1234:5678]:1".parse().unwrap();
        let mapped: SocketAddrV6 = "[::ffff:192.0.2.1]:1".parse().unwrap();
        assert_eq!(shown(&SockaddrIn::from(four)), "192.0.2.255");
        assert_eq!(shown(&SockaddrIn6::from(longest)), "2001:db8:1234:5678:9abc:def0:1234:5678");
        assert_eq!(shown(&SockaddrIn6::from(mapped)), "::ffff:192.0.2.1");
        assert_eq!(shown(&UnixAddr::new("/run/x").unwrap()), "<invalid>");
        let mut text = [1 as c_char; ADDRESS_LENGTH];
        // SAFETY: NULL is allowed.
        unsafe {
            pcmk__sockaddr2str(std::ptr::null(), text.as_mut_ptr());
            assert_eq!(CStr::from_ptr(text.as_ptr()), c"<invalid>");
        }
    }
}
