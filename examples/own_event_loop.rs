// SPDX-License-Identifier: LGPL-2.1-or-later
//! Drives the protocol from an event loop of the program's own, here poll(2): signs on, asks whether the executor
//! answers, and ends.
//!
//!     cargo run --example own_event_loop -- HOST [PORT]
//!
//! The session has no socket and no clock. The loop carries bytes in both directions, says what time it is, and takes
//! events until there is none.
#![allow(clippy::disallowed_methods, reason = "an event loop reads the clock")]

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use pcmk_remote_rs::model::site::{KEY_FILES, REMOTE_PORT};
use pcmk_remote_rs::model::{Millis, Moment, Request};
use pcmk_remote_rs::protocol::core::ClientOutput;
use pcmk_remote_rs::protocol::tls::{ClientContext, Policy, Psk, read_key};
use pcmk_remote_rs::protocol::{ClientEvent, ClientSession};
use std::error::Error;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::fd::AsFd;
use std::time::Instant;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let host = arguments.next().ok_or("usage: own_event_loop HOST [PORT]")?;
    let port = arguments.next().map_or(Ok(REMOTE_PORT), |port| port.parse())?;

    let key = read_key(&KEY_FILES.map(Into::into))?;
    let context = ClientContext::new(&Psk::new(key)?, &Policy::default())?;
    let socket = TcpStream::connect((host.as_str(), port))?;
    socket.set_nonblocking(true)?;
    Loop {
        socket,
        session: ClientSession::new(&context, Some("own_event_loop"), false),
        origin: Instant::now(),
    }
    .run()
}

struct Loop {
    socket: TcpStream,
    session: ClientSession,
    /// The session counts time from here.
    origin: Instant,
}

impl Loop {
    fn now(&self) -> Moment {
        Moment::new(self.origin.elapsed())
    }

    fn run(mut self) -> Result<(), Box<dyn Error>> {
        loop {
            let now = self.now();
            self.session.core().tick(now);
            while let Some(event) = self.session.next_event(self.now()) {
                if self.take(event)? {
                    return Ok(());
                }
            }
            self.send()?;
            self.wait()?;
            self.receive()?;
        }
    }

    /// Whether all is done.
    fn take(&mut self, event: ClientEvent) -> Result<bool, Box<dyn Error>> {
        match event {
            ClientEvent::Handshaken { version, cipher } => println!("encrypted: {version}, {cipher}"),
            ClientEvent::Core(output) => return self.heard(output),
            ClientEvent::Failed(error) => return Err(error.into()),
            ClientEvent::Undecodable(reason) | ClientEvent::Unsendable(reason) => println!("{reason}"),
        }
        Ok(false)
    }

    fn heard(&mut self, output: ClientOutput) -> Result<bool, Box<dyn Error>> {
        match output {
            ClientOutput::Ready { version, .. } => {
                println!("signed on: protocol {version}");
                let now = self.now();
                self.session.core().call(Request::Poke, Millis(5_000), now)?;
            }
            ClientOutput::Answered(_, reply) => {
                println!("the executor answers: {}", reply.result()?.0);
                return Ok(true);
            }
            ClientOutput::Notification(notification) => println!("the executor tells: {notification:?}"),
            ClientOutput::LateReply(id, _) => println!("late answer to request {}", id.0),
            ClientOutput::Unanswered(_, error) | ClientOutput::Disconnected(error) => {
                return Err(error.into());
            }
        }
        Ok(false)
    }

    fn send(&mut self) -> Result<(), Box<dyn Error>> {
        while !self.session.output().is_empty() {
            match self.socket.write(self.session.output()) {
                Ok(count) => self.session.sent(count),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Until there is something to read, or to write if that is wanted, or a limit of the session has come.
    fn wait(&self) -> Result<(), Box<dyn Error>> {
        let wanted = match self.session.output().is_empty() {
            true => PollFlags::POLLIN,
            false => PollFlags::POLLIN | PollFlags::POLLOUT,
        };
        let timeout = match self.session.next_deadline() {
            Some(deadline) => PollTimeout::try_from(deadline.since(self.now()).as_millis() + 1)?,
            None => PollTimeout::NONE,
        };
        match poll(&mut [PollFd::new(self.socket.as_fd(), wanted)], timeout) {
            Ok(_) | Err(nix::errno::Errno::EINTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn receive(&mut self) -> Result<(), Box<dyn Error>> {
        let mut buffer = [0; 16 * 1024];
        match self.socket.read(&mut buffer) {
            Ok(0) => self.session.disconnected(),
            Ok(count) => self.session.receive(&buffer[..count]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }
}
