// SPDX-License-Identifier: LGPL-2.1-or-later
//! From a host's name to a TCP connection.
use super::failure::Failure;
use super::target::Target;
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// Each address gets at least this long.
const SHORTEST_ATTEMPT: Duration = Duration::from_secs(1);

/// All addresses of the target's host. The resolver cannot be interrupted, so it works in a thread that is
/// left behind when it takes too long.
pub(super) fn resolve(target: &Target) -> Result<Vec<SocketAddr>, Failure> {
    let (sender, receiver) = mpsc::channel();
    let (host, port) = (target.host.clone(), target.port);
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(&host).to_owned();
    let resolver = thread::Builder::new().name("resolver".to_owned());
    let started = resolver.spawn(move || {
        let found = (bare.as_str(), port).to_socket_addrs().map(Iterator::collect::<Vec<_>>);
        // Nobody listens any longer when the limit has passed.
        let _ = sender.send(found);
    });
    if let Err(error) = started {
        return Err(Failure::name(&target.host, &error.to_string()));
    }
    let addresses = match receiver.recv_timeout(target.connect_limit) {
        Ok(Ok(addresses)) => addresses,
        Ok(Err(error)) => return Err(Failure::name(&target.host, &error.to_string())),
        Err(_) => return Err(Failure::name(&target.host, "the name service does not answer")),
    };
    if addresses.is_empty() {
        return Err(Failure::name(&target.host, "the name service knows none"));
    }
    Ok(addresses)
}

/// Connects to the first address that answers.
pub(super) fn connect(target: &Target, addresses: &[SocketAddr]) -> Result<TcpStream, Failure> {
    let deadline = Instant::now() + target.connect_limit;
    let mut failure: Option<(SocketAddr, io::Error)> = None;
    for (tried, address) in addresses.iter().enumerate() {
        let left = u32::try_from(addresses.len() - tried).unwrap_or(u32::MAX);
        let limit = deadline.saturating_duration_since(Instant::now()) / left;
        match TcpStream::connect_timeout(address, limit.max(SHORTEST_ATTEMPT.min(target.connect_limit))) {
            Ok(stream) => return Ok(stream),
            // A refusal tells more than silence.
            Err(error) if failure.is_none() || error.kind() == ErrorKind::ConnectionRefused => {
                failure = Some((*address, error));
            }
            Err(_) => {}
        }
    }
    Err(match failure {
        Some((address, error)) => Failure::tcp(&address.to_string(), &error),
        None => Failure::name(&target.host, "the name service knows none"),
    })
}
