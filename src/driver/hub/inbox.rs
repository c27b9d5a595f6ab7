// SPDX-License-Identifier: LGPL-2.1-or-later
//! The only way to the hub: whatever happens is put here, and the hub takes it in at its next turn.
use crate::core::{Input, PeerId, PeerKind};
use crate::driver::fair::{FairQueue, Used};
use crate::model::{LocalIdentity, ProxiedServer};
use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::Duration;

/// A peer with messages of so many bytes in the inbox is not read.
const FULL_BYTES: usize = 32 * 1024;

/// What a message costs beside its text, in bytes.
const MESSAGE_OVERHEAD: usize = 256;

/// Places for arrivals that an empty inbox keeps.
const KEPT_PLACES: usize = 256;

/// The same for each peer.
const KEPT_IN_LINE: usize = 16;

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

/// What one peer has put in and the hub has not taken.
#[derive(Debug)]
struct Line<R, L> {
    arrivals: VecDeque<(Arrival<R, L>, usize)>,
    /// Of the messages that wait.
    bytes: usize,
    used: Used,
    /// Is it among those that are to be served, or being served?
    is_queued: bool,
    /// The peer's reader, if it waits for room.
    reader: Option<Waker>,
}

impl<R, L> Default for Line<R, L> {
    fn default() -> Self {
        Self { arrivals: VecDeque::new(), bytes: 0, used: Used::default(), is_queued: false, reader: None }
    }
}

#[derive(Debug)]
struct Queue<R, L> {
    lines: BTreeMap<PeerId, Line<R, L>>,
    /// The peers whose lines are not empty, but for the one that is being served.
    ready: FairQueue<PeerId>,
    /// Whose arrival was taken last.
    served: Option<PeerId>,
    /// What no peer has put in: the ends of runs and the like, with their numbers.
    own: VecDeque<(u64, Input)>,
    /// Was the latest arrival that was taken one of these?
    own_was_taken: bool,
    /// Numbers the moments at which something was put in.
    number: u64,
    /// How many arrivals wait.
    count: usize,
    last_peer: u64,
    waker: Option<Waker>,
}

/// The inbox of one hub; clones are the same inbox. For the hub's thread alone.
///
/// Each peer has a line of its own, in which order is kept from its coming to its leaving. Among the lines the one is
/// next whose peer has used least of the hub's time, so that a small request waits behind one message of each other
/// peer at most, however much these have put in. What no peer has put in (the ends of runs, signals) has a line that is
/// served in turn with those of the peers.
#[derive(Debug)]
pub struct Inbox<R, L> {
    queue: Rc<RefCell<Queue<R, L>>>,
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
            lines: BTreeMap::new(),
            ready: FairQueue::default(),
            served: None,
            own: VecDeque::new(),
            own_was_taken: false,
            number: 0,
            count: 0,
            last_peer: 0,
            waker: None,
        };
        Self { queue: Rc::new(RefCell::new(queue)) }
    }
}

impl<R, L> Arrival<R, L> {
    /// The peer that it comes from.
    fn peer(&self) -> Option<PeerId> {
        match self {
            Self::Joined(peer, _) | Self::Left(peer) | Self::Drained(peer) => Some(*peer),
            Self::Input(input) | Self::Message(input, _) => match input {
                Input::Request { peer, .. } | Input::Proxied { peer, .. } => Some(*peer),
                _ => None,
            },
        }
    }
}

impl<R, L> Inbox<R, L> {
    /// Puts an arrival behind all others of the same peer, unless that has left. Wakes the hub's task if there was none.
    pub fn put(&self, arrival: Arrival<R, L>) {
        self.put_sized(arrival, 0);
    }

    /// Puts an input.
    pub fn input(&self, input: Input) {
        self.put(Arrival::Input(input));
    }

    /// Puts an input that came as a message of so many bytes.
    pub fn message(&self, input: Input, bytes: usize) {
        self.put_sized(Arrival::Message(input, bytes), bytes.saturating_add(MESSAGE_OVERHEAD));
    }

    fn put_sized(&self, arrival: Arrival<R, L>, bytes: usize) {
        let mut queue = self.queue.borrow_mut();
        if queue.put(arrival, bytes)
            && queue.count == 1
            && let Some(waker) = &queue.waker
        {
            waker.wake_by_ref();
        }
    }

    /// May the reader of a peer's messages put in another? Without this one packet of well compressed messages could
    /// fill the memory. Only the peer's own messages count.
    pub fn has_room(&self, peer: PeerId) -> bool {
        self.queue.borrow().lines.get(&peer).is_none_or(Line::has_room)
    }

    /// Waits until the reader of a peer's messages may put in another.
    pub async fn room(&self, peer: PeerId) {
        poll_fn(|context| match self.queue.borrow_mut().lines.get_mut(&peer) {
            Some(line) if !line.has_room() => {
                line.reader = Some(context.waker().clone());
                Poll::Pending
            }
            _ => Poll::Ready(()),
        })
        .await;
    }

    /// Has everything been taken?
    pub fn is_empty(&self) -> bool {
        self.queue.borrow().count == 0
    }

    /// A number for a new peer.
    pub fn new_peer(&self) -> PeerId {
        let mut queue = self.queue.borrow_mut();
        queue.last_peer += 1;
        PeerId(queue.last_peer)
    }

    /// Who is to be woken when something arrives in an empty inbox.
    pub fn wake(&self, waker: &Waker) {
        match &mut self.queue.borrow_mut().waker {
            Some(current) => current.clone_from(waker),
            none => *none = Some(waker.clone()),
        }
    }

    /// The next arrival. When it has been served, [`Self::served`] must be called.
    pub(super) fn take(&self) -> Option<Arrival<R, L>> {
        self.queue.borrow_mut().take()
    }

    /// Serving the arrival that was taken last has taken so much time up to now. `is_over`: it has been served.
    pub(super) fn served(&self, time: Duration, is_over: bool) {
        self.queue.borrow_mut().charge(time, is_over);
    }

    /// Serving what a peer had put in earlier has taken so much time.
    pub(super) fn charge(&self, peer: PeerId, time: Duration) {
        if let Some(line) = self.queue.borrow_mut().lines.get_mut(&peer) {
            line.used.add(time);
        }
    }

    /// The number of the latest arrival, for [`Self::has_own_until`].
    pub(super) fn latest(&self) -> u64 {
        self.queue.borrow().number
    }

    /// Does anything that no peer has put in wait, and has up to this number?
    pub(super) fn has_own_until(&self, number: u64) -> bool {
        self.queue.borrow().own.front().is_some_and(|(own, _)| *own <= number)
    }
}

impl<R, L> Line<R, L> {
    const fn has_room(&self) -> bool {
        self.bytes < FULL_BYTES
    }
}

impl<R, L> Queue<R, L> {
    /// False: the peer has left.
    fn put(&mut self, arrival: Arrival<R, L>, bytes: usize) -> bool {
        self.number += 1;
        match (arrival.peer(), arrival) {
            (None, Arrival::Input(input) | Arrival::Message(input, _)) => {
                self.own.push_back((self.number, input))
            }
            (Some(peer), arrival) => {
                let line = match &arrival {
                    Arrival::Joined(..) => Some(self.lines.entry(peer).or_default()),
                    _ => self.lines.get_mut(&peer),
                };
                let Some(line) = line else { return false };
                // One is enough, and a peer that takes little at a time would make many.
                if let (Arrival::Drained(_), Some((Arrival::Drained(_), _))) =
                    (&arrival, line.arrivals.back())
                {
                    return false;
                }
                line.arrivals.push_back((arrival, bytes));
                line.bytes = line.bytes.saturating_add(bytes);
                if !std::mem::replace(&mut line.is_queued, true) {
                    self.ready.push(&mut line.used, self.number, peer);
                }
            }
            (None, Arrival::Joined(..) | Arrival::Left(_) | Arrival::Drained(_)) => return false,
        }
        self.count += 1;
        true
    }

    fn take(&mut self) -> Option<Arrival<R, L>> {
        let (own, peers) = (self.own.front().map(|(number, _)| *number), self.ready.next_number());
        let arrival = match (own, peers) {
            (Some(own), peers) if peers.is_none_or(|peers| own < peers && !self.own_was_taken) => {
                self.own_was_taken = true;
                self.own.pop_front().map(|(_, input)| Arrival::Input(input))
            }
            _ => {
                self.own_was_taken = false;
                self.take_of_peer()
            }
        };
        match &arrival {
            Some(_) => self.count = self.count.saturating_sub(1),
            None if self.own.capacity() > KEPT_PLACES => self.own.shrink_to(KEPT_PLACES),
            None => {}
        }
        arrival
    }

    fn take_of_peer(&mut self) -> Option<Arrival<R, L>> {
        let peer = self.ready.pop()?;
        let line = self.lines.get_mut(&peer)?;
        let (arrival, bytes) = line.arrivals.pop_front()?;
        line.bytes = line.bytes.saturating_sub(bytes);
        if line.has_room()
            && let Some(reader) = line.reader.take()
        {
            reader.wake();
        }
        if let Arrival::Left(_) = arrival {
            // What came behind it is nothing of a peer's.
            self.count = self.count.saturating_sub(line.arrivals.len());
            self.lines.remove(&peer);
        } else {
            self.served = Some(peer);
        }
        Some(arrival)
    }

    fn charge(&mut self, time: Duration, is_over: bool) {
        let Some(peer) = self.served else { return };
        if is_over {
            self.served = None;
        }
        let Some(line) = self.lines.get_mut(&peer) else { return };
        line.used.add(time);
        if !is_over {
            return;
        }
        line.is_queued = !line.arrivals.is_empty();
        if line.is_queued {
            self.number += 1;
            self.ready.push(&mut line.used, self.number, peer);
        } else if line.arrivals.capacity() > KEPT_IN_LINE {
            line.arrivals.shrink_to(KEPT_IN_LINE);
        }
    }
}

#[cfg(test)]
#[path = "inbox_tests.rs"]
mod tests;
