// SPDX-License-Identifier: LGPL-2.1-or-later
//! The connection that a handle has at present. It is borrowed for single steps only, never while C code runs.

use std::cell::{Cell, RefCell};

use crate::driver::client::Connection;

/// Which of a handle's connections: what is under way for an earlier one stops.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Generation(u64);

/// The connection, or the place for one.
#[derive(Debug, Default)]
pub(super) struct CurrentConnection {
    connection: RefCell<Option<Connection>>,
    generation: Cell<Generation>,
}

impl CurrentConnection {
    /// Changes whenever the connection does.
    pub(super) fn generation(&self) -> Generation {
        self.generation.get()
    }

    /// Replaces the connection, and ends the one that was there.
    pub(super) fn set(&self, connection: Option<Connection>) {
        self.generation.set(Generation(self.generation.get().0 + 1));
        let before = self.connection.replace(connection);
        drop(before);
    }

    /// Uses the connection; None without one, or from within a log callback of its own.
    pub(super) fn with<T>(&self, work: impl FnOnce(&mut Connection) -> T) -> Option<T> {
        self.try_with(|connection| connection.map(work)).flatten()
    }

    /// Uses the connection, or that there is none. None: it is in use, since a log callback of C has called us.
    pub(super) fn try_with<T>(&self, work: impl FnOnce(Option<&mut Connection>) -> T) -> Option<T> {
        self.connection.try_borrow_mut().ok().map(|mut connection| work(connection.as_mut()))
    }

    /// Are calls possible?
    pub(super) fn is_ready(&self) -> bool {
        self.connection.try_borrow().is_ok_and(|slot| slot.as_ref().is_some_and(Connection::is_ready))
    }
}
