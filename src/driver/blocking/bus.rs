// SPDX-License-Identifier: LGPL-2.1-or-later
//! A connection to the system bus for a few calls, one after the other, under poll(2): what lists and describes
//! agents may be a library in somebody else's process, where neither a runtime nor a thread of ours belongs.
use crate::driver::link::timeout;
use crate::wire::dbus::{self, Answer, Arguments, Message, Method, Returned};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, poll};
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Instant;

const HELLO: Method<'_> = Method {
    owner: "org.freedesktop.DBus",
    object: "/org/freedesktop/DBus",
    interface: "org.freedesktop.DBus",
    name: "Hello",
};

/// A bus that has admitted us.
pub(super) struct Bus {
    stream: UnixStream,
    deadline: Instant,
    /// What has come and was not yet looked at.
    received: Vec<u8>,
    serial: u32,
}

impl Bus {
    /// Connects and signs on; that and all calls together take until the deadline at most.
    ///
    /// # Errors
    /// Why not, in words.
    pub(super) fn connect(path: &Path, deadline: Instant) -> Result<Self, String> {
        let at = |error: io::Error| format!("D-Bus at {}: {error}", path.display());
        let stream = UnixStream::connect(path).map_err(at)?;
        stream.set_nonblocking(true).map_err(at)?;
        let mut bus = Self { stream, deadline, received: Vec::new(), serial: 0 };
        bus.sign_on().map_err(at)?;
        let name: Answer<String> = bus.call(HELLO, &())?;
        match name {
            Answer::Value(_) => Ok(bus),
            Answer::Refused(error, words) => Err(format!("D-Bus: {words} ({error})")),
        }
    }

    fn sign_on(&mut self) -> io::Result<()> {
        self.send(dbus::sign_on(nix::unistd::geteuid().as_raw()).as_bytes())?;
        loop {
            match dbus::is_admitted(&self.received) {
                None => self.receive()?,
                Some(false) => return Err(ErrorKind::PermissionDenied.into()),
                Some(true) => break,
            }
        }
        self.received.clear();
        self.send(dbus::BEGIN.as_bytes())
    }

    /// Calls a method and waits for its answer.
    ///
    /// # Errors
    /// Why there is none, in words.
    pub(super) fn call<T: Returned>(
        &mut self,
        method: Method<'_>,
        arguments: &impl Arguments,
    ) -> Result<Answer<T>, String> {
        let failed = |error: io::Error| format!("D-Bus, {}: {error}", method.name);
        let nonsense = |error: dbus::DbusError| format!("D-Bus, {}: {error}", method.name);
        self.serial += 1;
        let call = dbus::call(method, arguments, self.serial).map_err(nonsense)?;
        self.send(&call).map_err(failed)?;
        loop {
            match Message::first(&self.received).map_err(nonsense)? {
                Some((message, length)) => {
                    self.received.drain(..length);
                    // The bus tells us our name too.
                    if message.answers == self.serial {
                        return message.answer().map_err(nonsense);
                    }
                }
                None => self.receive().map_err(failed)?,
            }
        }
    }

    fn send(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.stream.write(bytes) {
                Ok(count) => bytes = bytes.get(count..).unwrap_or_default(),
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.wait(PollFlags::POLLOUT)?,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Waits until something more has come.
    fn receive(&mut self) -> io::Result<()> {
        let mut buffer = [0; 16 * 1024];
        loop {
            match self.stream.read(&mut buffer) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(count) => {
                    self.received.extend_from_slice(buffer.get(..count).unwrap_or_default());
                    return Ok(());
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.wait(PollFlags::POLLIN)?,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn wait(&self, interest: PollFlags) -> io::Result<()> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        match poll(&mut [PollFd::new(self.stream.as_fd(), interest)], timeout(left)) {
            Ok(0) => Err(ErrorKind::TimedOut.into()),
            Ok(_) | Err(Errno::EINTR) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }
}
