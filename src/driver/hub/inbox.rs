// SPDX-License-Identifier: LGPL-2.1-or-later
//! The only way to the hub: whatever happens is put here, and the hub takes it in at its next turn.
use crate::core::{Input, PeerId, PeerKind};
use crate::model::{LocalIdentity, ProxiedServer};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::task::Waker;

/// Messages of more bytes than this make the inbox full.
const FULL_BYTES: usize = 1024 * 1024;

/// And of more than this, for readers of local clients.
const FULL_FOR_LOCALS: usize = 64 * 1024;

/// Places for arrivals that an empty inbox keeps.
const KEPT_PLACES: usize = 256;

/// A peer that has just come, with its connection.
#[derive(Debug)]
pub enum NewPeer<R, L> {
    /// Over TLS; the handshake is finished.
    Remote(R),
    /// At the executor's own IPC server.
    Local {
        /// Its connection.
        connection: L,
        /// Root or the cluster's user.
        privileged: bool,
    },
    /// At a proxied server.
    Proxied {
        /// Its connection.
        connection: L,
        /// The server.
        server: ProxiedServer,
        /// The process, for the session's display name.
        identity: LocalIdentity,
    },
}

/// What a peer's messages are sent through.
#[derive(Debug)]
pub(super) enum Route<R, L> {
    /// A TLS connection.
    Remote(R),
    /// A connection to the executor's own IPC server.
    Local(L),
    /// A connection to a proxied server.
    Proxied(L),
    /// The hub itself, which transfers schemas.
    Schemas,
}

impl<R, L> NewPeer<R, L> {
    /// What the core is told of it, and what the hub keeps.
    pub(super) fn split(self) -> (PeerKind, Route<R, L>) {
        match self {
            Self::Remote(connection) => (PeerKind::Remote, Route::Remote(connection)),
            Self::Local { connection, privileged } => {
                (PeerKind::Local { privileged }, Route::Local(connection))
            }
            Self::Proxied { connection, server, identity } => {
                (PeerKind::Proxied { server, identity }, Route::Proxied(connection))
            }
        }
    }
}

/// One thing that happened.
#[derive(Debug)]
pub enum Arrival<R, L> {
    /// A peer has come.
    Joined(PeerId, NewPeer<R, L>),
    /// A peer that had come is gone, or its connection is about to end. The last of its arrivals.
    Left(PeerId),
    /// A message of a peer, and how many bytes it had.
    Message(Input, usize),
    /// A peer has taken some of what waited for it.
    Drained(PeerId),
    /// Something for the core as it is. `Connected`, `Disconnected` and `Tick` are ignored: the hub makes them.
    Input(Input),
}

#[derive(Debug)]
struct Queue<R, L> {
    arrivals: RefCell<VecDeque<Arrival<R, L>>>,
    /// Of the messages that wait.
    bytes: Cell<usize>,
    last_peer: Cell<u64>,
    waker: RefCell<Option<Waker>>,
}

/// The inbox of one hub; clones are the same inbox. For the hub's thread alone.
#[derive(Debug)]
pub struct Inbox<R, L> {
    queue: Rc<Queue<R, L>>,
}

impl<R, L> Clone for Inbox<R, L> {
    fn clone(&self) -> Self {
        Self { queue: Rc::clone(&self.queue) }
    }
}

impl<R, L> Default for Inbox<R, L> {
    /// An empty inbox.
    fn default() -> Self {
        let queue = Queue {
            arrivals: RefCell::default(),
            bytes: Cell::new(0),
            last_peer: Cell::new(0),
            waker: RefCell::new(None),
        };
        Self { queue: Rc::new(queue) }
    }
}

impl<R, L> Inbox<R, L> {
    /// Puts an arrival behind all others. Wakes the hub's task if there was none.
    pub fn put(&self, arrival: Arrival<R, L>) {
        let count = {
            let mut arrivals = self.queue.arrivals.borrow_mut();
            arrivals.push_back(arrival);
            arrivals.len()
        };
        if count == 1
            && let Some(waker) = &*self.queue.waker.borrow()
        {
            waker.wake_by_ref();
        }
    }

    /// Puts an input.
    pub fn input(&self, input: Input) {
        self.put(Arrival::Input(input));
    }

    /// Puts an input that came as a message of so many bytes.
    pub fn message(&self, input: Input, bytes: usize) {
        self.queue.bytes.set(self.queue.bytes.get().saturating_add(bytes));
        self.put(Arrival::Message(input, bytes));
    }

    /// Do so many bytes wait that a reader of messages must stop until the hub has had its turn? Without this one
    /// packet of well compressed messages could fill the memory.
    pub fn is_full(&self) -> bool {
        self.queue.bytes.get() >= FULL_BYTES
    }

    /// Do so many bytes wait that a reader of local clients must stop? They are many, and whether one is to be held is
    /// decided when the hub has its turn.
    pub fn is_full_for_locals(&self) -> bool {
        self.queue.bytes.get() >= FULL_FOR_LOCALS
    }

    /// Has everything been taken?
    pub fn is_empty(&self) -> bool {
        self.queue.arrivals.borrow().is_empty()
    }

    /// A number for a new peer.
    pub fn new_peer(&self) -> PeerId {
        let number = self.queue.last_peer.get() + 1;
        self.queue.last_peer.set(number);
        PeerId(number)
    }

    /// Who is to be woken when something arrives in an empty inbox.
    pub fn wake(&self, waker: &Waker) {
        let mut current = self.queue.waker.borrow_mut();
        match &mut *current {
            Some(current) => current.clone_from(waker),
            none => *none = Some(waker.clone()),
        }
    }

    /// The oldest arrival.
    pub(super) fn take(&self) -> Option<Arrival<R, L>> {
        let mut arrivals = self.queue.arrivals.borrow_mut();
        let arrival = arrivals.pop_front();
        if arrival.is_none() {
            self.queue.bytes.set(0);
            if arrivals.capacity() > KEPT_PLACES {
                arrivals.shrink_to(KEPT_PLACES);
            }
        }
        arrival
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn only_the_first_arrival_wakes() {
        let inbox = Inbox::<(), ()>::default();
        inbox.input(Input::Terminate);
        inbox.take();
        let count = Arc::new(Count::default());
        inbox.wake(&Arc::clone(&count).into());
        for wakes in [1, 1, 1] {
            inbox.clone().input(Input::Terminate);
            assert_eq!(count.0.load(Ordering::Relaxed), wakes);
        }
        while inbox.take().is_some() {}
        inbox.put(Arrival::Left(PeerId(1)));
        assert_eq!(count.0.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn messages_of_many_bytes_fill_it_until_they_are_taken() {
        let inbox = Inbox::<(), ()>::default();
        inbox.message(Input::Terminate, FULL_BYTES - 1);
        assert!(!inbox.is_full());
        inbox.message(Input::Terminate, 1);
        assert!(inbox.is_full());
        while inbox.take().is_some() {}
        assert!(inbox.is_empty() && !inbox.is_full());
    }

    #[test]
    fn a_flood_leaves_no_memory_behind() {
        let inbox = Inbox::<(), ()>::default();
        (0..10_000).for_each(|_| inbox.input(Input::Terminate));
        while inbox.take().is_some() {}
        assert!(inbox.queue.arrivals.borrow().capacity() <= KEPT_PLACES);
    }
}
