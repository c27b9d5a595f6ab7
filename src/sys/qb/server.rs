// SPDX-License-Identifier: LGPL-2.1-or-later
//! A named server, and what libqb calls when something happens to it.
use super::bindings as qb;
use super::connection::Slot;
use super::names::{self, Names};
use super::reactor::{self, Accepting, Event, Reactor};
use super::trust::{Holder, holder};
use super::{Connection, sigbus};
use crate::sys::unwind::guard;
use nix::errno::Errno;
use nix::unistd::{AccessFlags, access, geteuid};
use std::cell::Cell;
use std::ffi::{CString, c_void};
use std::fmt;
use std::os::fd::RawFd;
use std::ptr::{self, NonNull};
use std::rc::Rc;

/// Which of its servers an event is about, as the caller of [`Server::create`] numbers them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ServerId(pub u16);

/// How messages travel once a client is connected. The client learns it from libqb.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Transport {
    /// Rings in shared memory: fast, about 420 KiB for each client.
    #[default]
    SharedMemory,
    /// Datagram sockets: slower and small. libqb 2.0 waits up to a second for a client that closed its event
    /// socket before the first event.
    Socket,
}

/// What a server is made from.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The name that clients connect to.
    pub name: String,
    /// For [`Event`].
    pub id: ServerId,
    /// How messages travel.
    pub transport: Transport,
    /// No client gets smaller buffers than this, in bytes.
    pub buffer_size: u32,
}

/// Who wants to connect.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// Effective user id.
    pub uid: u32,
    /// Effective group id.
    pub gid: u32,
    /// All groups of the client, as it connected. Empty for root.
    pub groups: Vec<u32>,
    /// Process id.
    pub pid: i32,
    /// Size of each of three buffers, in bytes, that accepting the client allocates and fills.
    pub buffer_size: u64,
    /// Is there address space for them? Without it libqb keeps a descriptor open for each client that it fails to serve.
    pub room: bool,
}

/// What an accepted client gets.
#[derive(Clone, Copy, Debug)]
pub enum Grant {
    /// Its buffers belong to itself alone.
    Owner,
    /// Its buffers can be opened by the members of a group.
    Group(u32),
}

type Policy = Box<dyn Fn(&Candidate) -> Result<Grant, Errno>>;

/// What the callbacks know of their server.
struct Shared {
    id: ServerId,
    transport: Transport,
    policy: Policy,
}

/// A server; dropping it closes its name, its clients, and whatever has not authenticated itself yet to any server
/// of the thread.
pub struct Server {
    raw: NonNull<qb::qb_ipcs_service_t>,
    shared: NonNull<Shared>,
    reactor: Rc<Reactor>,
}

impl Server {
    /// Creates a server on this thread's reactor. `policy` is asked about each client; its error is what the
    /// client sees. It must not wait.
    pub fn create(
        settings: &Settings,
        policy: impl Fn(&Candidate) -> Result<Grant, Errno> + 'static,
    ) -> Result<Self, CreateError> {
        let refuse = |errno| CreateError::Failed { name: settings.name.clone(), errno };
        check_environment(settings)?;
        let name = CString::new(settings.name.as_str()).map_err(|_| refuse(Errno::EINVAL))?;
        let reactor =
            Reactor::current().map_err(|e| refuse(Errno::from_raw(e.raw_os_error().unwrap_or(0))))?;
        sigbus::install();
        let mut handlers = qb::qb_ipcs_service_handlers {
            connection_accept: Some(on_accept),
            connection_created: Some(on_created),
            msg_process: Some(on_message),
            connection_closed: Some(on_closed),
            connection_destroyed: None,
        };
        let kind = match settings.transport {
            Transport::SharedMemory => qb::qb_ipc_type_QB_IPC_SHM,
            Transport::Socket => qb::qb_ipc_type_QB_IPC_SOCKET,
        };
        // SAFETY: name and handlers are valid; libqb copies both.
        let raw = unsafe { qb::qb_ipcs_create(name.as_ptr(), 0, kind, &raw mut handlers) };
        let raw = NonNull::new(raw).ok_or_else(|| refuse(Errno::ENOMEM))?;
        let shared =
            Box::new(Shared { id: settings.id, transport: settings.transport, policy: Box::new(policy) });
        // SAFETY: a Box is never null.
        let shared = unsafe { NonNull::new_unchecked(Box::into_raw(shared)) };
        let mut hooks = reactor::poll_handlers();
        // SAFETY: the service is new. The context outlives it: `drop` frees it after the service, and no callback
        // that reads it runs later. Hooks are copied.
        // The slow rate makes libqb take one message for each wake-up. At other rates it takes several when the
        // ring has them and then waits, without limit, for as many bytes in the socket.
        let result = unsafe {
            qb::qb_ipcs_service_context_set(raw.as_ptr(), shared.as_ptr().cast());
            qb::qb_ipcs_poll_handlers_set(raw.as_ptr(), &raw mut hooks);
            qb::qb_ipcs_enforce_buffer_size(raw.as_ptr(), settings.buffer_size);
            qb::qb_ipcs_request_rate_limit(raw.as_ptr(), qb::qb_ipcs_rate_limit_QB_IPCS_RATE_SLOW);
            qb::qb_ipcs_run(raw.as_ptr())
        };
        if result < 0 {
            // SAFETY: libqb has freed the service, so nobody else has the context.
            drop(unsafe { Box::from_raw(shared.as_ptr()) });
            return Err(match Errno::from_raw(-result) {
                Errno::EADDRINUSE => CreateError::NameTaken { name: settings.name.clone(), holder: None },
                errno => refuse(errno),
            });
        }
        Ok(Self { raw, shared, reactor })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.reactor.close_handshakes();
        // SAFETY: the service is ours and alive. Destroying it closes its socket and clients; with no handshake
        // left nothing can call `on_accept`, the only reader of `shared`, so that it can be freed.
        unsafe {
            qb::qb_ipcs_destroy(self.raw.as_ptr());
            drop(Box::from_raw(self.shared.as_ptr()));
        }
    }
}

/// Why there is no server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CreateError {
    /// Another process serves the name.
    NameTaken {
        /// The server's name.
        name: String,
        /// Who serves it; None if the kernel does not tell.
        holder: Option<Holder>,
    },
    /// libqb is configured for sockets in a directory where none can be made.
    NoSockets(Errno),
    /// Anything else.
    Failed {
        /// The server's name.
        name: String,
        /// What libqb said.
        errno: Errno,
    },
}

impl fmt::Display for CreateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NameTaken { name, holder } => {
                match holder {
                    Some(holder) => write!(f, "{holder}")?,
                    None => f.write_str("another process")?,
                }
                write!(
                    f,
                    " already serves the local IPC name '{name}': stop it first (pacemaker and pacemaker_remote must \
                     not both run on a node). In a container that shares its host's network, which shares these names too, \
                     create the file /etc/libqb/force-filesystem-sockets instead"
                )
            }
            Self::NoSockets(errno) => write!(
                f,
                "libqb can make no sockets in its directory for local IPC ({}): make it usable, or have libqb use none, by \
                 removing its file force-filesystem-sockets (in /etc/libqb)",
                errno.desc()
            ),
            Self::Failed { name, errno } => {
                write!(f, "the local IPC server '{name}' could not be created: {}", errno.desc())
            }
        }
    }
}

impl std::error::Error for CreateError {}

/// Can clients be given their buffers? libqb makes them in /dev/shm, whatever the [`Transport`], when a client connects;
/// a server needs none of it, and serves clients as soon as it is there.
///
/// # Errors
/// Why not.
pub fn check_shared_memory() -> Result<(), Errno> {
    access("/dev/shm", AccessFlags::W_OK | AccessFlags::X_OK)
}

/// Finds in advance what libqb would report unclearly or, for a taken name, handle badly: it closes a descriptor
/// twice, and where names are files it would simply take the name away from the other. From a user who is not to be a server
/// it may take it.
fn check_environment(settings: &Settings) -> Result<(), CreateError> {
    let names = names::find().map_err(CreateError::NoSockets)?;
    let taken = |holder| Err(CreateError::NameTaken { name: settings.name.clone(), holder });
    match names.reach(&settings.name) {
        Ok(socket) => match holder(&socket).ok() {
            Some(Holder { uid, .. }) if names != Names::Abstract && uid != 0 && uid != geteuid().as_raw() => {
                Ok(())
            }
            holder => taken(holder),
        },
        Err(Errno::EAGAIN) => taken(None), // Its queue is full.
        Err(_) => Ok(()),
    }
}

/// The groups of the process at the other end of a socket.
fn peer_groups(socket: RawFd) -> Vec<u32> {
    let mut groups = vec![0_u32; 64];
    loop {
        let Ok(mut size) = libc::socklen_t::try_from(size_of_val(groups.as_slice())) else {
            return Vec::new();
        };
        // SAFETY: `groups` is valid for `size` bytes.
        let result = unsafe {
            libc::getsockopt(
                socket,
                libc::SOL_SOCKET,
                libc::SO_PEERGROUPS,
                groups.as_mut_ptr().cast(),
                &raw mut size,
            )
        };
        let count = size as usize / size_of::<u32>();
        match (result, Errno::last()) {
            (0, _) => {
                groups.truncate(count);
                return groups;
            }
            (_, Errno::ERANGE) if count > groups.len() => groups.resize(count, 0),
            _ => return Vec::new(),
        }
    }
}

fn accept(reactor: &Reactor, raw: *mut qb::qb_ipcs_connection_t, uid: u32, gid: u32) -> Result<(), Errno> {
    // SAFETY: libqb calls with a live connection. The service's context is the `Shared` of a live server.
    let (shared, size, pid) = unsafe {
        let shared = qb::qb_ipcs_connection_service_context_get(raw).cast::<Shared>();
        let mut stats: qb::qb_ipcs_connection_stats = std::mem::zeroed();
        qb::qb_ipcs_connection_stats_get(raw, &raw mut stats, 0);
        (&*shared, qb::qb_ipcs_connection_get_buffer_size(raw), stats.client_pid)
    };
    let groups =
        if uid == 0 { Vec::new() } else { reactor.handshake_fd().map(peer_groups).unwrap_or_default() };
    // libqb's number is unsigned inside: what looks negative is huge.
    let buffer_size = u64::from(size as u32);
    let room = shared.transport == Transport::Socket || can_map(buffer_size);
    let candidate = Candidate { uid, gid, groups, pid, buffer_size, room };
    if let Grant::Group(group) = (shared.policy)(&candidate)? {
        // SAFETY: within the accept callback, as libqb demands. The owner stays as it is (root).
        unsafe { qb::qb_ipcs_connection_auth_set(raw, uid_unchanged(), group, 0o660) };
    }
    reactor.accepting.set(Some(Accepting { server: shared.id, uid, gid, pid }));
    Ok(())
}

/// Can three rings of this size be mapped now, each twice in a row?
fn can_map(buffer_size: u64) -> bool {
    // Beside each ring there is a header, and libqb adds to the size what its own words take: a page is more than either.
    let Ok(length) = usize::try_from((buffer_size + 4 * 4096) * 6) else { return false };
    // SAFETY: an anonymous mapping at an address of the kernel's choice, unmapped before anybody can know it.
    unsafe {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        let start = libc::mmap(ptr::null_mut(), length, libc::PROT_NONE, flags, -1, 0);
        start != libc::MAP_FAILED && libc::munmap(start, length) == 0
    }
}

const fn uid_unchanged() -> libc::uid_t {
    libc::uid_t::MAX
}

unsafe extern "C" fn on_accept(
    raw: *mut qb::qb_ipcs_connection_t,
    uid: libc::uid_t,
    gid: libc::gid_t,
) -> i32 {
    let Some(reactor) = Reactor::existing() else { return -libc::ENODEV };
    guard(-libc::EIO, || match accept(&reactor, raw, uid, gid) {
        Ok(()) => 0,
        Err(errno) => -(errno as i32),
    })
}

unsafe extern "C" fn on_created(raw: *mut qb::qb_ipcs_connection_t) {
    let Some((reactor, raw)) = Reactor::existing().zip(NonNull::new(raw)) else { return };
    guard((), || {
        let Some(peer) = reactor.accepting.take() else { return };
        let slot = Rc::new(Slot { id: reactor.new_connection(), open: Cell::new(true) });
        // SAFETY: libqb calls with a live connection and frees it only after `on_closed`, which closes the slot.
        // The context owns a count of the slot until then.
        let connection = unsafe {
            qb::qb_ipcs_context_set(raw.as_ptr(), Rc::into_raw(Rc::clone(&slot)).cast_mut().cast());
            Connection::new(raw, slot, (peer.uid, peer.gid, peer.pid))
        };
        reactor.push(Event::Connected { server: peer.server, connection });
    });
}

unsafe extern "C" fn on_message(raw: *mut qb::qb_ipcs_connection_t, data: *mut c_void, size: usize) -> i32 {
    let Some(reactor) = Reactor::existing() else { return 0 };
    guard((), || {
        // SAFETY: libqb calls with a live, open connection, whose context is a slot: see `on_created`.
        let (limit, connection) = unsafe {
            let Some(slot) = qb::qb_ipcs_context_get(raw).cast::<Slot>().as_ref() else { return };
            (qb::qb_ipcs_connection_get_buffer_size(raw), slot.id)
        };
        // The size stands in the client's own header, unchecked by libqb before 2.0.9, and the client can still
        // write there: it counts only if it keeps within the buffer.
        if data.is_null() || !usize::try_from(limit).is_ok_and(|limit| (1..=limit).contains(&size)) {
            reactor.push(Event::Message { connection, bytes: Vec::new() });
            return;
        }
        let mut bytes = Vec::<u8>::with_capacity(size);
        // SAFETY: a ring is mapped twice in a row, and a socket's buffer is this long, so that `limit` bytes from
        // any message's start are readable. The copy is what everybody else looks at.
        unsafe {
            ptr::copy_nonoverlapping(data.cast::<u8>(), bytes.as_mut_ptr(), size);
            bytes.set_len(size);
        }
        reactor.push(Event::Message { connection, bytes });
    });
    0
}

unsafe extern "C" fn on_closed(raw: *mut qb::qb_ipcs_connection_t) -> i32 {
    // SAFETY: libqb calls with a live connection. Its context is the slot that `on_created` leaked, taken back once.
    let slot = unsafe {
        let context = qb::qb_ipcs_context_get(raw).cast::<Slot>();
        qb::qb_ipcs_context_set(raw, ptr::null_mut());
        (!context.is_null()).then(|| Rc::from_raw(context))
    };
    let Some(slot) = slot else { return 0 };
    slot.open.set(false);
    guard((), || {
        if let Some(reactor) = Reactor::existing() {
            reactor.push(Event::Closed { connection: slot.id });
        }
    });
    0
}
