// SPDX-License-Identifier: LGPL-2.1-or-later
//! Who holds a server's name, and whether that is a user whom the client trusts. libqb's names are abstract sockets, or files
//! in a directory such as /tmp: any user may hold them while the server does not run.
use nix::errno::Errno;
use nix::sys::socket::getsockopt;
use nix::sys::socket::sockopt::PeerCredentials;
use nix::unistd::{Uid, User};
use std::fmt;
use std::os::fd::AsFd;

/// The users whose servers a client talks to. Groups are not asked for: every member of a group can start a server with it.
#[derive(Clone, Copy, Debug)]
pub enum Trusted {
    /// Root alone.
    Root,
    /// Root, and the user that the function finds; it is called only for a server that is not root's.
    RootOr(fn() -> Option<u32>),
}

impl Trusted {
    fn includes(self, uid: u32) -> bool {
        match self {
            _ if uid == 0 => true,
            Self::Root => false,
            Self::RootOr(user) => user() == Some(uid),
        }
    }
}

/// The process that holds a server's name, as the kernel noted it when that process began to listen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Process id; 0 when the process is outside our namespace.
    pub pid: i32,
    /// Effective user id.
    pub uid: u32,
    /// Effective group id.
    pub gid: u32,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { pid, uid, .. } = self;
        match User::from_uid(Uid::from_raw(*uid)) {
            Ok(Some(user)) => write!(f, "process {pid} of user {} (uid {uid})", user.name),
            Ok(None) | Err(_) => write!(f, "process {pid} of a user without a name (uid {uid})"),
        }
    }
}

/// Why there is no connection to a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConnectError {
    /// The name is held by a user who is not trusted. The server has received nothing of ours.
    Untrusted {
        /// The server's name.
        name: String,
        /// Who holds it.
        holder: Holder,
    },
    /// The server is trusted, but did not answer in time.
    NoAnswer {
        /// The server's name.
        name: String,
    },
    /// What libqb or the kernel said.
    Failed(Errno),
}

impl ConnectError {
    /// The error number that says most nearly the same.
    pub const fn errno(&self) -> Errno {
        match self {
            Self::Untrusted { .. } => Errno::EACCES,
            Self::NoAnswer { .. } => Errno::ETIMEDOUT,
            Self::Failed(errno) => *errno,
        }
    }
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Untrusted { name, holder } => write!(
                f,
                "the local IPC name '{name}' is held by {holder}, who may not serve it, and nothing was sent: find out \
                 what this process is and stop it, then start the cluster's daemon that owns the name"
            ),
            Self::NoAnswer { name } => {
                write!(f, "the local IPC server '{name}' did not answer in time: is its process stopped?")
            }
            Self::Failed(errno) => f.write_str(errno.desc()),
        }
    }
}

impl std::error::Error for ConnectError {}

/// Who listens at the other end of a connected socket.
pub(super) fn holder(socket: &impl AsFd) -> Result<Holder, Errno> {
    let peer = getsockopt(socket, PeerCredentials)?;
    Ok(Holder { pid: peer.pid(), uid: peer.uid(), gid: peer.gid() })
}

/// Refuses a connection to `name` whose other end is not trusted.
pub(super) fn check(name: &str, socket: &impl AsFd, trusted: Trusted) -> Result<(), ConnectError> {
    let holder = holder(socket).map_err(ConnectError::Failed)?;
    match trusted.includes(holder.uid) {
        true => Ok(()),
        false => Err(ConnectError::Untrusted { name: name.to_owned(), holder }),
    }
}
