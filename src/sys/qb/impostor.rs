// SPDX-License-Identifier: LGPL-2.1-or-later
//! A foreign user who holds a server's name, for tests, and what clients do about it.
use super::names;
use super::{Client, ConnectError, CreateError, Grant, Server, ServerId, Settings, Transport, Trusted};
use nix::errno::Errno;
use nix::sys::socket::{Backlog, listen};
use std::io::{Read as _, Write as _};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{JoinHandle, spawn};
use std::time::Duration;

/// The user called nobody.
const NOBODY: libc::uid_t = 65_534;
const STOP: &[u8] = b"stop";
/// libqb's greeting.
const GREETING: usize = 24;
/// Bytes that a client asks for; any number that libqb takes will do.
const BUFFER: usize = 64 * 1024;

/// Listens until it is dropped. Where the tests are root's it is nobody, else it is simply not root.
pub(crate) struct Impostor {
    name: String,
    received: Receiver<Vec<u8>>,
    thread: Option<JoinHandle<()>>,
}

impl Impostor {
    pub(crate) fn hold(name: &str) -> Self {
        let (tell, received) = channel();
        let (ready, listening) = channel();
        let address = address(name);
        let thread = spawn(move || {
            become_nobody();
            let listener = UnixListener::bind_addr(&address).unwrap();
            ready.send(()).unwrap();
            serve(&listener, &tell);
        });
        listening.recv().unwrap();
        Self { name: name.to_owned(), received, thread: Some(thread) }
    }

    /// What came over the next connection, from its beginning to its end.
    pub(crate) fn next_received(&self) -> Vec<u8> {
        self.received.recv_timeout(Duration::from_secs(30)).expect("no connection that has ended")
    }
}

impl Drop for Impostor {
    fn drop(&mut self) {
        if let Ok(mut stream) = UnixStream::connect_addr(&address(&self.name)) {
            let _ = stream.write_all(STOP);
        }
        let _ = self.thread.take().unwrap().join();
    }
}

/// Answers every connection with zeroes, and takes what comes.
fn serve(listener: &UnixListener, tell: &Sender<Vec<u8>>) {
    loop {
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.write_all(&[0; 16 * 1024]);
        let mut bytes = Vec::new();
        // A peer that leaves our answer unread resets the connection.
        let _ = stream.read_to_end(&mut bytes);
        if bytes == STOP {
            return;
        }
        let _ = tell.send(bytes);
    }
}

fn address(name: &str) -> SocketAddr {
    let mut padded = [0; 107];
    padded[..name.len()].copy_from_slice(name.as_bytes());
    SocketAddr::from_abstract_name(padded).unwrap()
}

/// The calling thread alone: the kernel keeps users by thread, and only the C library makes them one.
fn become_nobody() {
    if nix::unistd::geteuid().is_root() {
        // SAFETY: system calls with plain numbers.
        unsafe {
            assert_eq!(libc::syscall(libc::SYS_setresgid, NOBODY, NOBODY, NOBODY), 0);
            assert_eq!(libc::syscall(libc::SYS_setresuid, NOBODY, NOBODY, NOBODY), 0);
        }
    }
}

fn name(test: &str) -> String {
    format!("test-impostor-{}-{test}", std::process::id())
}

fn assert_untrusted(error: &ConnectError, name: &str) {
    assert!(matches!(error, ConnectError::Untrusted { .. }), "{error:?}");
    let (text, pid) = (error.to_string(), format!("process {} of", std::process::id()));
    assert!([name, &pid, "(uid ", "stop it"].iter().all(|word| text.contains(word)), "{text}");
}

#[test]
fn a_foreign_server_gets_no_byte() {
    let name = name("probe");
    let impostor = Impostor::hold(&name);
    for trusted in [Trusted::Root, Trusted::RootOr(|| None), Trusted::RootOr(|| Some(1))] {
        let error = Client::connect(&name, BUFFER, trusted).unwrap_err();
        assert_untrusted(&error, &name);
        assert_eq!(impostor.next_received(), b"");
    }
}

#[test]
fn a_server_of_a_trusted_user_other_than_root_is_talked_to() {
    fn holder() -> Option<u32> {
        Some(if nix::unistd::geteuid().is_root() { NOBODY } else { nix::unistd::geteuid().as_raw() })
    }
    let name = name("trusted");
    let impostor = Impostor::hold(&name);
    // It is no server of libqb's, so that the greeting is all that comes.
    let error = Client::connect(&name, BUFFER, Trusted::RootOr(holder)).unwrap_err();
    assert!(matches!(error, ConnectError::Failed(_)), "{error:?}");
    assert_eq!(impostor.next_received(), b"");
    assert_eq!(impostor.next_received().len(), GREETING);
}

#[test]
fn a_server_that_takes_the_name_after_the_first_look_gets_the_greeting_alone_and_is_not_read_from() {
    let name = name("race");
    let impostor = Impostor::hold(&name);
    let error = Client::greet(&name, BUFFER, Trusted::Root, Duration::from_secs(30)).unwrap_err();
    assert_untrusted(&error, &name);
    // It hears of the end, so libqb's socket has been closed.
    assert_eq!(impostor.next_received().len(), GREETING);
}

/// One that listens and never answers.
fn silent(name: &str) -> UnixListener {
    UnixListener::bind_addr(&address(name)).unwrap()
}

#[test]
fn a_trusted_server_that_does_not_answer_is_given_up() {
    let name = name("silent");
    let _server = silent(&name);
    let ours = Trusted::RootOr(|| Some(nix::unistd::geteuid().as_raw()));
    let error = Client::greet(&name, BUFFER, ours, Duration::from_millis(200)).unwrap_err();
    assert_eq!(error, ConnectError::NoAnswer { name: name.clone() });
}

#[test]
fn a_name_whose_holder_accepts_nothing_makes_neither_client_nor_server_wait() {
    let name = name("full");
    let server = silent(&name);
    listen(&server, Backlog::new(1).unwrap()).unwrap();
    let mut queue = Vec::new();
    while let Ok(socket) = names::find().unwrap().reach(&name) {
        queue.push(socket);
    }
    let error = Client::connect(&name, BUFFER, Trusted::Root).unwrap_err();
    assert_eq!(error, ConnectError::Failed(Errno::EAGAIN));
    let settings = Settings {
        name: name.clone(),
        id: ServerId(0),
        transport: Transport::SharedMemory,
        buffer_size: BUFFER as u32,
    };
    let error = Server::create(&settings, |_| Ok(Grant::Owner)).err().unwrap();
    assert_eq!(error, CreateError::NameTaken { name, holder: None });
}
