// SPDX-License-Identifier: LGPL-2.1-or-later
//! What a client can do to a server that takes libqb as it is.
#![allow(clippy::disallowed_methods, reason = "a test measures whether it had to wait")]
use super::*;
use nix::errno::Errno;
use std::cell::RefCell;
use std::mem::ManuallyDrop;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{JoinHandle, spawn};
use std::time::{Duration, Instant};

/// libqb sets SIGBUS's handler for the process while it disconnects somebody, so servers must not run in several
/// threads at once.
static ALONE: Mutex<()> = Mutex::new(());

/// The user of this process, who need not be root.
const OURS: Trusted = Trusted::RootOr(|| Some(nix::unistd::geteuid().as_raw()));

/// To be held while a server runs.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A server on this thread.
struct Bench {
    _alone: MutexGuard<'static, ()>,
    name: String,
    reactor: Rc<Reactor>,
    server: Option<Server>,
    events: RefCell<Vec<Event>>,
}

impl Bench {
    fn new(name: &str) -> Self {
        let alone = alone();
        let name = format!("test-qb-{}-{name}", std::process::id());
        let server = Server::create(&Self::settings(&name), |_| Ok(Grant::Owner)).unwrap();
        let reactor = Reactor::current().unwrap();
        Self { _alone: alone, name, reactor, server: Some(server), events: RefCell::default() }
    }

    fn settings(name: &str) -> Settings {
        let transport = Transport::SharedMemory;
        Settings { name: name.to_owned(), id: ServerId(0), transport, buffer_size: 131_072 }
    }

    /// Lets libqb work until `enough` says so.
    fn until<T>(&self, what: &str, enough: impl Fn(&[Event]) -> Option<T>) -> T {
        let started = Instant::now();
        loop {
            let before = Instant::now();
            self.reactor.dispatch(16).unwrap();
            assert!(before.elapsed() < Duration::from_secs(2), "a client made the server wait");
            self.events.borrow_mut().extend(std::iter::from_fn(|| self.reactor.next_event()));
            if let Some(found) = enough(&self.events.borrow()) {
                return found;
            }
            assert!(started.elapsed() < Duration::from_secs(20), "no {what}");
            std::thread::yield_now();
        }
    }

    fn messages(&self, count: usize) {
        let is_message = |event: &&Event| matches!(event, Event::Message { .. });
        self.until("messages", |all| (all.iter().filter(is_message).count() >= count).then_some(()));
    }

    fn wait_connected(&self) -> Connection {
        let is_new = |event: &Event| matches!(event, Event::Connected { .. });
        let at = self.until("connection", |all| all.iter().position(is_new));
        let Event::Connected { connection, .. } = self.events.borrow_mut().remove(at) else { unreachable!() };
        // The server knows of a connection before the client has finished setting it up.
        let hello = message(HELLO, 40);
        let is_hello = |e: &Event| matches!(e, Event::Message { connection: c, bytes } if *c == connection.id() && *bytes == hello);
        let at = self.until("hello", |all| all.iter().position(is_hello));
        self.events.borrow_mut().remove(at);
        connection
    }

    fn wait_closed(&self, which: ConnectionId) {
        let is_end = |e: &Event| matches!(e, Event::Closed { connection } if *connection == which);
        self.until("end of the connection", |all| all.iter().any(is_end).then_some(()));
    }
}

fn message(id: i32, size: usize) -> Vec<u8> {
    let mut message = vec![0; size];
    message[..4].copy_from_slice(&id.to_ne_bytes());
    message[8..12].copy_from_slice(&i32::try_from(size).unwrap().to_ne_bytes());
    message
}

#[derive(Debug, PartialEq, Eq)]
enum Leave {
    WithoutCleaningUp,
}

/// Id of a client's first message.
const HELLO: i32 = 99;

/// A client in a thread; it lives until the sender is dropped.
fn client(name: &str, act: impl FnOnce(&Client) + Send + 'static) -> (Sender<Leave>, JoinHandle<()>) {
    let (stay, leave) = channel();
    let name = name.to_owned();
    let thread = spawn(move || {
        let client = Client::connect(&name, 131_072, OURS).unwrap();
        client.send(&message(HELLO, 40)).unwrap();
        act(&client);
        if leave.recv() == Ok(Leave::WithoutCleaningUp) {
            let _ = ManuallyDrop::new(client);
        }
    });
    (stay, thread)
}

/// Sends `count` messages whose wake-up bytes get lost, as if the client were stopped before it wrote them.
fn send_without_waking(client: &Client, count: i32) {
    let (elsewhere, _end) = UnixStream::pair().unwrap();
    let socket = client.event_fd().unwrap();
    let kept: OwnedFd = socket.try_clone_to_owned().unwrap();
    // SAFETY: all three descriptors are open; libqb's number means its own socket again before anybody else looks.
    unsafe { assert!(libc::dup2(elsewhere.as_raw_fd(), socket.as_raw_fd()) >= 0) };
    for id in 0..count {
        client.send(&message(id, 40)).unwrap();
    }
    // SAFETY: as above.
    unsafe { assert!(libc::dup2(kept.as_raw_fd(), socket.as_raw_fd()) >= 0) };
}

#[test]
fn messages_whose_wake_ups_are_missing_do_not_make_the_server_wait() {
    let bench = Bench::new("wake");
    let (stay, thread) = client(&bench.name, |client| {
        send_without_waking(client, 4);
        client.send(&message(4, 40)).unwrap(); // Five messages, one byte.
    });
    let connection = bench.wait_connected();
    bench.messages(1);
    bench.reactor.dispatch(16).unwrap();
    drop(stay);
    bench.wait_closed(connection.id());
    thread.join().unwrap();
}

/// The files through which this process shares memory with clients of `name`.
fn shared_files(name: &str) -> Vec<std::path::PathBuf> {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let mut files: Vec<_> = maps
        .lines()
        .filter_map(|line| line.split_once('/').map(|(_, path)| std::path::PathBuf::from(format!("/{path}"))))
        .filter(|path| path.to_string_lossy().contains(name) && path.exists())
        .collect();
    files.sort();
    files.dedup();
    files
}

#[test]
fn a_client_that_takes_the_memory_away_is_disconnected_alone() {
    let bench = Bench::new("truncate");
    let (stay, thread) = client(&bench.name, |client| {
        client.send(&message(1, 40)).unwrap();
    });
    let connection = bench.wait_connected();
    bench.messages(1);
    let files = shared_files(&bench.name);
    assert_eq!(files.len(), 6, "{files:?}");
    let (survivor_stays, survivor) = client(&bench.name, |client| {
        assert_eq!(client.receive(30_000).unwrap(), message(7, 64));
    });
    let other = bench.wait_connected();
    for file in files.iter().filter(|file| file.to_string_lossy().contains("-response-")) {
        std::fs::File::options().write(true).open(file).unwrap().set_len(0).unwrap();
    }
    assert_eq!(connection.send_response(&message(1, 64)), Err(Errno::EFAULT));
    bench.wait_closed(connection.id());
    assert_eq!(other.send_response(&message(7, 64)), Ok(Sent::Done));
    // The culprit would fall over its own memory.
    stay.send(Leave::WithoutCleaningUp).unwrap();
    drop(survivor_stays);
    thread.join().unwrap();
    survivor.join().unwrap();
    // libqb knew the names from the memory that is gone.
    std::fs::remove_dir_all(files[0].parent().unwrap()).unwrap();
}

#[test]
fn a_full_ring_is_reported_and_does_not_wait() {
    let bench = Bench::new("full");
    let (stay, thread) = client(&bench.name, |_| {});
    let connection = bench.wait_connected();
    let mut sent = 0;
    while connection.send_event(&message(sent, 1000)).unwrap() == Sent::Done {
        sent += 1;
    }
    assert!((100..200).contains(&sent), "{sent}");
    assert_eq!(connection.send_event(&message(0, 131_073)), Err(Errno::EMSGSIZE));
    assert_eq!(connection.send_response(&message(0, 23)), Err(Errno::EINVAL));
    drop(stay);
    bench.wait_closed(connection.id());
    assert_eq!(connection.send_event(&message(0, 1000)), Err(Errno::ENOTCONN));
    thread.join().unwrap();
}

#[test]
fn a_connection_may_outlive_its_server_and_be_closed_at_any_time() {
    let mut bench = Bench::new("order");
    let (stay, thread) = client(&bench.name, |_| {});
    let first = bench.wait_connected();
    let (stay_too, second_thread) = client(&bench.name, |_| {});
    let second = bench.wait_connected();
    second.disconnect();
    second.disconnect();
    assert!(!second.is_open());
    bench.wait_closed(second.id());
    bench.server = None;
    assert!(!first.is_open());
    bench.wait_closed(first.id());
    drop((first, second));
    assert!(shared_files(&bench.name).is_empty(), "nothing is left behind");
    drop((stay, stay_too));
    thread.join().unwrap();
    second_thread.join().unwrap();
    assert!(
        Server::create(&Bench::settings(&bench.name), |_| Ok(Grant::Owner)).is_ok(),
        "the name is free again"
    );
}

#[test]
fn a_name_in_use_is_said_clearly() {
    let bench = Bench::new("taken");
    let error = Server::create(&Bench::settings(&bench.name), |_| Ok(Grant::Owner)).err().unwrap();
    let us = format!("process {} of user", std::process::id());
    let error = error.to_string();
    assert!([&us, "stop it first", &bench.name].iter().all(|word| error.contains(*word)), "{error}");
}
