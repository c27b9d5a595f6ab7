// SPDX-License-Identifier: LGPL-2.1-or-later
//! A connection to the system bus as a source of GLib's loop: many calls at once, and nothing waits.
use super::super::tasks::{Waiting, sleep};
use crate::agents;
use crate::driver::system_bus::{self, MANAGER, MANAGER_PATH, PROPERTIES, SYSTEMD, UNIT};
use crate::driver::units::{self, CallError, JOB, JOBS_KEPT};
use crate::sys::glib::{Interest, Priority, Source, Watch};
use crate::wire::dbus::{self, Answer, Arguments, Message, Method, Returned};
use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, connect, socket};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::env;
use std::future::{Future, poll_fn};
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::pin::pin;
use std::rc::{Rc, Weak};
use std::task::Poll;
use std::time::Duration;
use zvariant::{OwnedObjectPath, OwnedValue};

/// The bus itself.
const BUS: Method<'_> = Method {
    owner: "org.freedesktop.DBus",
    object: "/org/freedesktop/DBus",
    interface: "org.freedesktop.DBus",
    name: "",
};
/// What systemd is to tell.
const RULE: &str = "type='signal',sender='org.freedesktop.systemd1',path='/org/freedesktop/systemd1',\
                    interface='org.freedesktop.systemd1.Manager',member='JobRemoved'";
/// Read in one turn at most; then others have theirs.
const IN_ONE_TURN: usize = 256 * 1024;

/// A bus that has admitted us, and systemd on it.
pub(super) struct Bus {
    stream: UnixStream,
    source: RefCell<Option<Source>>,
    watch: Cell<Option<Watch>>,
    outgoing: RefCell<VecDeque<u8>>,
    incoming: RefCell<Vec<u8>>,
    /// Has the bus admitted us? What it says before that is text.
    is_admitted: Cell<bool>,
    last_serial: Cell<u32>,
    /// Calls whose answers are waited for, and the answers that have come.
    calls: RefCell<BTreeMap<u32, Option<Message>>>,
    ends: RefCell<JobEnds>,
    /// Why it is of no use any more.
    closed: RefCell<Option<String>>,
    news: Waiting,
}

/// The ends of jobs that have been announced.
#[derive(Default)]
struct JobEnds {
    kept: VecDeque<(String, String)>,
    /// How many there were before those.
    forgotten: u64,
}

impl Bus {
    /// Connects, and asks systemd to tell of its jobs.
    pub(super) async fn connect() -> Result<Rc<Self>, CallError> {
        let path = system_bus::socket(env::var_os(system_bus::VARIABLE).as_deref());
        let stream = open(&path)
            .map_err(|errno| CallError::Interrupted(format!("D-Bus at {}: {errno}", path.display())))?;
        let bus = Self::attach(stream);
        bus.say(dbus::sign_on(nix::unistd::geteuid().as_raw()).as_bytes());
        bus.until(|| bus.is_admitted.get().then_some(())).await?;
        bus.say(dbus::BEGIN.as_bytes());
        let _name: String = bus.call(Method { name: "Hello", ..BUS }, &()).await?;
        bus.call::<()>(Method { name: "AddMatch", ..BUS }, &(RULE,)).await?;
        bus.manage::<()>("Subscribe", &()).await?;
        Ok(bus)
    }

    fn attach(stream: UnixStream) -> Rc<Self> {
        Rc::new_cyclic(|bus: &Weak<Self>| {
            let bus = Weak::clone(bus);
            let source = Source::attach(c"pcmk-remote-rs D-Bus", Priority::Default, move || {
                if let Some(bus) = bus.upgrade() {
                    bus.advance();
                }
            });
            let watch = source.watch(stream.as_fd(), Interest::READ);
            Self {
                stream,
                source: RefCell::new(Some(source)),
                watch: Cell::new(Some(watch)),
                outgoing: RefCell::default(),
                incoming: RefCell::default(),
                is_admitted: Cell::new(false),
                last_serial: Cell::new(0),
                calls: RefCell::default(),
                ends: RefCell::default(),
                closed: RefCell::default(),
                news: Waiting::default(),
            }
        })
    }

    /// Is it of no use any more?
    pub(super) fn is_closed(&self) -> bool {
        self.closed.borrow().is_some()
    }

    /// Has systemd read all unit files again.
    pub(super) async fn reload_files(&self) -> Result<(), CallError> {
        self.manage("Reload", &()).await
    }

    async fn manage<T: Returned>(&self, name: &str, arguments: &impl Arguments) -> Result<T, CallError> {
        let method = Method { owner: SYSTEMD, object: MANAGER_PATH, interface: MANAGER, name };
        self.call(method, arguments).await
    }

    async fn property(&self, object: &str, interface: &str, name: &str) -> Result<OwnedValue, CallError> {
        let method = Method { owner: SYSTEMD, object, interface: PROPERTIES, name: "Get" };
        self.call(method, &(interface, name)).await
    }

    async fn call<T: Returned>(
        &self,
        method: Method<'_>,
        arguments: &impl Arguments,
    ) -> Result<T, CallError> {
        let nonsense =
            |error: dbus::DbusError| CallError::Interrupted(format!("D-Bus, {}: {error}", method.name));
        let serial = self.last_serial.get().checked_add(1).unwrap_or(1);
        self.last_serial.set(serial);
        let bytes = dbus::call(method, arguments, serial).map_err(nonsense)?;
        let _call = Call::begin(self, serial);
        self.say(&bytes);
        let message = self.until(|| self.calls.borrow_mut().get_mut(&serial)?.take()).await?;
        match message.answer().map_err(nonsense)? {
            Answer::Value(value) => Ok(value),
            Answer::Refused(name, words) => Err(CallError::named(name, words)),
        }
    }

    /// Waits until there is something, or the bus has hung up.
    async fn until<T>(&self, mut look: impl FnMut() -> Option<T>) -> Result<T, CallError> {
        poll_fn(|context| {
            if let Some(found) = look() {
                return Poll::Ready(Ok(found));
            }
            if let Some(why) = &*self.closed.borrow() {
                return Poll::Ready(Err(CallError::Interrupted(why.clone())));
            }
            self.news.add(context);
            Poll::Pending
        })
        .await
    }

    fn say(&self, bytes: &[u8]) {
        self.outgoing.borrow_mut().extend(bytes);
        if let Err(error) = self.send() {
            self.close(&error);
        }
    }

    /// Something can be read or written.
    fn advance(&self) {
        let result = self.send().and_then(|()| self.receive());
        if let Err(error) = result {
            self.close(&error);
        }
        self.news.wake();
    }

    fn send(&self) -> io::Result<()> {
        let mut outgoing = self.outgoing.borrow_mut();
        while !outgoing.is_empty() {
            match (&self.stream).write(outgoing.as_slices().0) {
                Ok(count) => drop(outgoing.drain(..count)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        let interest =
            if outgoing.is_empty() { Interest::READ } else { Interest { write: true, ..Interest::READ } };
        if let (Some(source), Some(watch)) = (&*self.source.borrow(), self.watch.get()) {
            source.change(watch, interest);
        }
        Ok(())
    }

    fn receive(&self) -> io::Result<()> {
        let mut incoming = self.incoming.borrow_mut();
        let mut buffer = [0; 16 * 1024];
        for _ in 0..IN_ONE_TURN / buffer.len() {
            match (&self.stream).read(&mut buffer) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(count) => incoming.extend_from_slice(buffer.get(..count).unwrap_or_default()),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        if !self.is_admitted.get() {
            match dbus::is_admitted(&incoming) {
                None => return Ok(()),
                Some(false) => return Err(ErrorKind::PermissionDenied.into()),
                Some(true) => self.is_admitted.set(true),
            }
            incoming.clear();
        }
        let mut read = 0;
        while let Some((message, length)) =
            Message::first(incoming.get(read..).unwrap_or_default()).map_err(io::Error::other)?
        {
            read += length;
            self.take(message);
        }
        incoming.drain(..read);
        Ok(())
    }

    fn take(&self, message: Message) {
        if let Some(call) = self.calls.borrow_mut().get_mut(&message.answers) {
            *call = Some(message);
        } else if let Some((_, job, _, result)) =
            message.signal::<(u32, OwnedObjectPath, String, String)>("JobRemoved")
        {
            let mut ends = self.ends.borrow_mut();
            ends.kept.push_back((job.as_str().to_owned(), result));
            if ends.kept.len() > JOBS_KEPT {
                ends.kept.pop_front();
                ends.forgotten += 1;
            }
        }
    }

    fn close(&self, error: &io::Error) {
        let mut closed = self.closed.borrow_mut();
        if closed.is_none() {
            *closed = Some(format!("D-Bus hung up: {error}"));
            drop(closed);
            // The descriptor would be ready for ever.
            if let (Some(source), Some(watch)) = (&*self.source.borrow(), self.watch.take()) {
                source.unwatch(watch);
            }
            self.news.wake();
        }
    }
}

impl Drop for Bus {
    /// The descriptor is not to be closed while it is watched.
    fn drop(&mut self) {
        self.source.replace(None);
    }
}

/// A socket that is connected, without waiting: a bus that takes no connection is busy.
fn open(path: &Path) -> Result<UnixStream, Errno> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let end = socket(AddressFamily::Unix, SockType::Stream, flags, None)?;
    connect(end.as_raw_fd(), &UnixAddr::new(path)?)?;
    Ok(end.into())
}

/// Its answer is taken in while this is.
struct Call<'a> {
    bus: &'a Bus,
    serial: u32,
}

impl<'a> Call<'a> {
    fn begin(bus: &'a Bus, serial: u32) -> Self {
        bus.calls.borrow_mut().insert(serial, None);
        Self { bus, serial }
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        self.bus.calls.borrow_mut().remove(&self.serial);
    }
}

impl units::Bus for Bus {
    /// How many announcements were looked at.
    type Ends = u64;

    fn job_ends(&self) -> u64 {
        let ends = self.ends.borrow();
        ends.forgotten + ends.kept.len() as u64
    }

    fn announced(&self, job: &str, seen: &mut u64) -> Option<String> {
        let ends = self.ends.borrow();
        let first = usize::try_from(seen.saturating_sub(ends.forgotten)).unwrap_or(usize::MAX);
        let found = ends.kept.iter().skip(first).find(|(ended, _)| ended == job);
        *seen = ends.forgotten + ends.kept.len() as u64;
        found.map(|(_, result)| result.clone())
    }

    async fn announcement(
        &self,
        job: &str,
        seen: &mut u64,
        within: Duration,
    ) -> Result<Option<String>, CallError> {
        let mut over = pin!(sleep(within));
        poll_fn(|context| {
            if let Some(result) = self.announced(job, seen) {
                return Poll::Ready(Ok(Some(result)));
            }
            if let Some(why) = &*self.closed.borrow() {
                return Poll::Ready(Err(CallError::Interrupted(why.clone())));
            }
            self.news.add(context);
            over.as_mut().poll(context).map(|()| Ok(None))
        })
        .await
    }

    async fn load(&self, unit: &str) -> Result<String, CallError> {
        let object: OwnedObjectPath = self.manage("LoadUnit", &(unit,)).await?;
        Ok(object.as_str().to_owned())
    }

    async fn queue(&self, method: &str, unit: &str) -> Result<String, CallError> {
        let job: OwnedObjectPath = self.manage(method, &(unit, "replace")).await?;
        Ok(job.as_str().to_owned())
    }

    async fn unit_text(&self, unit: &str, name: &str) -> Result<String, CallError> {
        String::try_from(self.property(unit, UNIT, name).await?).map_err(|error| odd(name, &error))
    }

    async fn unit_flag(&self, unit: &str, name: &str) -> Result<bool, CallError> {
        bool::try_from(self.property(unit, UNIT, name).await?).map_err(|error| odd(name, &error))
    }

    async fn has_job(&self, job: &str) -> Result<bool, CallError> {
        match self.property(job, JOB, "State").await {
            Ok(_) => Ok(true),
            Err(CallError::Refused { name, .. }) if agents::is_unknown_object(&name) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// A property of another type than it has.
fn odd(name: &str, error: &zvariant::Error) -> CallError {
    CallError::Interrupted(format!("systemd's {name}: {error}"))
}
