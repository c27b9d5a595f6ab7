// SPDX-License-Identifier: LGPL-2.1-or-later
//! Listening sockets and socket options.
use crate::sys::tcp::set_quick_ack;
use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockType, SockaddrStorage, bind, listen as start_listening, setsockopt,
    socket, sockopt,
};
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, ToSocketAddrs};
use std::os::fd::AsFd;
use std::time::Duration;

/// Why no connection can be accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListenError {
    /// A name in `PCMK_remote_address` has no address.
    Name {
        /// As configured.
        name: String,
        /// The resolver's words.
        reason: String,
    },
    /// An address cannot be listened on.
    Bind {
        /// Address and port.
        address: SocketAddr,
        /// Why.
        reason: Errno,
    },
}

impl fmt::Display for ListenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name { name, reason } => {
                write!(f, "cannot listen on '{name}': {reason} (see PCMK_remote_address)")
            }
            Self::Bind { address, reason } => {
                write!(f, "cannot listen on {address}: {}", reason.desc())?;
                match reason {
                    Errno::EADDRINUSE => f.write_str(
                        " (does another pacemaker-remoted run? see PCMK_remote_port for another port)",
                    ),
                    Errno::EADDRNOTAVAIL => {
                        f.write_str(" (this host does not have that address; see PCMK_remote_address)")
                    }
                    Errno::EACCES => f.write_str(" (ports below 1024 are for root)"),
                    _ => Ok(()),
                }
            }
        }
    }
}

impl std::error::Error for ListenError {}

/// Splits `PCMK_remote_address`: addresses and names, separated by commas or blanks.
pub fn split_addresses(text: &str) -> Vec<String> {
    text.split([',', ' ', '\t', '\n']).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// Listens on all given names and addresses (on everything, both families, when there are none). Of a name
/// with several addresses one is enough. `user_timeout` bounds how long sent data may stay unacknowledged.
/// The sockets do not block.
pub fn listen(
    names: &[String],
    port: u16,
    user_timeout: Option<Duration>,
) -> Result<Vec<TcpListener>, ListenError> {
    if names.is_empty() {
        return listen_everywhere(port, user_timeout).map(|listener| vec![listener]);
    }
    let mut wanted = Vec::new();
    for name in names {
        wanted.push(resolve(name, port)?);
    }
    let all: Vec<SocketAddr> = wanted.iter().flatten().copied().collect();
    let mut bound: Vec<SocketAddr> = Vec::new();
    let mut listeners = Vec::new();
    for addresses in wanted {
        let mut failure = None;
        let mut served = false;
        for address in addresses {
            if bound.contains(&address) || is_covered(address, &all) {
                served = true;
                continue;
            }
            match open(address, user_timeout) {
                Ok(listener) => {
                    served = true;
                    bound.push(address);
                    listeners.push(listener);
                }
                Err(reason) => failure = failure.or(Some(ListenError::Bind { address, reason })),
            }
        }
        if let Some(failure) = failure.filter(|_| !served) {
            return Err(failure);
        }
    }
    Ok(listeners)
}

/// Does a wildcard among `all` take this address's connections too?
fn is_covered(address: SocketAddr, all: &[SocketAddr]) -> bool {
    let has = |ip: IpAddr| all.iter().any(|other| other.ip() == ip);
    let everything = IpAddr::V6(Ipv6Addr::UNSPECIFIED);
    let everything_v4 = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
    (has(everything) && address.ip() != everything)
        || (address.is_ipv4() && has(everything_v4) && address.ip() != everything_v4)
}

fn listen_everywhere(port: u16, user_timeout: Option<Duration>) -> Result<TcpListener, ListenError> {
    let both = SocketAddr::from((Ipv6Addr::UNSPECIFIED, port));
    let v4 = SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));
    // A host without IPv6, or on which something else has the port for IPv6 alone.
    open(both, user_timeout).or_else(|first| {
        open(v4, user_timeout).map_err(|reason| match first {
            Errno::EADDRINUSE => ListenError::Bind { address: both, reason: first },
            _ => ListenError::Bind { address: v4, reason },
        })
    })
}

/// The addresses of a name or of an address in text form, brackets allowed.
fn resolve(name: &str, port: u16) -> Result<Vec<SocketAddr>, ListenError> {
    let bare = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(name);
    let fault = |reason: String| ListenError::Name { name: name.to_owned(), reason };
    let mut addresses: Vec<SocketAddr> =
        (bare, port).to_socket_addrs().map_err(|error| fault(error.to_string()))?.collect();
    addresses.dedup();
    if addresses.is_empty() {
        return Err(fault("the name has no address".to_owned()));
    }
    Ok(addresses)
}

fn open(address: SocketAddr, user_timeout: Option<Duration>) -> Result<TcpListener, Errno> {
    let family = if address.is_ipv6() { AddressFamily::Inet6 } else { AddressFamily::Inet };
    let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
    let fd = socket(family, SockType::Stream, flags, None)?;
    setsockopt(&fd, sockopt::ReuseAddr, &true)?;
    if address.is_ipv6() {
        setsockopt(&fd, sockopt::Ipv6V6Only, &false)?;
    }
    if let Some(timeout) = user_timeout {
        // Accepted sockets inherit it.
        let milliseconds = u32::try_from(timeout.as_millis()).unwrap_or(u32::MAX);
        setsockopt(&fd, sockopt::TcpUserTimeout, &milliseconds)?;
    }
    bind(std::os::fd::AsRawFd::as_raw_fd(&fd), &SockaddrStorage::from(address))?;
    start_listening(&fd, Backlog::MAXCONN)?;
    Ok(TcpListener::from(fd))
}

/// Options of a socket that was accepted or has connected: what is written leaves at once.
pub fn prepare(socket: &impl AsFd) -> io::Result<()> {
    setsockopt(&socket.as_fd(), sockopt::TcpNoDelay, &true)?;
    acknowledge_at_once(socket);
    Ok(())
}

/// To be called after a read that nothing was sent after: peers that write header and payload separately wait for
/// the acknowledgement of the first. Failure only costs time, so it is not reported.
pub fn acknowledge_at_once(socket: &impl AsFd) {
    let _ = set_quick_ack(socket);
}

/// Has the kernel end a connection to a peer that is gone: by keepalive when nothing is sent, and when sent data
/// stays unacknowledged for `user_timeout`.
pub fn notice_loss(socket: &impl AsFd, user_timeout: Duration) -> nix::Result<()> {
    let socket = socket.as_fd();
    let milliseconds = u32::try_from(user_timeout.as_millis()).unwrap_or(u32::MAX);
    // A quarter of the time in silence, then questions for the rest of it.
    let seconds = u32::try_from(user_timeout.as_secs()).unwrap_or(u32::MAX);
    setsockopt(&socket, sockopt::TcpUserTimeout, &milliseconds)?;
    setsockopt(&socket, sockopt::KeepAlive, &true)?;
    setsockopt(&socket, sockopt::TcpKeepIdle, &(seconds / 4).max(1))?;
    setsockopt(&socket, sockopt::TcpKeepInterval, &(seconds / 8).max(1))
}

/// Half of the watchdog's time: a peer that is gone must be noticed before the watchdog fires.
pub fn user_timeout(watchdog: Option<Duration>) -> Option<Duration> {
    watchdog.map(|time| time / 2).filter(|time| !time.is_zero())
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::socket::getsockopt;
    use std::net::TcpStream;

    fn free_port() -> u16 {
        TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
    }

    #[test]
    fn addresses_are_split_at_commas_and_blanks() {
        assert_eq!(split_addresses("10.0.0.1, fe80::1\thost,,"), ["10.0.0.1", "fe80::1", "host"]);
        assert!(split_addresses(" , ").is_empty());
    }

    #[test]
    fn everything_means_both_families() {
        let listener = listen(&[], 0, Some(Duration::from_secs(5))).unwrap().remove(0);
        let port = listener.local_addr().unwrap().port();
        TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        let timeout = getsockopt(&listener, sockopt::TcpUserTimeout).unwrap();
        assert_eq!(timeout, 5000);
        assert!(matches!(listen(&[], port, None), Err(ListenError::Bind { reason: Errno::EADDRINUSE, .. })));
    }

    #[test]
    fn options_reach_accepted_sockets() {
        let listener = listen(&["127.0.0.1".to_owned()], 0, Some(Duration::from_secs(3))).unwrap().remove(0);
        listener.set_nonblocking(false).unwrap();
        let _client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (accepted, _) = listener.accept().unwrap();
        prepare(&accepted).unwrap();
        assert_eq!(getsockopt(&accepted, sockopt::TcpUserTimeout).unwrap(), 3000);
        assert!(getsockopt(&accepted, sockopt::TcpNoDelay).unwrap());
    }

    #[test]
    fn a_lost_peer_is_noticed_within_the_time() {
        let listener = listen(&["127.0.0.1".to_owned()], 0, None).unwrap().remove(0);
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        notice_loss(&client, Duration::from_secs(60)).unwrap();
        assert_eq!(getsockopt(&client, sockopt::TcpUserTimeout).unwrap(), 60_000);
        assert!(getsockopt(&client, sockopt::KeepAlive).unwrap());
    }

    #[test]
    fn several_addresses_and_names_are_all_served() {
        let port = free_port();
        let names = ["127.0.0.1", "127.0.0.2", "localhost", "[::1]", "127.0.0.1"].map(str::to_owned);
        let listeners = listen(&names, port, None).unwrap();
        let mut addresses: Vec<_> =
            listeners.iter().map(|l| l.local_addr().unwrap().ip().to_string()).collect();
        addresses.sort();
        assert_eq!(addresses, ["127.0.0.1", "127.0.0.2", "::1"]);
    }

    #[test]
    fn a_wildcard_makes_the_others_superfluous() {
        let names = ["127.0.0.1", "::", "0.0.0.0"].map(str::to_owned);
        assert_eq!(listen(&names, free_port(), None).unwrap().len(), 1);
        let names = ["127.0.0.1", "0.0.0.0"].map(str::to_owned);
        assert_eq!(listen(&names, free_port(), None).unwrap().len(), 1);
    }

    #[test]
    fn errors_name_the_culprit_and_the_variable() {
        let text = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            listen(&names, free_port(), None).unwrap_err().to_string()
        };
        assert!(text(&["192.0.2.1"]).contains("192.0.2.1"));
        assert!(text(&["192.0.2.1"]).contains("PCMK_remote_address"));
        assert!(text(&["no such host"]).contains("no such host"));
    }

    #[test]
    fn the_watchdog_time_is_halved() {
        assert_eq!(user_timeout(Some(Duration::from_secs(10))), Some(Duration::from_secs(5)));
        assert_eq!(user_timeout(Some(Duration::ZERO)), None);
        assert_eq!(user_timeout(None), None);
    }
}
