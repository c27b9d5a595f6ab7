// SPDX-License-Identifier: LGPL-2.1-or-later
//! What can go wrong with a connection to an executor, and with a call over it.
use super::keys::KeyProblem;
use crate::core::ClientError;
use crate::model::RequestRefused;
use crate::session::SessionError;
use crate::sys::tls::TlsError;
use nix::errno::Errno;
use std::fmt;
use std::net::SocketAddr;

/// How far a connection had come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// From the host's name to its addresses.
    Name,
    /// From an address to a TCP connection; on this node, to the executor's IPC.
    Connect,
    /// Preparing TLS on this side.
    Key,
    /// Proving on both sides that the key is the same.
    Handshake,
    /// Introducing ourselves.
    SignOn,
    /// In use.
    Ready,
}

/// Why there is no connection, or none any longer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// The host's name has no address.
    Name {
        /// As it was given.
        host: String,
        /// The resolver's words.
        reason: String,
    },
    /// The name service did not answer within the limit for name and TCP.
    NameTimedOut {
        /// The host, as it was given.
        host: String,
    },
    /// No address of the host takes a connection; the most telling failure.
    Tcp {
        /// The address.
        address: SocketAddr,
        /// What happened.
        errno: Errno,
    },
    /// There is no local executor to talk to.
    NoLocalExecutor(Errno),
    /// The local executor's name is held by a user who is not Pacemaker's, so that nothing was sent.
    ForeignExecutor {
        /// The name among local servers.
        server: String,
        /// The process that holds it, and its user, in words.
        holder: String,
    },
    /// TLS cannot be used on this side.
    Key(KeyProblem),
    /// The handshake failed.
    Handshake(SessionError),
    /// The peer closed during the handshake.
    ClosedInHandshake,
    /// The handshake took too long.
    HandshakeTimedOut,
    /// With certificates: the server ended the connection behind the handshake, before it said anything. At TLS 1.3 a
    /// server that refuses our certificate, which is told here, can do so only then; one that stops looks the same.
    ClosedAfterHandshake {
        /// Our certificate: its file, subject and end.
        certificate: String,
    },
    /// The sign-on failed.
    SignOn(ClientError),
    /// The executor took the sign-on, but not for what it was meant.
    SignOnRefused(RequestRefused),
    /// The peer ended a connection that was in use.
    Lost,
    /// The network ended it, or the peer without saying goodbye, as the kernel tells.
    Broken(Errno),
    /// What came was no message.
    Garbled(SessionError),
    /// The peer takes nothing any longer.
    Stalled,
    /// The peer told more than is kept while an answer is waited for.
    Flooded,
    /// An answer did not come in time, so that it is not known which request the next one belongs to.
    LateAnswer,
    /// A request cannot be sent, for this reason.
    Unsendable(String),
}

impl Problem {
    /// The same, said more exactly if we have shown a certificate: a peer that only closes then means something else.
    pub(in crate::driver) fn with_certificate(self, shown: bool) -> Self {
        match self {
            Self::ClosedInHandshake if shown => Self::Handshake(SessionError::Tls(TlsError::EndedByPeer)),
            other => other,
        }
    }

    /// How far the connection had come.
    pub const fn stage(&self) -> Stage {
        match self {
            Self::Name { .. } | Self::NameTimedOut { .. } => Stage::Name,
            Self::Tcp { .. } | Self::NoLocalExecutor(_) | Self::ForeignExecutor { .. } => Stage::Connect,
            Self::Key(_) => Stage::Key,
            Self::Handshake(_) | Self::ClosedInHandshake | Self::HandshakeTimedOut => Stage::Handshake,
            Self::ClosedAfterHandshake { .. } | Self::SignOn(_) | Self::SignOnRefused(_) => Stage::SignOn,
            Self::Lost
            | Self::Broken(_)
            | Self::Garbled(_)
            | Self::Stalled
            | Self::Flooded
            | Self::LateAnswer
            | Self::Unsendable(_) => Stage::Ready,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name { host, reason } => write!(f, "'{host}' has no address: {reason}"),
            Self::NameTimedOut { host } => {
                write!(f, "'{host}' has no address: the name service does not answer")
            }
            Self::Tcp { address, errno } => write!(f, "cannot connect to {address}: {}", errno.desc()),
            Self::NoLocalExecutor(errno) => {
                write!(f, "cannot connect to the local executor: {}", errno.desc())
            }
            Self::ForeignExecutor { server, holder } => {
                write!(f, "the executor's local IPC name '{server}' is held by {holder}; nothing was sent")
            }
            Self::Key(problem) => problem.fmt(f),
            Self::Handshake(error) | Self::Garbled(error) => error.fmt(f),
            Self::ClosedInHandshake => f.write_str("the peer closed the connection during the TLS handshake"),
            Self::HandshakeTimedOut => {
                f.write_str("the peer took the connection but did not finish the TLS handshake in time")
            }
            Self::ClosedAfterHandshake { certificate } => write!(
                f,
                "the server closed the connection right after the handshake: most likely it refused our certificate, \
                 {certificate}"
            ),
            Self::SignOn(ClientError::NotConnected) => {
                f.write_str("the connection ended before the sign-on was answered")
            }
            Self::SignOn(error) => error.fmt(f),
            Self::SignOnRefused(refused) => {
                write!(f, "the executor refused the sign-on (error {})", refused.code)
            }
            Self::Lost => f.write_str("the peer closed the connection"),
            Self::Broken(errno) => write!(f, "the connection broke: {}", errno.desc()),
            Self::Stalled => f.write_str("the peer takes nothing any longer"),
            Self::Flooded => ClientError::Flooded.fmt(f),
            Self::LateAnswer => f.write_str("an answer did not come in time"),
            Self::Unsendable(reason) => write!(f, "cannot send a request: {reason}"),
        }
    }
}

impl std::error::Error for Problem {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Tcp { errno, .. } | Self::NoLocalExecutor(errno) | Self::Broken(errno) => Some(errno),
            Self::Key(problem) => Some(problem),
            Self::Handshake(error) | Self::Garbled(error) => Some(error),
            Self::SignOn(error) => Some(error),
            Self::SignOnRefused(refused) => Some(refused),
            _ => None,
        }
    }
}

/// Why a call has no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallProblem {
    /// There is no connection that is signed on.
    NotConnected,
    /// The connection ended during the call.
    Ended(Problem),
    /// It did not come in time. Over TLS the connection has ended, local IPC goes on.
    TimedOut,
    /// The answer to an earlier call has still not come (local IPC).
    Stale,
    /// No executor answers this kind of request, or not now.
    Refused(ClientError),
    /// The request could not be handed over (local IPC).
    NotSent(Errno),
    /// It is too large.
    TooLarge(String),
}

impl fmt::Display for CallProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotConnected => f.write_str("there is no connection"),
            Self::Ended(problem) => problem.fmt(f),
            Self::TimedOut => f.write_str("the executor did not answer in time"),
            Self::Stale => f.write_str("the answer to an earlier request is still to come"),
            Self::Refused(error) => error.fmt(f),
            Self::NotSent(errno) => write!(f, "cannot send the request: {}", errno.desc()),
            Self::TooLarge(reason) => f.write_str(reason),
        }
    }
}

impl std::error::Error for CallProblem {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Ended(problem) => Some(problem),
            Self::Refused(error) => Some(error),
            Self::NotSent(errno) => Some(errno),
            Self::NotConnected | Self::TimedOut | Self::Stale | Self::TooLarge(_) => None,
        }
    }
}

/// A call that cannot begin, or has no answer.
impl From<ClientError> for CallProblem {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::TimedOut => Self::TimedOut,
            ClientError::Stale => Self::Stale,
            ClientError::NotConnected | ClientError::Closed => Self::NotConnected,
            ClientError::Flooded => Self::Ended(Problem::Flooded),
            error => Self::Refused(error),
        }
    }
}

/// The connection ended during a call.
impl From<Problem> for CallProblem {
    fn from(problem: Problem) -> Self {
        match problem {
            Problem::LateAnswer => Self::TimedOut,
            problem => Self::Ended(problem),
        }
    }
}
