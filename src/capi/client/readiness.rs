// SPDX-License-Identifier: LGPL-2.1-or-later
//! The descriptor of a connection in descriptor mode.

use std::cell::Cell;
use std::ffi::c_int;
use std::os::fd::AsRawFd;

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags};
use nix::sys::eventfd::{EfdFlags, EventFd};

use crate::driver::client::{Connection, Wanted};

/// The descriptor that C watches: readable while the connection's own is ready, or while something waits in memory.
#[derive(Debug)]
pub(super) struct Readiness {
    ready: Epoll,
    memory: EventFd,
    watched: Cell<Wanted>,
    raised: Cell<bool>,
}

impl Readiness {
    /// For a connection that is signed on: its descriptor does not change any more.
    ///
    /// # Errors
    /// There is no descriptor left.
    pub(super) fn new(connection: &Connection) -> Result<Self, Errno> {
        let ready = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        let memory = EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)?;
        ready.add(&memory, EpollEvent::new(EpollFlags::EPOLLIN, 0))?;
        let watched = Wanted { read: true, write: false };
        if let Some((descriptor, ..)) = connection.descriptor() {
            ready.add(descriptor, events(watched))?;
        }
        Ok(Self { ready, memory, watched: Cell::new(watched), raised: Cell::new(false) })
    }

    /// The descriptor.
    pub(super) fn descriptor(&self) -> c_int {
        self.ready.0.as_raw_fd()
    }

    /// Makes it say what is true of the connection now.
    pub(super) fn follow(&self, connection: &Connection) {
        if let Some((descriptor, wanted, _)) = connection.descriptor()
            && wanted != self.watched.get()
            && self.ready.modify(descriptor, &mut events(wanted)).is_ok()
        {
            self.watched.set(wanted);
        }
        let has_work = connection.has_work();
        if has_work != self.raised.get() {
            let changed =
                if has_work { self.memory.write(1).map(drop) } else { self.memory.read().map(drop) };
            self.raised.set(has_work == changed.is_ok());
        }
    }
}

fn events(wanted: Wanted) -> EpollEvent {
    let mut flags = EpollFlags::EPOLLIN;
    flags.set(EpollFlags::EPOLLOUT, wanted.write);
    EpollEvent::new(flags, 1)
}
