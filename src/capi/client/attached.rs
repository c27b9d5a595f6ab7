// SPDX-License-Identifier: LGPL-2.1-or-later
//! A connection in the caller's main loop: one source, of high priority as upstream's.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Instant;

use super::handle::Handle;
use super::pacing::{Place, Work};
use crate::capi::abi::{BEHAVIOUR, LrmdEventData};
use crate::capi::client::outcome;
use crate::driver::client::{Connection, Event, Wanted};
use crate::sys::glib::{Interest, Priority, Source, Watch};
use crate::sys::unwind::{self, guard};

/// Events of one turn of the loop: the others must have theirs.
const EVENTS: usize = 100;

/// The source of one connection.
#[derive(Debug)]
pub(super) struct Attachment {
    source: Source,
    watched: Cell<Option<(Watch, Wanted, u32)>>,
    place: Place,
}

impl Attachment {
    /// Makes the source's wishes those of the connection.
    fn follow(&self, connection: &mut Connection, called: bool) {
        let wish = connection.descriptor();
        let (watched, wanted) = (self.watched.get(), wish.map(|(_, wanted, turn)| (wanted, turn)));
        if watched.map(|(_, wanted, turn)| (wanted, turn)) != wanted {
            match (watched, wish) {
                (Some((watch, _, old)), Some((_, wanted, turn))) if old == turn => {
                    self.source.change(watch, interest(wanted));
                    self.watched.set(Some((watch, wanted, turn)));
                }
                (watched, wish) => {
                    if let Some((watch, ..)) = watched {
                        self.source.unwatch(watch);
                    }
                    let watch = wish.map(|(descriptor, wanted, turn)| {
                        (self.source.watch(descriptor, interest(wanted)), wanted, turn)
                    });
                    self.watched.set(watch);
                }
            }
        }
        if connection.has_events() || called {
            self.source.wake();
        } else {
            let left = connection.deadline().map(remaining);
            self.source.set_timer(left);
        }
    }
}

const fn interest(wanted: Wanted) -> Interest {
    Interest { read: wanted.read, write: wanted.write }
}

#[allow(clippy::disallowed_methods, reason = "GLib's timers count from now")]
fn remaining(deadline: Instant) -> std::time::Duration {
    deadline.saturating_duration_since(Instant::now())
}

impl Handle {
    /// Has the main loop drive the connection from now on.
    pub(super) fn attach(self: &Rc<Self>) {
        let weak = Rc::downgrade(self);
        let source = Source::attach(c"pcmk-remote-rs", Priority::High, move || {
            if let Some(handle) = weak.upgrade() {
                handle.guarded_turn();
            }
        });
        self.attachment.replace(Some(Attachment {
            source,
            watched: Cell::new(None),
            place: Place::default(),
        }));
        self.after_use();
    }

    /// To be called whenever the connection was used: what it waits for may have changed.
    pub(super) fn after_use(&self) {
        let (attachment, connection) = (self.attachment.try_borrow(), self.connection.try_borrow_mut());
        let (Ok(attachment), Ok(mut connection)) = (attachment, connection) else { return };
        if let (Some(attachment), Some(connection)) = (attachment.as_ref(), connection.as_mut()) {
            attachment.follow(connection, self.called.get());
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
            self.poison();
        }
    }

    /// One turn of the main loop: what was already there, then what the descriptor brings.
    fn turn(&self) {
        if !self.may_run() {
            return;
        }
        let _work = Work::begin();
        let generation = self.generation.get();
        self.deliver(generation);
        if self.generation.get() == generation {
            self.advance();
            // What follows upon a waited call is told by 2.1 from another source than the descriptor's.
            self.dispatching.set(!self.called.take());
            self.deliver(generation);
            self.dispatching.set(false);
        }
        if self.disconnect_owed.take() {
            self.emit_disconnect();
        }
        self.after_use();
    }

    /// May this connection work in this iteration? If not, it is asked again in the next: what made its source ready,
    /// descriptor or timer, stays as it is.
    fn may_run(&self) -> bool {
        self.attachment.borrow().as_ref().is_some_and(|attachment| attachment.place.may_run())
    }

    /// Reads and writes what can be read and written without waiting.
    pub(super) fn advance(&self) {
        if let Some(connection) = self.connection.borrow_mut().as_mut() {
            connection.advance();
        }
    }

    /// Tells C what the connection knows, until another connection has taken its place.
    pub(super) fn deliver(&self, generation: u64) {
        for _ in 0..EVENTS {
            if self.generation.get() != generation || self.dead.get() {
                return;
            }
            let event = self.connection.borrow_mut().as_mut().and_then(Connection::next_event);
            match event {
                Some(Event::Notification(notification)) => outcome::tell(self, &notification),
                Some(Event::SignedOn(registered)) => {
                    self.signed_on(&registered);
                    if self.event_owed.take() {
                        let dispatching = self.dispatching.get();
                        self.dispatching.set(dispatching && BEHAVIOUR.connect_event_is_dispatched);
                        self.emit_connect(0);
                        self.dispatching.set(dispatching);
                    }
                }
                Some(Event::Ended(problem)) => self.ended(&problem),
                None => return,
            }
        }
    }

    /// Tells C that the connection is over.
    pub(super) fn emit_disconnect(&self) {
        if !self.dead.get() {
            self.emit(&mut LrmdEventData { r#type: outcome::DISCONNECT, ..LrmdEventData::empty() });
        }
    }

    /// Tells C how an attempt to connect ended.
    pub(super) fn emit_connect(&self, connection_rc: std::ffi::c_int) {
        if !self.dead.get() {
            self.emit(&mut LrmdEventData {
                r#type: outcome::CONNECT,
                connection_rc,
                ..LrmdEventData::empty()
            });
        }
    }
}
