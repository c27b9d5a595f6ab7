// SPDX-License-Identifier: LGPL-2.1-or-later
//! The socket of a remote peer in the runtime's hands.
//!
//! It is watched for something to read, and for room to send only while something waits to be sent. A socket that is
//! watched for both wakes the loop for its room, which is always there, whenever something has come and was read at
//! once: peers that write header and payload separately would wake it twice for most messages.
use super::watch::watch;
use std::cell::{Cell, RefCell};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::rc::Rc;
use tokio::io::unix::AsyncFd;
use tokio::io::{Interest, Ready};

type Watched = Rc<AsyncFd<Rc<TcpStream>>>;

/// See the module's documentation.
pub(super) struct Socket {
    stream: Rc<TcpStream>,
    /// None when the runtime has refused it.
    watched: RefCell<Option<Watched>>,
    /// Is it watched for room to send, too?
    for_room: Cell<bool>,
}

impl Socket {
    /// # Errors
    /// The runtime refuses it.
    pub(super) fn new(stream: tokio::net::TcpStream) -> io::Result<Self> {
        let stream = Rc::new(stream.into_std()?);
        let socket = Self { stream, watched: RefCell::default(), for_room: Cell::new(false) };
        socket.watch(false)?;
        Ok(socket)
    }

    fn watch(&self, for_room: bool) -> io::Result<Watched> {
        if let Some(watched) = &*self.watched.borrow()
            && self.for_room.get() == for_room
        {
            return Ok(Rc::clone(watched));
        }
        // A descriptor is watched once at a time.
        drop(self.watched.take());
        let interest = if for_room { Interest::READABLE | Interest::WRITABLE } else { Interest::READABLE };
        let watched = Rc::new(watch(Rc::clone(&self.stream), interest)?);
        self.for_room.set(for_room);
        self.watched.replace(Some(Rc::clone(&watched)));
        Ok(watched)
    }

    /// Waits until there is something to read, or room to send. For one task at a time.
    pub(super) async fn ready(&self, interest: Interest) -> io::Result<Ready> {
        let watched = self.watch(interest.is_writable())?;
        let ready = watched.ready(interest).await?.ready();
        Ok(ready)
    }

    /// Reads what is there. Without anything it is an error, of the kind that would block.
    pub(super) fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.attempt(Interest::READABLE, |mut stream| stream.read(buffer))
    }

    /// Sends what there is room for. Without any it is an error, of the kind that would block.
    pub(super) fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.attempt(Interest::WRITABLE, |mut stream| stream.write(bytes))
    }

    /// The latest read has emptied it: the runtime is to wait for more, without a read that finds nothing.
    pub(super) fn expect_nothing(&self) {
        let _ = self.attempt(Interest::READABLE, |_| Err::<(), _>(ErrorKind::WouldBlock.into()));
    }

    fn attempt<R>(
        &self,
        interest: Interest,
        operation: impl FnOnce(&TcpStream) -> io::Result<R>,
    ) -> io::Result<R> {
        match &*self.watched.borrow() {
            Some(watched) if interest.is_readable() || self.for_room.get() => {
                watched.try_io(interest, |stream| operation(stream))
            }
            _ => operation(&self.stream),
        }
    }

    /// Tells the peer that nothing more comes.
    pub(super) fn shut_down_writing(&self) {
        let _ = self.stream.shutdown(Shutdown::Write);
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    async fn pair() -> (Socket, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let peer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (Socket::new(listener.accept().await.unwrap().0).unwrap(), peer)
    }

    #[tokio::test]
    async fn room_wakes_nobody_while_nothing_waits_to_be_sent() {
        let (socket, mut peer) = pair().await;
        for text in [b"one", b"two"] {
            peer.write_all(text).unwrap();
            let ready = socket.ready(Interest::READABLE).await.unwrap();
            assert!(ready.is_readable() && !ready.is_writable());
            assert_eq!(socket.read(&mut [0; 8]).unwrap(), 3);
            socket.expect_nothing();
        }
        let watched = socket.watch(false).unwrap();
        assert!(watched.try_io(Interest::WRITABLE, |_| Ok(())).is_err(), "the runtime has been told of room");
    }

    #[tokio::test]
    async fn what_finds_no_room_is_sent_when_the_peer_has_read() {
        let (socket, mut peer) = pair().await;
        let (mut sent, mut received) = (0, 0);
        let bytes = vec![7; 1 << 20];
        let mut buffer = vec![0; 1 << 20];
        for _ in 0..3 {
            loop {
                match socket.write(&bytes) {
                    Ok(count) => sent += count,
                    Err(problem) => {
                        assert_eq!(problem.kind(), ErrorKind::WouldBlock);
                        break;
                    }
                }
            }
            while received < sent {
                received += peer.read(&mut buffer).unwrap();
            }
            assert!(socket.ready(Interest::READABLE | Interest::WRITABLE).await.unwrap().is_writable());
            sent += socket.write(b"again").unwrap();
            peer.write_all(b"x").unwrap();
            assert!(socket.ready(Interest::READABLE).await.unwrap().is_readable());
            assert_eq!(socket.read(&mut buffer).unwrap(), 1);
            socket.expect_nothing();
        }
    }
}
