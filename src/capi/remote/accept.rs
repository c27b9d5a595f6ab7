// SPDX-License-Identifier: LGPL-2.1-or-later
//! Sockets that come in.

use std::ffi::{c_char, c_int, c_uint, c_void};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::capi::entry::entry;
use crate::model::timespec;

/// Room that callers give to an address.
const ADDRESS_LENGTH: u32 = 46;

unsafe extern "C" {
    fn inet_ntop(family: c_int, address: *const c_void, text: *mut c_char, length: u32) -> *const c_char;
}

entry! {
    /// Writes an IP address as text: at most 46 bytes, NUL included; `<invalid>` for another family's.
    ///
    /// # Safety
    /// `address` is NULL or a socket address as long as its family needs; `text` is NULL or has room for 46 bytes.
    pub unsafe fn pcmk__sockaddr2str(address: *const c_void, text: *mut c_char) {
        if text.is_null() {
            return;
        }
        // SAFETY: an address of its family, by the caller's promise, and room for any text of it.
        let written = unsafe {
            match address.cast::<libc::sockaddr>().as_ref().map(|address| c_int::from(address.sa_family)) {
                Some(libc::AF_INET) => {
                    let place = &raw const (*address.cast::<libc::sockaddr_in>()).sin_addr;
                    inet_ntop(libc::AF_INET, place.cast(), text, ADDRESS_LENGTH)
                }
                Some(libc::AF_INET6) => {
                    let place = &raw const (*address.cast::<libc::sockaddr_in6>()).sin6_addr;
                    inet_ntop(libc::AF_INET6, place.cast(), text, ADDRESS_LENGTH)
                }
                _ => std::ptr::null(),
            }
        };
        if written.is_null() {
            const INVALID: &std::ffi::CStr = c"<invalid>";
            // SAFETY: ten bytes fit into the caller's 46.
            unsafe { text.copy_from_nonoverlapping(INVALID.as_ptr(), INVALID.count_bytes() + 1) };
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
    // SAFETY: all zeroes are a valid address of no family.
    let mut address: libc::sockaddr_storage = unsafe { std::mem::zeroed() };
    let mut length = size_of::<libc::sockaddr_storage>() as libc::socklen_t;
    let flags = libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
    // SAFETY: an address and its length, both ours.
    let socket = unsafe { libc::accept4(listener, (&raw mut address).cast(), &raw mut length, flags) };
    if socket < 0 {
        return Err(errno());
    }
    log::info!("Accepted a remote client's connection from {}", peer(&address));
    // A socket that is not TCP's has no such option, and needs none.
    let _ = set(socket, libc::TCP_NODELAY, 1);
    let watchdog = std::env::var("SBD_WATCHDOG_TIMEOUT").ok().and_then(|text| timespec::milliseconds(&text));
    if let Some(time) = watchdog.filter(|time| *time > 0) {
        let half = c_uint::try_from(time / 2).unwrap_or(c_uint::MAX);
        if let Err(code) = set(socket, libc::TCP_USER_TIMEOUT, half) {
            // SAFETY: ours, and nobody else knows it.
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

fn peer(address: &libc::sockaddr_storage) -> String {
    let place: *const libc::sockaddr_storage = address;
    // SAFETY: a storage is as large as any address, and aligned for it; the family says which it holds.
    let ip = unsafe {
        match c_int::from(address.ss_family) {
            libc::AF_INET => {
                let address = (*place.cast::<libc::sockaddr_in>()).sin_addr.s_addr;
                IpAddr::from(Ipv4Addr::from(address.to_ne_bytes()))
            }
            libc::AF_INET6 => {
                IpAddr::from(Ipv6Addr::from((*place.cast::<libc::sockaddr_in6>()).sin6_addr.s6_addr))
            }
            _ => return "this host".to_owned(),
        }
    };
    ip.to_string()
}
