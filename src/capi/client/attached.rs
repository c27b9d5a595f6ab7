// SPDX-License-Identifier: LGPL-2.1-or-later
//! A handle whose connection the caller's main loop drives.

use std::rc::Rc;

use super::attachment::Attachment;
use super::current::Generation;
use super::handle::Handle;
use super::outcome;
use super::pacing::Work;
use crate::capi::abi::{BEHAVIOUR, LrmdEventData};
use crate::driver::client::{Connection, Event};
use crate::sys::unwind::{self, guard};

impl Handle {
    /// Has the main loop drive the connection from now on.
    pub(super) fn attach(self: &Rc<Self>) {
        let weak = Rc::downgrade(self);
        self.attachment.replace(Some(Attachment::new(move || {
            if let Some(handle) = weak.upgrade() {
                handle.guarded_turn();
            }
        })));
        self.after_use();
    }

    /// To be called whenever the connection was used: what it waits for may have changed.
    pub(super) fn after_use(&self) {
        let Ok(attachment) = self.attachment.try_borrow() else { return };
        if let Some(attachment) = attachment.as_ref() {
            let called = self.delivery.follows_waited_call();
            self.connection.with(|connection| attachment.follow(connection, called));
        }
        if let Ok(readiness) = self.readiness.try_borrow()
            && let Some(readiness) = readiness.as_ref()
        {
            self.connection.with(|connection| readiness.follow(connection));
        }
    }

    /// After a panic C loses the connection, and hears of it, and nothing more of this handle.
    fn guarded_turn(&self) {
        if let Err(panic) = unwind::catch(|| self.turn()) {
            log::error!("main loop: an internal error was caught; please report it: {panic}");
            guard((), || {
                self.let_go();
                self.emit_disconnect();
            });
            self.lifecycle.poison();
        }
    }

    /// One turn of the main loop: what was already there, then what the descriptor brings. A turn that had to end early
    /// goes on where it was.
    fn turn(&self) {
        if !self.may_run() {
            return;
        }
        let work = Work::begin();
        let generation = self.connection.generation();
        let resumes = self.was_cut();
        if !resumes {
            self.deliver(generation);
        }
        if self.connection.generation() == generation && (resumes || !self.was_cut()) {
            self.advance();
            self.delivery.begin();
            self.deliver(generation);
        }
        if self.delivery.end() {
            self.emit_disconnect();
        }
        drop(work);
        self.after_use();
    }

    fn was_cut(&self) -> bool {
        self.connection.with(|connection| connection.was_cut()).unwrap_or(false)
    }

    fn may_run(&self) -> bool {
        let attachment = self.attachment.borrow();
        attachment.as_ref().is_some_and(|attachment| !attachment.rests() && attachment.may_run())
    }

    /// Reads and writes what can be read and written without waiting.
    pub(super) fn advance(&self) {
        self.connection.with(Connection::advance);
    }

    /// Tells C what the connection knows, until the turn is over or another connection has taken its place.
    pub(super) fn deliver(&self, generation: Generation) {
        loop {
            if self.connection.generation() != generation || self.lifecycle.is_deleted() {
                return;
            }
            match self.connection.with(Connection::next_event).flatten() {
                Some(Event::Notification(notification)) => outcome::tell(self, notification),
                Some(Event::SignedOn(registered)) => {
                    self.signed_on(&registered);
                    if !self.delivery.take_connect_event() {
                        continue;
                    }
                    if BEHAVIOUR.connect_event_is_dispatched {
                        self.emit_connect(0);
                    } else {
                        self.delivery.outside(|| self.emit_connect(0));
                    }
                }
                Some(Event::Ended(problem)) => self.ended(&problem),
                None => return,
            }
        }
    }

    /// Tells C that the connection is over.
    pub(super) fn emit_disconnect(&self) {
        self.emit(&mut LrmdEventData { r#type: outcome::DISCONNECT, ..LrmdEventData::empty() });
    }

    /// Tells C how an attempt to connect ended.
    pub(super) fn emit_connect(&self, connection_rc: std::ffi::c_int) {
        self.emit(&mut LrmdEventData { r#type: outcome::CONNECT, connection_rc, ..LrmdEventData::empty() });
    }
}
