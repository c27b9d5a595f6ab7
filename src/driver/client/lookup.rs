// SPDX-License-Identifier: LGPL-2.1-or-later
//! From a host's name to its addresses, without waiting.
use nix::sys::signal::{SigSet, SigmaskHow};
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::thread;

/// The resolver's own needs, and room for the modules that it loads.
const STACK_SIZE: usize = 512 * 1024;

/// What the name service said.
type Answer = Result<Vec<SocketAddr>, String>;

/// The addresses that `host` says itself, when it is a number and no name; brackets are allowed.
pub(super) fn numeric(host: &str, port: u16) -> Option<SocketAddr> {
    let bare = bare(host);
    if let Ok(address) = bare.parse::<IpAddr>() {
        return Some(SocketAddr::new(address, port));
    }
    // An address of one link, "fe80::1%eth0", is no name either, yet only the resolver reads it.
    if bare.contains('%') {
        return (bare, port).to_socket_addrs().ok()?.next();
    }
    None
}

fn bare(host: &str) -> &str {
    host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host)
}

/// A question to the name service. The resolver cannot be interrupted, so a thread asks, which is left behind when
/// the answer is not wanted any longer. It takes no signal: those are the caller's.
#[derive(Debug)]
pub(super) struct Lookup {
    answer: Receiver<Answer>,
    done: UnixStream,
}

impl Lookup {
    pub(super) fn start(host: &str, port: u16) -> io::Result<Self> {
        let (done, at_end) = UnixStream::pair()?;
        done.set_nonblocking(true)?;
        let (sender, answer) = channel();
        let host = bare(host).to_owned();
        // A new thread has the mask of the one that starts it.
        let before = SigSet::all().thread_swap_mask(SigmaskHow::SIG_SETMASK)?;
        let started =
            thread::Builder::new().name("resolver".to_owned()).stack_size(STACK_SIZE).spawn(move || {
                // Closed after the answer is there: that is the signal.
                let _at_end = at_end;
                let found = (host.as_str(), port).to_socket_addrs().map(Iterator::collect::<Vec<_>>);
                // Fails when the caller has given up.
                let _ = sender.send(found.map_err(|error| error.to_string()));
            });
        before.thread_set_mask()?;
        started?;
        Ok(Self { answer, done })
    }

    /// The answer, once it is there.
    pub(super) fn take(&self) -> Option<Answer> {
        match self.answer.try_recv() {
            Ok(answer) => Some(answer),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => Some(Err("the resolver failed".to_owned())),
        }
    }

    /// Readable when the answer is there.
    pub(super) fn descriptor(&self) -> BorrowedFd<'_> {
        self.done.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

    #[test]
    fn numbers_need_no_resolver() {
        assert_eq!(numeric("127.0.0.1", 5), Some("127.0.0.1:5".parse().unwrap()));
        assert_eq!(numeric("[::1]", 5), Some("[::1]:5".parse().unwrap()));
        assert_eq!(numeric("localhost", 5), None);
    }

    #[test]
    fn a_name_is_found_by_a_thread_that_leaves_the_callers_signals_alone() {
        let before = SigSet::thread_get_mask().unwrap();
        let lookup = Lookup::start("localhost", 7).unwrap();
        assert_eq!(SigSet::thread_get_mask().unwrap(), before);
        poll(&mut [PollFd::new(lookup.descriptor(), PollFlags::POLLIN)], PollTimeout::NONE).unwrap();
        let addresses = lookup.take().unwrap().unwrap();
        assert!(addresses.iter().all(|address| address.ip().is_loopback() && address.port() == 7));
        assert!(!addresses.is_empty());
    }
}
