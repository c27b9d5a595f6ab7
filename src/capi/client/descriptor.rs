// SPDX-License-Identifier: LGPL-2.1-or-later
//! Descriptor mode: the caller watches the descriptor and comes here.

use std::cell::Cell;
use std::ffi::c_int;
use std::os::fd::AsRawFd;

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags};
use nix::sys::eventfd::{EfdFlags, EventFd};

use super::handle::Handle;
use crate::capi::abi::api::Lrmd;
use crate::capi::entry::entry;
use crate::capi::rc;
use crate::driver::client::{Connection, Wanted};

entry! {
    /// Is there something to dispatch? 1 if so, also when it is in memory already and the descriptor is quiet; 0 if
    /// not; a negated errno without a connection. It never waits: `timeout` is ignored, as upstream does.
    ///
    /// # Safety
    /// `lrmd` is NULL or came from this library and was not deleted.
    pub unsafe fn lrmd_poll(lrmd: *mut Lrmd, _timeout: c_int) -> c_int, failed = rc::NOT_CONNECTED; |handle| {
        let ready = handle.connection.try_with(|connection| {
            let connection = connection.filter(|connection| connection.is_ready())?;
            Some(connection.has_events() || connection.is_readable())
        });
        match ready {
            Some(Some(something)) => something.into(),
            Some(None) => rc::NOT_CONNECTED,
            // Asked by a log callback, while the connection is in use.
            None => 0,
        }
    }
}

entry! {
    /// Takes what has come and tells the callback, for about 2 ms; if more is there, the descriptor stays ready. False
    /// when there is no connection (any longer).
    ///
    /// # Safety
    /// `lrmd` is NULL or came from this library and was not deleted.
    pub unsafe fn lrmd_dispatch(lrmd: *mut Lrmd) -> bool, failed = false; |handle| {
        handle.advance();
        handle.deliver(handle.connection.generation());
        handle.after_use();
        handle.is_ready()
    }
}

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
