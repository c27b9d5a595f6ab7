// SPDX-License-Identifier: LGPL-2.1-or-later
//! Peers without a key that connect, and then say nothing or never finish what they have begun.
use crate::node::PORT;
use crate::place::LIMIT;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::socket::{
    AddressFamily, SockFlag, SockType, SockaddrStorage, bind, connect, setsockopt, socket, sockopt,
};
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::os::fd::{AsFd, AsRawFd};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;

/// A network all of whose addresses are this host's, once [`own_network`] has been called.
const NETWORK: [u16; 4] = [0x2001, 0xdb8, 0, 7];

/// Gives this host every address of a /64, as a hosting customer has it.
pub(crate) fn own_network() {
    let network = address_in_network(0);
    let route = format!("{network}/64");
    let words = ["-6", "route", "add", "local", &route, "dev", "lo"];
    let status = Command::new("ip").args(words).status().expect("ip(8) of iproute2 is installed");
    assert!(status.success(), "a local route of a /64");
    std::fs::write("/proc/sys/net/ipv6/ip_nonlocal_bind", "1").expect("each address can be one's own");
}

/// An address of that network.
pub(crate) fn address_in_network(number: u16) -> IpAddr {
    let [a, b, c, d] = NETWORK;
    Ipv6Addr::new(a, b, c, d, 0, 0, 0, number).into()
}

/// `count` addresses of 127/8, none of which anybody else uses here.
pub(crate) fn loopback_addresses(count: u8) -> Vec<IpAddr> {
    (0..count).map(|number| Ipv4Addr::new(127, 0, 9, number).into()).collect()
}

/// Lets this process have as many descriptors as it may.
pub(crate) fn raise_descriptor_limit() {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).unwrap();
}

/// A connection from `source` to the daemon.
pub(crate) fn dial_from(source: IpAddr) -> TcpStream {
    let (family, destination) = match source {
        IpAddr::V4(_) => (AddressFamily::Inet, Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(_) => (AddressFamily::Inet6, address_in_network(1)),
    };
    let socket = socket(family, SockType::Stream, SockFlag::SOCK_CLOEXEC, None).unwrap();
    // Ports are given by destination, so that thousands of connections come and go.
    setsockopt(&socket, sockopt::IpBindAddressNoPort, &true).unwrap();
    let address = |ip: IpAddr, port| SockaddrStorage::from(SocketAddr::new(ip, port));
    bind(socket.as_raw_fd(), &address(source, 0)).unwrap();
    connect(socket.as_raw_fd(), &address(destination, PORT)).expect("the daemon listens");
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    stream
}

/// Connections that come again whenever the daemon closes them, until this is dropped.
pub(crate) struct Crowd {
    over: Arc<AtomicBool>,
    dialled: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

impl Crowd {
    /// `count` connections, taken from `sources` in turn, that begin with `words`.
    pub(crate) fn insist(sources: Vec<IpAddr>, count: usize, words: &'static [u8]) -> Self {
        let (over, dialled) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (ended, counter) = (Arc::clone(&over), Arc::clone(&dialled));
        let thread = std::thread::spawn(move || {
            let dial = |number: usize| {
                counter.fetch_add(1, Ordering::Relaxed);
                let mut stream = dial_from(sources[number % sources.len()]);
                // It may be closed again by now.
                let _ = stream.write_all(words);
                stream
            };
            let mut held: Vec<TcpStream> = (0..count).map(&dial).collect();
            while !ended.load(Ordering::Relaxed) {
                let closed = closed(&held);
                for number in closed {
                    held[number] = dial(number);
                }
            }
        });
        Self { over, dialled, thread: Some(thread) }
    }

    /// How many connections it has made.
    pub(crate) fn dialled(&self) -> u64 {
        self.dialled.load(Ordering::Relaxed)
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        let ended = self.thread.take().unwrap().join();
        assert!(ended.is_ok() || std::thread::panicking(), "the crowd panicked");
    }
}

/// Which connections the daemon has closed; waits a little for the first one.
pub(crate) fn closed(held: &[TcpStream]) -> Vec<usize> {
    let mut watched: Vec<_> =
        held.iter().map(|stream| PollFd::new(stream.as_fd(), PollFlags::POLLIN)).collect();
    poll(&mut watched, PollTimeout::from(20u8)).unwrap();
    let is_closed = |watched: &PollFd<'_>| watched.any().unwrap_or(true);
    watched.iter().enumerate().filter(|(_, watched)| is_closed(watched)).map(|(number, _)| number).collect()
}
