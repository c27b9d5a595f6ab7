// SPDX-License-Identifier: LGPL-2.1-or-later
//! Connections begin and end: waited for or not, in the caller's main loop or by a descriptor.

use std::ffi::{c_char, c_int};
use std::rc::Rc;
use std::time::Duration;

use nix::errno::Errno;

use super::handle::Handle;
use super::readiness::Readiness;
use super::settings;
use super::text::owned;
use crate::capi::abi::BEHAVIOUR;
use crate::capi::abi::api::Lrmd;
use crate::capi::entry::slot;
use crate::capi::rc::{self, Way};
use crate::driver::client::{Connection, Problem, Stage, with_remedy};
use crate::model::Registered;

slot! {
    /// Connects and waits until it is clear whether the executor takes us. With `fd` the caller gets the descriptor and
    /// uses `lrmd_poll()` and `lrmd_dispatch()`; without, the main loop drives the connection.
    ///
    /// # Safety
    /// `lrmd` came from this library; `client_name` is NULL or a C string; `fd` is NULL or may be written.
    pub(super) unsafe fn slot_connect(
        lrmd: *mut Lrmd,
        #[shown] client_name: *const c_char,
        fd: *mut c_int,
    ) -> c_int, failed = rc::NOT_CONNECTED; |handle| {
        // SAFETY: NULL or a C string, by the caller's promise.
        let name = unsafe { owned(client_name) };
        match handle.connect(name, fd.is_null()) {
            Ok(descriptor) => {
                // SAFETY: NULL or writable, by the caller's promise.
                if let Some(fd) = unsafe { fd.as_mut() } {
                    *fd = descriptor;
                }
                0
            }
            Err(error) => error,
        }
    }
}

slot! {
    /// Connects to a remote node from the main loop; exactly one connect event tells how it went, unless the caller
    /// disconnects before. `timeout` in milliseconds is for the host's name and TCP. The local executor is connected to
    /// at once.
    ///
    /// # Safety
    /// As for `connect`.
    pub(super) unsafe fn slot_connect_async(
        lrmd: *mut Lrmd,
        #[shown] client_name: *const c_char,
        timeout: c_int,
    ) -> c_int, failed = rc::NOT_CONNECTED; |handle| {
        if handle.callback.get().is_none() {
            return rc::INVALID;
        }
        if handle.is_remote() {
            return handle.begin_remote(timeout);
        }
        // SAFETY: NULL or a C string, by the caller's promise.
        let name = unsafe { owned(client_name) };
        match handle.connect(name, true) {
            Ok(_) => {
                handle.emit_connect(0);
                0
            }
            Err(error) => error,
        }
    }
}

slot! {
    /// 1 if calls are possible, else 0.
    ///
    /// # Safety
    /// `lrmd` came from this library.
    pub(super) unsafe fn slot_is_connected(lrmd: *mut Lrmd) -> c_int, failed = 0; |handle| {
        handle.is_ready().into()
    }
}

slot! {
    /// Ends the connection, if there is one. In the main loop a disconnect event follows.
    ///
    /// # Safety
    /// `lrmd` came from this library.
    pub(super) unsafe fn slot_disconnect(lrmd: *mut Lrmd) -> c_int, failed = 0; |handle| {
        handle.disconnect();
        0
    }
}

/// A problem with what to do about it, for the log.
fn advised(problem: &Problem) -> String {
    with_remedy(problem.to_string(), problem.remedy())
}

impl Handle {
    /// Connects and waits; the descriptor, or a negated errno.
    fn connect(self: &Rc<Self>, name: Option<String>, attach: bool) -> Result<c_int, c_int> {
        self.let_go();
        self.delivery.take_connect_event();
        match self.open(name) {
            Ok((connection, registered)) => {
                let readiness = if attach { None } else { Some(Readiness::new(&connection)) };
                let readiness = readiness.transpose().map_err(|errno| self.cannot_be_watched(errno))?;
                let descriptor = readiness.as_ref().map_or(-1, Readiness::descriptor);
                self.signed_on(&registered);
                self.connection.set(Some(connection));
                self.readiness.replace(readiness);
                if attach {
                    self.attach();
                }
                self.after_use();
                log::info!("Connected to {}", self.place);
                Ok(descriptor)
            }
            Err(problem) => {
                self.log_refusal(&problem);
                // Upstream's teardown tells of connections that never were.
                let tells = if problem.stage() < Stage::SignOn { self.is_remote() } else { attach };
                if tells {
                    self.emit_disconnect();
                }
                Err(rc::of_connect(&problem, Way::Waited))
            }
        }
    }

    fn log_refusal(&self, problem: &Problem) {
        log::warn!("Could not connect to {}: {}", self.place, advised(problem));
    }

    fn cannot_be_watched(&self, errno: Errno) -> c_int {
        log::error!("Could not connect to {}: no descriptor to watch it by: {}", self.place, errno.desc());
        rc::NOT_CONNECTED
    }

    fn open(&self, name: Option<String>) -> Result<(Connection, Registered), Problem> {
        let identity = settings::identity(name, self.proxy_callback().0.is_some());
        let mut connection = match settings::remote(&self.place, settings::CONNECT_LIMIT) {
            Some(remote) => Connection::remote(remote, identity)?,
            None => Connection::local(identity, (BEHAVIOUR.local_layout)())?,
        };
        let registered = connection.wait_for_sign_on()?;
        Ok((connection, registered))
    }

    /// Begins a connection in the main loop; 0 or a negated errno.
    fn begin_remote(self: &Rc<Self>, timeout: c_int) -> c_int {
        self.let_go();
        let name = settings::generated_name(&self.place);
        let identity = settings::identity(Some(name), self.proxy_callback().0.is_some());
        // Upstream looks for the first time after half a second.
        let limit = Duration::from_millis(u64::try_from(timeout).unwrap_or_default().max(500));
        let Some(remote) = settings::remote(&self.place, limit) else { return rc::INVALID };
        match Connection::remote(remote, identity) {
            Ok(connection) => {
                self.delivery.owe_connect_event();
                self.connection.set(Some(connection));
                self.attach();
                0
            }
            Err(problem) => {
                self.log_refusal(&problem);
                let error = rc::of_connect(&problem, Way::Waited);
                if BEHAVIOUR.immediate_failure_has_connect_event {
                    self.emit_connect(error);
                }
                error
            }
        }
    }

    /// Ends the connection without a word to C. Was it in the main loop?
    pub(super) fn let_go(&self) -> bool {
        // The source first: it must not watch a descriptor that is closed.
        let attachment = self.attachment.take();
        let attached = attachment.is_some();
        drop(attachment);
        self.readiness.replace(None);
        self.connection.set(None);
        self.start_state.replace(None);
        attached
    }

    /// C wants no more. The disconnect event waits for the end of a dispatch that is under way.
    fn disconnect(&self) {
        if self.end_connection() && !self.delivery.defer_disconnect() {
            self.emit_disconnect();
        }
    }

    /// C wants no more, and no dispatch is waited for.
    pub(super) fn disconnect_now(&self) {
        if self.end_connection() {
            self.emit_disconnect();
        }
        if self.delivery.take_disconnect() {
            self.emit_disconnect();
        }
    }

    /// Ends the connection because C wants no more. Is C to be told?
    fn end_connection(&self) -> bool {
        let connecting = self.delivery.take_connect_event();
        let handshaken = self.connection.with(|connection| connection.is_handshaken()).unwrap_or(false);
        let attached = self.let_go();
        // Of a connection that was still being made C hears nothing, unless it was nearly there.
        let nearly_there = BEHAVIOUR.unfinished_sign_on_has_disconnect_event && handshaken;
        let tells = attached && (!connecting || nearly_there);
        if tells {
            log::info!("Disconnected from {}", self.place);
        }
        tells
    }

    /// The connection is over, and not by C's wish. Upstream's order of events differs by release.
    pub(super) fn ended(&self, problem: &Problem) {
        let attached = self.let_go();
        log::warn!("Connection to {} is over: {}", self.place, advised(problem));
        if !self.delivery.take_connect_event() {
            if attached {
                self.emit_disconnect();
            }
            return;
        }
        let error = rc::of_connect(problem, Way::Event);
        let refused = problem.stage() == Stage::SignOn && error == -libc::EPROTO;
        let refused = refused
            || problem.stage() == Stage::Handshake
            || matches!(problem, Problem::ClosedAfterHandshake { .. });
        if BEHAVIOUR.refusal_event_precedes_disconnect && refused {
            self.emit_connect(error);
            self.emit_disconnect();
        } else {
            self.emit_disconnect();
            self.emit_connect(error);
        }
    }

    /// A call found the connection over. Over TLS that is told at once, as upstream does; local IPC's source tells.
    pub(super) fn settle_failed_call(&self) {
        let over = self.connection.with(|connection| connection.is_over()).unwrap_or(false);
        if over && self.is_remote() && self.let_go() && !self.delivery.defer_disconnect() {
            self.emit_disconnect();
        }
    }
}
