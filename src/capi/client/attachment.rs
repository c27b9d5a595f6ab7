// SPDX-License-Identifier: LGPL-2.1-or-later
//! The source by which the main loop drives a connection: one for each, of high priority as upstream's.

use std::cell::Cell;
use std::time::Instant;

use super::pacing::{self, QueuePlace};
use crate::driver::client::{Connection, Wanted};
use crate::sys::glib::{Interest, Priority, Source, Watch};

/// The source of one connection.
#[derive(Debug)]
pub(super) struct Attachment {
    source: Source,
    watched: Cell<Option<(Watch, Wanted, u32)>>,
    place: QueuePlace,
}

impl Attachment {
    /// Has the main loop call `turn` whenever the connection may have something to do.
    pub(super) fn new(turn: impl FnMut() + 'static) -> Self {
        Self {
            source: Source::attach(c"pcmk-remote-rs", Priority::High, turn),
            watched: Cell::new(None),
            place: QueuePlace::default(),
        }
    }

    /// May this connection work in this iteration? If not, it is asked again in the next: what made its source ready,
    /// descriptor or timer, stays as it is.
    pub(super) fn may_run(&self) -> bool {
        self.place.may_run()
    }

    /// Has the connection come back when it has rested, if it has to rest; true if so. Its descriptor is not watched
    /// meanwhile, since the loop would ask nothing else while it is ready.
    pub(super) fn rests(&self) -> bool {
        let Some(rest) = pacing::rest() else { return false };
        if let Some((watch, ..)) = self.watched.take() {
            self.source.unwatch(watch);
        }
        self.source.set_timer(Some(rest));
        true
    }

    /// Makes the source's wishes those of the connection.
    pub(super) fn follow(&self, connection: &mut Connection, called: bool) {
        if self.rests() {
            return;
        }
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
        if connection.has_work() || called {
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
