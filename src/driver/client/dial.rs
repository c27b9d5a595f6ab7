// SPDX-License-Identifier: LGPL-2.1-or-later
//! From addresses to a TCP connection, without waiting: each address in turn.
use super::Problem;
use crate::transport::tcp;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{
    AddressFamily, SockFlag, SockType, SockaddrStorage, connect, getsockopt, socket, sockopt,
};
use std::collections::VecDeque;
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

/// Each address gets at least this long.
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
pub(super) struct Dial {
    rest: VecDeque<SocketAddr>,
    attempt: Option<Attempt>,
    deadline: Instant,
    failure: Option<(SocketAddr, Errno)>,
    user_timeout: Duration,
}

/// What came of it.
#[derive(Debug)]
pub(super) enum Dialed {
    /// Not yet.
    Pending,
    /// A connection.
    Connected(TcpStream),
    /// No address answers.
    Failed(Problem),
}

impl Dial {
    /// To be advanced at once. `user_timeout`: how long sent data may stay unacknowledged.
    pub(super) fn new(addresses: Vec<SocketAddr>, deadline: Instant, user_timeout: Duration) -> Self {
        Self { rest: addresses.into(), attempt: None, deadline, failure: None, user_timeout }
    }

    /// Goes on without waiting. A failure right at the first call means that no attempt could even begin.
    pub(super) fn advance(&mut self, now: Instant) -> Dialed {
        loop {
            if let Some(attempt) = self.attempt.take() {
                match finished(&attempt, now) {
                    Ok(true) => return Dialed::Connected(TcpStream::from(attempt.socket)),
                    Ok(false) => {
                        self.attempt = Some(attempt);
                        return Dialed::Pending;
                    }
                    Err(errno) => self.failed(attempt.address, errno),
                }
            }
            let Some(address) = self.rest.pop_front() else {
                let failure = self.failure.map(|(address, errno)| Problem::Tcp { address, errno });
                return Dialed::Failed(
                    failure.unwrap_or_else(|| Problem::Name("it has no address".to_owned())),
                );
            };
            let left = u32::try_from(self.rest.len()).unwrap_or(u32::MAX).saturating_add(1);
            let share = self.deadline.saturating_duration_since(now) / left;
            let deadline = (now + share.max(SHORTEST_ATTEMPT)).min(self.deadline);
            match begin(address, self.user_timeout) {
                // What came of it is news for the next time: the caller tells it apart from what is clear at once.
                Ok(socket) => {
                    self.attempt = Some(Attempt { socket, address, deadline });
                    return Dialed::Pending;
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

    /// Writable, or in error, when there is news; None before the first [`advance`](Self::advance).
    pub(super) fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.attempt.as_ref().map(|attempt| attempt.socket.as_fd())
    }

    /// When [`advance`](Self::advance) is due even without news.
    pub(super) fn deadline(&self) -> Instant {
        self.attempt.as_ref().map_or(self.deadline, |attempt| attempt.deadline)
    }
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
    let mut descriptors = [PollFd::new(attempt.socket.as_fd(), PollFlags::POLLOUT)];
    match poll(&mut descriptors, PollTimeout::ZERO) {
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
    use std::net::TcpListener;

    fn dial(addresses: Vec<SocketAddr>) -> Dialed {
        let mut dial = Dial::new(addresses, Instant::now() + Duration::from_secs(5), Duration::from_secs(1));
        loop {
            match dial.advance(Instant::now()) {
                Dialed::Pending => {
                    let fd = dial.descriptor().unwrap();
                    poll(&mut [PollFd::new(fd, PollFlags::POLLOUT)], PollTimeout::NONE).unwrap();
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
        let Dialed::Connected(stream) = dial(vec![closed, open]) else { panic!("not connected") };
        assert_eq!(stream.peer_addr().unwrap(), open);
        let refused = dial(vec![closed]);
        assert!(
            matches!(refused, Dialed::Failed(Problem::Tcp { errno: Errno::ECONNREFUSED, .. })),
            "{refused:?}"
        );
    }

    #[test]
    fn without_an_address_there_is_no_connection() {
        assert!(matches!(dial(vec![]), Dialed::Failed(Problem::Name(_))));
    }
}
