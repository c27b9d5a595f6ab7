// SPDX-License-Identifier: LGPL-2.1-or-later
//! libqb's event loop hooks on one epoll instance.
use super::bindings::{
    qb_ipcs_dispatch_fn_t, qb_ipcs_poll_handlers, qb_loop_job_dispatch_fn, qb_loop_priority,
};
use super::{Connection, ConnectionId, ServerId, sigbus};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::ffi::c_void;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::rc::{Rc, Weak};

/// More unfinished authentications than this, and the oldest is closed.
const MAX_HANDSHAKES: usize = 256;
/// Descriptors taken from the kernel at once, at first and at most.
const FIRST_BATCH: usize = 16;
const LAST_BATCH: usize = 1024;

/// What happened to a server or one of its connections.
#[derive(Debug)]
pub enum Event {
    /// A client connected and was accepted.
    Connected {
        /// To which server.
        server: ServerId,
        /// The client; dropping it disconnects.
        connection: Connection,
    },
    /// A client sent a message.
    Message {
        /// Which client.
        connection: ConnectionId,
        /// The whole message, libqb's header included.
        bytes: Vec<u8>,
    },
    /// A client is gone. The last event of its connection.
    Closed {
        /// Which client.
        connection: ConnectionId,
    },
    /// A client was accepted but its buffers could not be set up: most likely /dev/shm is full.
    Failed {
        /// To which server.
        server: ServerId,
        /// The client's process id.
        pid: i32,
    },
}

/// What a descriptor of libqb is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Listener,
    Handshake,
    Peer,
}

type Callback = unsafe extern "C" fn(i32, i32, *mut c_void) -> i32;
type Job = (unsafe extern "C" fn(*mut c_void), *mut c_void);

/// A descriptor that has something to do.
#[derive(Clone, Debug)]
pub struct Ready {
    fd: RawFd,
    generation: u32,
    events: i32,
    /// For the caller to keep what the descriptor's work has cost; libqb's unfinished connections have one together.
    pub used: Rc<Cell<u64>>,
}

#[derive(Clone)]
struct Source {
    used: Rc<Cell<u64>>,
    callback: Callback,
    data: *mut c_void,
    role: Role,
    /// Tells a descriptor from an earlier one with the same number.
    generation: u32,
    /// Was this handshake already there at the last call of `expire_handshakes`?
    stale: bool,
    /// What libqb waits for.
    events: i32,
    is_paused: bool,
}

impl Source {
    /// What to wait for now. Its other side's end is always told.
    const fn wanted(&self) -> i32 {
        if self.is_paused { self.events & libc::EPOLLOUT } else { self.events }
    }
}

/// A client that the policy has accepted and libqb is setting up.
#[derive(Clone, Copy)]
pub(super) struct Accepting {
    pub(super) server: ServerId,
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) pid: i32,
}

thread_local! {
    /// libqb's hooks carry no context, so they find the thread's reactor here.
    static CURRENT: RefCell<Weak<Reactor>> = const { RefCell::new(Weak::new()) };
}

/// The event loop of all libqb servers of a thread.
pub struct Reactor {
    epoll: OwnedFd,
    sources: RefCell<BTreeMap<RawFd, Source>>,
    jobs: RefCell<VecDeque<Job>>,
    events: RefCell<VecDeque<Event>>,
    batch: RefCell<Vec<libc::epoll_event>>,
    /// What work for unfinished connections has cost.
    newcomers: Rc<Cell<u64>>,
    generation: Cell<u32>,
    handshakes: Cell<usize>,
    /// The descriptor whose callback runs.
    running: Cell<Option<(RawFd, Role)>>,
    pub(super) accepting: Cell<Option<Accepting>>,
    last_connection: Cell<u64>,
}

impl Reactor {
    /// The thread's reactor; made when there is none.
    pub fn current() -> io::Result<Rc<Self>> {
        if let Some(reactor) = Self::existing() {
            return Ok(reactor);
        }
        // SAFETY: takes no pointer; the result is checked before it becomes an owned descriptor.
        let fd = unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        let reactor = Rc::new(Self {
            // SAFETY: the kernel just gave us this descriptor and nobody else knows it.
            epoll: unsafe { OwnedFd::from_raw_fd(fd) },
            sources: RefCell::default(),
            jobs: RefCell::default(),
            events: RefCell::default(),
            batch: RefCell::new(vec![libc::epoll_event { events: 0, u64: 0 }; FIRST_BATCH]),
            newcomers: Rc::default(),
            generation: Cell::new(0),
            handshakes: Cell::new(0),
            running: Cell::new(None),
            accepting: Cell::new(None),
            last_connection: Cell::new(0),
        });
        CURRENT.with(|current| *current.borrow_mut() = Rc::downgrade(&reactor));
        Ok(reactor)
    }

    pub(super) fn existing() -> Option<Rc<Self>> {
        CURRENT.try_with(|current| current.borrow().upgrade()).ok().flatten()
    }

    /// Runs up to `budget` callbacks without waiting. True: there may be more to do at once.
    pub fn dispatch(&self, budget: usize) -> io::Result<bool> {
        let mut left = budget;
        let mut ready = Vec::new();
        self.poll(&mut ready)?;
        for source in ready.iter().take(budget) {
            self.run(source);
            left = left.saturating_sub(1);
        }
        while left > 0 && self.run_job() {
            left -= 1;
        }
        Ok(left == 0 || self.has_jobs())
    }

    /// Replaces `ready` by the descriptors that have something to do, all of them if there are not very many.
    /// Those that are not [`run`](Self::run) are ready again at the next call.
    pub fn poll(&self, ready: &mut Vec<Ready>) -> io::Result<()> {
        ready.clear();
        let mut events = self.batch.borrow_mut();
        let mut count = self.wait(&mut events)?;
        while count == events.len() && count < LAST_BATCH {
            events.resize(count.saturating_mul(4).min(LAST_BATCH), libc::epoll_event { events: 0, u64: 0 });
            count = self.wait(&mut events)?;
        }
        let sources = self.sources.borrow();
        for event in events.iter().take(count) {
            let (fd, generation) = unpack(event.u64);
            if let Some(source) = sources.get(&fd).filter(|source| source.generation == generation) {
                let (events, used) = (event.events as i32, Rc::clone(&source.used));
                ready.push(Ready { fd, generation, events, used });
            }
        }
        Ok(())
    }

    /// Lets libqb do what a descriptor is ready for: take one message, accept or look at one client.
    pub fn run(&self, ready: &Ready) {
        self.call(ready.fd, ready.generation, ready.events);
    }

    /// From now on a descriptor is ready only when its other side has gone, until it is [resumed](Self::resume).
    pub fn pause(&self, ready: &Ready) {
        self.set_paused(ready, true);
    }

    /// Has a descriptor be ready again when there is something to do.
    pub fn resume(&self, ready: &Ready) {
        self.set_paused(ready, false);
    }

    fn set_paused(&self, ready: &Ready, is_paused: bool) {
        let events = {
            let mut sources = self.sources.borrow_mut();
            let source = sources.get_mut(&ready.fd).filter(|source| source.generation == ready.generation);
            let Some(source) = source else { return };
            source.is_paused = is_paused;
            source.wanted()
        };
        // It cannot fail: the descriptor is in the set.
        self.control(libc::EPOLL_CTL_MOD, ready.fd, events, ready.generation);
    }

    /// Does what libqb has put off, one thing; false: there was nothing.
    pub fn run_job(&self) -> bool {
        let Some((function, data)) = self.jobs.borrow_mut().pop_front() else { return false };
        // SAFETY: libqb asked for exactly this call, once.
        unsafe { function(data) };
        true
    }

    /// Has libqb put something off?
    pub fn has_jobs(&self) -> bool {
        !self.jobs.borrow().is_empty()
    }

    /// The oldest thing that happened and was not taken yet.
    pub fn next_event(&self) -> Option<Event> {
        self.events.borrow_mut().pop_front()
    }

    /// Closes the connections that were unfinished at the previous call already. To be called every few seconds.
    pub fn expire_handshakes(&self) -> usize {
        let mut old = Vec::new();
        for (fd, source) in self.sources.borrow_mut().iter_mut().filter(|(_, s)| s.role == Role::Handshake) {
            if source.stale {
                old.push((*fd, source.generation));
            }
            source.stale = true;
        }
        for (fd, generation) in &old {
            self.call(*fd, *generation, libc::EPOLLHUP);
        }
        old.len()
    }

    /// How many clients are connected but have not authenticated themselves yet.
    pub fn handshakes(&self) -> usize {
        self.handshakes.get()
    }

    /// Closes all unfinished connections, which belong to servers that are about to go.
    pub(super) fn close_handshakes(&self) {
        self.expire_handshakes();
        self.expire_handshakes();
    }

    pub(super) fn push(&self, event: Event) {
        self.events.borrow_mut().push_back(event);
    }

    pub(super) fn new_connection(&self) -> ConnectionId {
        let id = ConnectionId(self.last_connection.get() + 1);
        self.last_connection.set(id.0);
        id
    }

    /// The setup socket of the client whose authentication is being looked at.
    pub(super) fn handshake_fd(&self) -> Option<RawFd> {
        self.running.get().filter(|(_, role)| *role == Role::Handshake).map(|(fd, _)| fd)
    }

    fn wait(&self, ready: &mut [libc::epoll_event]) -> io::Result<usize> {
        let room = i32::try_from(ready.len()).unwrap_or(i32::MAX);
        // SAFETY: `ready` is valid for `room` entries and the descriptor is ours.
        let count = unsafe { libc::epoll_wait(self.epoll.as_raw_fd(), ready.as_mut_ptr(), room, 0) };
        match usize::try_from(count) {
            Ok(count) => Ok(count),
            Err(_) => match io::Error::last_os_error() {
                error if error.kind() == io::ErrorKind::Interrupted => Ok(0),
                error => Err(error),
            },
        }
    }

    fn call(&self, fd: RawFd, generation: u32, events: i32) {
        let Some(source) = self.sources.borrow().get(&fd).cloned().filter(|s| s.generation == generation)
        else {
            return; // An earlier callback of this round closed it.
        };
        let outer = self.running.replace(Some((fd, source.role)));
        // SAFETY: libqb registered this callback with this data and has not removed it: the generation matches.
        // No borrow of ours is alive, so that the callback may register and remove descriptors.
        let (result, fault) = sigbus::guarded(|| unsafe { (source.callback)(fd, events, source.data) });
        self.running.set(outer);
        if let Some(Accepting { server, pid, .. }) = self.accepting.take() {
            self.push(Event::Failed { server, pid });
        }
        let same = self.sources.borrow().get(&fd).is_some_and(|s| s.generation == generation);
        if same && result < 0 {
            self.remove(fd);
        } else if same && fault && events & libc::EPOLLHUP == 0 {
            self.call(fd, generation, libc::EPOLLHUP); // It broke the memory that we share: disconnect it.
        }
    }

    fn add(&self, fd: RawFd, events: i32, data: *mut c_void, callback: Callback) -> i32 {
        let role = match self.running.get() {
            None => Role::Listener,
            Some((_, Role::Listener)) => Role::Handshake,
            Some(_) => Role::Peer,
        };
        if role == Role::Handshake && self.handshakes.get() >= MAX_HANDSHAKES {
            self.close_oldest_handshake();
        }
        let generation = self.generation.get().wrapping_add(1);
        self.generation.set(generation);
        let result = self.control(libc::EPOLL_CTL_ADD, fd, events, generation);
        if result == 0 {
            let used = match role {
                Role::Peer => Rc::default(),
                Role::Listener | Role::Handshake => Rc::clone(&self.newcomers),
            };
            let source =
                Source { used, callback, data, role, generation, stale: false, events, is_paused: false };
            self.sources.borrow_mut().insert(fd, source);
            if role == Role::Handshake {
                self.handshakes.set(self.handshakes.get() + 1);
            }
        }
        result
    }

    fn modify(&self, fd: RawFd, events: i32, data: *mut c_void, callback: Callback) -> i32 {
        let (generation, wanted) = match self.sources.borrow_mut().get_mut(&fd) {
            None => return -libc::ENOENT,
            Some(source) => {
                (source.callback, source.data, source.events) = (callback, data, events);
                (source.generation, source.wanted())
            }
        };
        self.control(libc::EPOLL_CTL_MOD, fd, wanted, generation)
    }

    fn remove(&self, fd: RawFd) -> i32 {
        match self.sources.borrow_mut().remove(&fd) {
            None => return -libc::ENOENT,
            Some(source) if source.role == Role::Handshake => self.handshakes.set(self.handshakes.get() - 1),
            Some(_) => {}
        }
        self.control(libc::EPOLL_CTL_DEL, fd, 0, 0)
    }

    fn close_oldest_handshake(&self) {
        let oldest = {
            let sources = self.sources.borrow();
            let handshakes = sources.iter().filter(|(_, source)| source.role == Role::Handshake);
            handshakes
                .min_by_key(|(_, source)| source.generation)
                .map(|(fd, source)| (*fd, source.generation))
        };
        if let Some((fd, generation)) = oldest {
            self.call(fd, generation, libc::EPOLLHUP);
        }
    }

    fn control(&self, operation: i32, fd: RawFd, events: i32, generation: u32) -> i32 {
        // libqb also asks for POLLNVAL, which is no event to wait for.
        let wanted = events & (libc::EPOLLIN | libc::EPOLLPRI | libc::EPOLLOUT);
        let mut event = libc::epoll_event { events: wanted as u32, u64: pack(fd, generation) };
        // SAFETY: `event` lives across the call; the kernel checks the descriptor.
        match unsafe { libc::epoll_ctl(self.epoll.as_raw_fd(), operation, fd, &raw mut event) } {
            0 => 0,
            _ => -io::Error::last_os_error().raw_os_error().unwrap_or(libc::EIO),
        }
    }
}

impl AsFd for Reactor {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.epoll.as_fd()
    }
}

impl AsRawFd for Reactor {
    fn as_raw_fd(&self) -> RawFd {
        self.epoll.as_raw_fd()
    }
}

fn pack(fd: RawFd, generation: u32) -> u64 {
    u64::from(generation) << 32 | u64::from(fd as u32)
}

fn unpack(word: u64) -> (RawFd, u32) {
    (word as u32 as RawFd, (word >> 32) as u32)
}

/// The hooks for `qb_ipcs_poll_handlers_set`.
pub(super) fn poll_handlers() -> qb_ipcs_poll_handlers {
    qb_ipcs_poll_handlers {
        job_add: Some(job_add),
        dispatch_add: Some(dispatch_add),
        dispatch_mod: Some(dispatch_mod),
        dispatch_del: Some(dispatch_del),
    }
}

/// Every hook's way into Rust: no reactor or a panic becomes an error number.
fn enter(work: impl FnOnce(&Reactor) -> i32) -> i32 {
    let Some(reactor) = Reactor::existing() else { return -libc::ENODEV };
    crate::sys::unwind::guard(-libc::EIO, || work(&reactor))
}

unsafe extern "C" fn job_add(_: qb_loop_priority, data: *mut c_void, job: qb_loop_job_dispatch_fn) -> i32 {
    enter(|reactor| {
        let Some(job) = job else { return -libc::EINVAL };
        reactor.jobs.borrow_mut().push_back((job, data));
        0
    })
}

unsafe extern "C" fn dispatch_add(
    _: qb_loop_priority,
    fd: i32,
    events: i32,
    data: *mut c_void,
    callback: qb_ipcs_dispatch_fn_t,
) -> i32 {
    enter(|reactor| callback.map_or(-libc::EINVAL, |callback| reactor.add(fd, events, data, callback)))
}

unsafe extern "C" fn dispatch_mod(
    _: qb_loop_priority,
    fd: i32,
    events: i32,
    data: *mut c_void,
    callback: qb_ipcs_dispatch_fn_t,
) -> i32 {
    enter(|reactor| callback.map_or(-libc::EINVAL, |callback| reactor.modify(fd, events, data, callback)))
}

unsafe extern "C" fn dispatch_del(fd: i32) -> i32 {
    enter(|reactor| reactor.remove(fd))
}
