// SPDX-License-Identifier: LGPL-2.1-or-later
//! The connection to the fencer, on a thread of its own: libqb's client waits when it connects and when the
//! fencer does not read. Whatever the fencer does, only this thread notices.
use crate::model::site::IPC_BUFFER;
use crate::sys::qb::{Client, Trusted};
use crate::wire::fencer::{SERVER, decode_hello, encode_hello};
use crate::wire::ipc::{Assembler, IpcLayout, detect, encode, flag};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::io::{self, Read as _, Write as _};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread;
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

const HELLO_LIMIT_MS: i32 = 10_000;
/// How long a fencer may leave its buffer full.
const SEND_ATTEMPTS: u32 = 500;
const BETWEEN_SENDS: Duration = Duration::from_millis(10);
const STACK_SIZE: usize = 256 * 1024;
/// Our name among the fencer's clients.
const CLIENT_NAME: &str = "pacemaker-execd";

/// Where the fencer is, and how often to look.
pub(super) struct Target {
    pub(super) server: String,
    /// Whose fencer we talk to: what we tell it holds the passwords of fence devices.
    pub(super) trusted: Trusted,
    pub(super) attempts: u32,
    pub(super) between_attempts: Duration,
}

impl Default for Target {
    /// The fencer of this node, which is always root's. As upstream: one that was killed is back within this time.
    fn default() -> Self {
        Self {
            server: SERVER.to_owned(),
            trusted: Trusted::Root,
            attempts: 10,
            between_attempts: Duration::from_secs(2),
        }
    }
}

/// What the thread is to do.
pub(super) enum Command {
    /// Connect, trying for a while; answered by `Connected` or `Unreachable`.
    Connect,
    /// Send this, if there is a connection; `Lost` tells when it was in vain.
    Send(String),
}

/// What the thread tells.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum LinkEvent {
    /// There is a connection, with this token.
    Connected(String),
    /// There is none, for this reason.
    Unreachable(String),
    /// The fencer sent this.
    Received(String),
    /// There is none any longer, for this reason.
    Lost(String),
}

/// The thread; it ends when this is dropped.
pub(super) struct Link {
    commands: Sender<Command>,
    wake: UnixStream,
}

impl Link {
    /// Starts the thread.
    pub(super) fn start(target: Target) -> io::Result<(Self, UnboundedReceiver<LinkEvent>)> {
        let (wake, woken) = UnixStream::pair()?;
        wake.set_nonblocking(true)?;
        woken.set_nonblocking(true)?;
        let (commands, queue) = channel();
        let (events, heard) = unbounded_channel();
        let worker = Worker { target, queue, woken, events };
        thread::Builder::new().name("fencer".into()).stack_size(STACK_SIZE).spawn(move || worker.run())?;
        Ok((Self { commands, wake }, heard))
    }

    pub(super) fn command(&self, command: Command) {
        // The thread ends only after us; and a full pipe wakes it as well.
        let _ = self.commands.send(command);
        let _ = (&self.wake).write(&[0]);
    }
}

struct Worker {
    target: Target,
    queue: Receiver<Command>,
    woken: UnixStream,
    events: UnboundedSender<LinkEvent>,
}

impl Worker {
    fn run(mut self) {
        let mut connection = None;
        loop {
            match self.queue.try_recv() {
                Ok(Command::Connect) => connection = self.connect(),
                Ok(Command::Send(text)) => {
                    if let Some(Err(problem)) = connection.as_mut().map(|open| open.send(&text)) {
                        connection = self.lost(problem);
                    }
                }
                Err(TryRecvError::Empty) => {
                    if let Err(problem) = self.wait(connection.as_mut()) {
                        connection = self.lost(problem);
                    }
                }
                Err(TryRecvError::Disconnected) => return,
            }
        }
    }

    fn tell(&self, event: LinkEvent) {
        // Nobody hears when the daemon exits.
        let _ = self.events.send(event);
    }

    fn lost(&self, problem: String) -> Option<Connection> {
        self.tell(LinkEvent::Lost(problem));
        None
    }

    #[allow(clippy::disallowed_methods, reason = "this thread is there to wait")]
    fn connect(&self) -> Option<Connection> {
        let mut problem = String::new();
        for attempt in 0..self.target.attempts {
            if attempt > 0 {
                thread::sleep(self.target.between_attempts);
            }
            match Connection::open(&self.target) {
                Ok((connection, token)) => {
                    self.tell(LinkEvent::Connected(token));
                    return Some(connection);
                }
                Err(reason) => problem = reason,
            }
        }
        self.tell(LinkEvent::Unreachable(format!("{problem} ({} attempts)", self.target.attempts)));
        None
    }

    /// Waits for a command or for the fencer; an error is the end of the connection.
    fn wait(&mut self, connection: Option<&mut Connection>) -> Result<(), String> {
        let woken = PollFd::new(self.woken.as_fd(), PollFlags::POLLIN);
        let fencer = match &connection {
            Some(open) => Some(open.client.event_fd().map_err(said)?),
            None => None,
        };
        let fencer = fencer.map(|fd| PollFd::new(fd, PollFlags::POLLIN));
        let mut waiting: Vec<_> = [Some(woken), fencer].into_iter().flatten().collect();
        match poll(&mut waiting, PollTimeout::NONE) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(said(errno)),
        }
        let fencer = waiting.get(1).and_then(PollFd::revents).unwrap_or(PollFlags::empty());
        let mut bytes = [0; 64];
        let _ = self.woken.read(&mut bytes);
        match connection {
            Some(open) if !fencer.is_empty() => {
                open.receive(|text| self.tell(LinkEvent::Received(text)))?;
                match fencer.intersects(PollFlags::POLLHUP | PollFlags::POLLERR | PollFlags::POLLNVAL) {
                    true => Err("it has gone".to_owned()),
                    false => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }
}

/// A connection that has introduced itself.
struct Connection {
    client: Client,
    assembler: Assembler,
    last_id: i32,
}

impl Connection {
    /// Connects and says hello; the connection's token. The hello is laid out as by releases up to 3.0.0, which
    /// later ones can read as well; the answer's layout is that of the rest.
    fn open(target: &Target) -> Result<(Self, String), String> {
        let client =
            Client::connect(&target.server, IPC_BUFFER, target.trusted).map_err(|error| error.to_string())?;
        let mut connection = Self { client, assembler: Assembler::new(IpcLayout::Old), last_id: 0 };
        connection.send_flagged(&encode_hello(CLIENT_NAME), flag::RESPONSE_WANTED)?;
        let answer = connection.client.receive(HELLO_LIMIT_MS).map_err(said)?;
        let layout = detect(&answer).ok_or("its answer has an unknown header")?;
        connection.assembler = Assembler::new(layout);
        let text = connection.assembler.push(&answer).map_err(|problem| problem.to_string())?;
        let token = text.and_then(|answer| decode_hello(&answer.text));
        let token = token.ok_or("it did not accept our introduction")?;
        Ok((connection, token))
    }

    fn send(&mut self, text: &str) -> Result<(), String> {
        self.send_flagged(text, 0)
    }

    fn send_flagged(&mut self, text: &str, flags: u32) -> Result<(), String> {
        self.last_id = self.last_id.checked_add(1).unwrap_or(1);
        let buffer = self.client.buffer_size();
        let parts = encode(self.assembler.layout(), self.last_id, flags, text, buffer);
        for part in parts.map_err(|problem| problem.to_string())? {
            self.send_part(&part)?;
        }
        Ok(())
    }

    #[allow(clippy::disallowed_methods, reason = "this thread is there to wait")]
    fn send_part(&self, part: &[u8]) -> Result<(), String> {
        for _ in 0..SEND_ATTEMPTS {
            match self.client.send(part) {
                Err(Errno::EAGAIN | Errno::EINTR | Errno::ENOBUFS) => thread::sleep(BETWEEN_SENDS),
                other => return other.map_err(said),
            }
        }
        Err("it does not read".to_owned())
    }

    /// Takes what has come.
    fn receive(&mut self, mut tell: impl FnMut(String)) -> Result<(), String> {
        loop {
            match self.client.receive_event(0) {
                Ok(message) => {
                    let request = self.assembler.push(&message).map_err(|problem| problem.to_string())?;
                    if let Some(request) = request {
                        tell(request.text);
                    }
                }
                Err(Errno::EAGAIN | Errno::ETIMEDOUT | Errno::EINTR | Errno::ENOMSG) => return Ok(()),
                Err(errno) => return Err(said(errno)),
            }
        }
    }
}

fn said(errno: Errno) -> String {
    errno.desc().to_owned()
}
