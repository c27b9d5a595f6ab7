// SPDX-License-Identifier: LGPL-2.1-or-later
//! From a host's name to a TCP connection, without waiting: the name, then each of its addresses in turn, within one
//! limit.
use super::lookup::{self, Lookup};
use super::{Problem, RemoteSettings, Wanted};
use crate::transport::tcp;
use nix::errno::Errno;
use nix::poll::{PollTimeout, poll};
use nix::sys::socket::{
    AddressFamily, SockFlag, SockType, SockaddrStorage, connect, getsockopt, socket, sockopt,
};
use std::collections::VecDeque;
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

/// Each address gets at least this long, but no more than half of what is left for it and those behind it.
const SHORTEST_ATTEMPT: Duration = Duration::from_secs(1);

/// An attempt at one address.
#[derive(Debug)]
struct Attempt {
    socket: OwnedFd,
    address: SocketAddr,
    deadline: Instant,
}

/// A connection that is being made.
#[derive(Debug)]
pub(in crate::driver) struct Dial {
    host: String,
    /// None once the name service has answered.
    lookup: Option<Lookup>,
    addresses: Vec<SocketAddr>,
    /// Of these, the ones that were not tried yet.
    rest: VecDeque<SocketAddr>,
    attempt: Option<Attempt>,
    attempts: u32,
    deadline: Instant,
    failure: Option<(SocketAddr, Errno)>,
    user_timeout: Duration,
}

/// What came of it.
#[derive(Debug)]
pub(in crate::driver) enum Dialed {
    /// Not yet.
    Pending,
    /// A connection.
    Connected(TcpStream),
    /// No address answers.
    Failed(Problem),
}

impl Dial {
    /// To be advanced at once.
    ///
    /// # Errors
    /// The name service cannot be asked.
    pub(in crate::driver) fn new(settings: &RemoteSettings, now: Instant) -> Result<Self, Problem> {
        let RemoteSettings { server, port, connect_limit, user_timeout, .. } = settings;
        let (addresses, lookup) = match lookup::numeric(server, *port) {
            Some(address) => (vec![address], None),
            None => {
                let started = Lookup::start(server, *port).map_err(|error| no_address(server, error));
                (Vec::new(), Some(started?))
            }
        };
        Ok(Self {
            host: server.clone(),
            lookup,
            rest: addresses.clone().into(),
            addresses,
            attempt: None,
            attempts: 0,
            deadline: now + *connect_limit,
            failure: None,
            user_timeout: *user_timeout,
        })
    }

    /// Goes on without waiting.
    pub(in crate::driver) fn advance(&mut self, now: Instant) -> Dialed {
        match self.look_up(now).and_then(|found| if found { self.connect(now) } else { Ok(None) }) {
            Ok(None) => Dialed::Pending,
            Ok(Some(stream)) => Dialed::Connected(stream),
            Err(problem) => Dialed::Failed(problem),
        }
    }

    /// Are the addresses known?
    fn look_up(&mut self, now: Instant) -> Result<bool, Problem> {
        let Some(lookup) = &self.lookup else { return Ok(true) };
        match lookup.take() {
            Some(Ok(addresses)) => {
                self.lookup = None;
                self.rest = addresses.clone().into();
                self.addresses = addresses;
                Ok(true)
            }
            Some(Err(reason)) => Err(no_address(&self.host, reason)),
            None if now >= self.deadline => Err(Problem::NameTimedOut { host: self.host.clone() }),
            None => Ok(false),
        }
    }

    fn connect(&mut self, now: Instant) -> Result<Option<TcpStream>, Problem> {
        loop {
            if let Some(attempt) = self.attempt.take() {
                match finished(&attempt, now) {
                    Ok(true) => return Ok(Some(TcpStream::from(attempt.socket))),
                    Ok(false) => {
                        self.attempt = Some(attempt);
                        return Ok(None);
                    }
                    Err(errno) => self.failed(attempt.address, errno),
                }
            }
            if let Some((address, errno)) = self.failure
                && (self.rest.is_empty() || now >= self.deadline)
            {
                return Err(Problem::Tcp { address, errno });
            }
            let count = u32::try_from(self.rest.len()).unwrap_or(u32::MAX);
            let Some(address) = self.rest.pop_front() else {
                return Err(no_address(&self.host, "the name service knows none"));
            };
            let left = self.deadline.saturating_duration_since(now);
            let deadline = now + (left / count).max(SHORTEST_ATTEMPT.min(left / 2));
            match begin(address, self.user_timeout) {
                // What came of it is news for the next time: the caller tells it apart from what is clear at once.
                Ok(socket) => {
                    self.attempts = self.attempts.wrapping_add(1);
                    self.attempt = Some(Attempt { socket, address, deadline });
                    return Ok(None);
                }
                Err(errno) => self.failed(address, errno),
            }
        }
    }

    /// A refusal tells more than silence.
    fn failed(&mut self, address: SocketAddr, errno: Errno) {
        log::info!("Could not connect to {address}: {}", errno.desc());
        if self.failure.is_none() || errno == Errno::ECONNREFUSED {
            self.failure = Some((address, errno));
        }
    }

    /// The host's addresses; empty until they are known.
    pub(in crate::driver) fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Ready, or in error, when there is news, and a number that changes with the descriptor; None before the first
    /// [`advance`](Self::advance).
    pub(in crate::driver) fn descriptor(&self) -> Option<(BorrowedFd<'_>, Wanted, u32)> {
        match (&self.lookup, &self.attempt) {
            (Some(lookup), _) => Some((lookup.descriptor(), Wanted::READ, self.attempts)),
            (None, Some(attempt)) => Some((attempt.socket.as_fd(), Wanted::WRITE, self.attempts)),
            (None, None) => None,
        }
    }

    /// When [`advance`](Self::advance) is due even without news.
    pub(in crate::driver) fn deadline(&self) -> Instant {
        self.attempt.as_ref().map_or(self.deadline, |attempt| attempt.deadline)
    }

    /// How often a connection was tried.
    pub(super) const fn attempts(&self) -> u32 {
        self.attempts
    }
}

fn no_address(host: &str, reason: impl ToString) -> Problem {
    Problem::Name { host: host.to_owned(), reason: reason.to_string() }
}

/// Starts to connect. A connection that is there at once is seen by `finished` like any other.
fn begin(address: SocketAddr, user_timeout: Duration) -> Result<OwnedFd, Errno> {
    let family = if address.is_ipv6() { AddressFamily::Inet6 } else { AddressFamily::Inet };
    let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
    let socket = socket(family, SockType::Stream, flags, None)?;
    tcp::notice_loss(&socket, user_timeout)?;
    match connect(socket.as_raw_fd(), &SockaddrStorage::from(address)) {
        Ok(()) | Err(Errno::EINPROGRESS | Errno::EINTR) => Ok(socket),
        Err(errno) => Err(errno),
    }
}

/// Is the connection there?
fn finished(attempt: &Attempt, now: Instant) -> Result<bool, Errno> {
    match poll(&mut [Wanted::WRITE.of(attempt.socket.as_fd())], PollTimeout::ZERO) {
        Ok(0) | Err(Errno::EINTR) if now >= attempt.deadline => Err(Errno::ETIMEDOUT),
        Ok(0) | Err(Errno::EINTR) => Ok(false),
        Ok(_) => match getsockopt(&attempt.socket, sockopt::SocketError)? {
            0 => Ok(true),
            error => Err(Errno::from_raw(error)),
        },
        Err(errno) => Err(errno),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::driver::client::Keys;
    use crate::driver::link::wait;
    use nix::sys::socket::{Backlog, listen};
    use std::net::TcpListener;
    use std::sync::Arc;

    fn dial(addresses: Vec<SocketAddr>, limit: Duration, now: Instant) -> Dial {
        let keys = Arc::new(Keys::new(Vec::new(), ""));
        let settings = RemoteSettings { connect_limit: limit, ..RemoteSettings::new("127.0.0.1", 1, keys) };
        let mut dial = Dial::new(&settings, now).unwrap();
        dial.rest = addresses.into();
        dial
    }

    fn dialed(addresses: Vec<SocketAddr>) -> Dialed {
        let mut dial = dial(addresses, Duration::from_secs(60), Instant::now());
        loop {
            match dial.advance(Instant::now()) {
                Dialed::Pending => {
                    let (descriptor, wanted, _) = dial.descriptor().unwrap();
                    wait(descriptor, wanted, None);
                }
                other => return other,
            }
        }
    }

    #[test]
    fn the_next_address_is_tried_when_one_refuses() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let open = listener.local_addr().unwrap();
        let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let Dialed::Connected(stream) = dialed(vec![closed, open]) else { panic!("not connected") };
        assert_eq!(stream.peer_addr().unwrap(), open);
        let refused = dialed(vec![closed]);
        assert!(
            matches!(refused, Dialed::Failed(Problem::Tcp { errno: Errno::ECONNREFUSED, .. })),
            "{refused:?}"
        );
    }

    #[test]
    fn without_an_address_there_is_no_connection() {
        assert!(matches!(dialed(vec![]), Dialed::Failed(Problem::Name { .. })));
    }

    #[test]
    fn all_addresses_together_have_as_long_as_the_limit() {
        // A full queue of connections: what comes further is not answered.
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listen(&listener, Backlog::new(0).unwrap()).unwrap();
        let address = listener.local_addr().unwrap();
        let _filler = TcpStream::connect(address).unwrap();
        let (begun, limit) = (Instant::now(), Duration::from_secs(10));
        let mut dial = dial(vec![address; 30], limit, begun);
        let mut now = begun;
        let mut numbers = Vec::new();
        let failed = loop {
            match dial.advance(now) {
                Dialed::Pending => {
                    numbers.push(dial.descriptor().unwrap().2);
                    now = dial.deadline();
                }
                other => break other,
            }
        };
        assert!(matches!(failed, Dialed::Failed(Problem::Tcp { errno: Errno::ETIMEDOUT, .. })), "{failed:?}");
        assert_eq!(now - begun, limit);
        // Each was tried, with another number for its descriptor.
        assert_eq!(numbers, (1..=30).collect::<Vec<_>>());
    }
}
