// SPDX-License-Identifier: LGPL-2.1-or-later
//! What can go wrong with a connection to an executor, and with a call over it.
use super::keys::KeyProblem;
use crate::core::ClientError;
use crate::session::SessionError;
use crate::sys::qb::ConnectError;
use nix::errno::Errno;
use std::fmt;
use std::net::SocketAddr;

/// How far a connection had come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Looking for the way there.
    Dial,
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
    /// The host's name has no address, for this reason.
    Name(String),
    /// Name and TCP took too long.
    DialTimedOut,
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
    ForeignExecutor(ConnectError),
    /// TLS cannot be used on this side.
    Key(KeyProblem),
    /// The handshake failed.
    Handshake(SessionError),
    /// The peer closed during the handshake.
    ClosedInHandshake,
    /// The handshake took too long.
    HandshakeTimedOut,
    /// The sign-on failed.
    SignOn(ClientError),
    /// The peer, or the network, ended a connection that was in use.
    Lost,
    /// The same, with the kernel's words.
    Broken(Errno),
    /// What came was no message.
    Garbled(SessionError),
    /// The peer takes nothing any longer.
    Stalled,
    /// An answer did not come in time, so that nobody knows whose the next one is.
    LateAnswer,
    /// A request cannot be sent, for this reason.
    Unsendable(String),
}

impl Problem {
    /// How far the connection had come.
    pub const fn stage(&self) -> Stage {
        match self {
            Self::Name(_)
            | Self::DialTimedOut
            | Self::Tcp { .. }
            | Self::NoLocalExecutor(_)
            | Self::ForeignExecutor(_) => Stage::Dial,
            Self::Key(_) => Stage::Key,
            Self::Handshake(_) | Self::ClosedInHandshake | Self::HandshakeTimedOut => Stage::Handshake,
            Self::SignOn(_) => Stage::SignOn,
            Self::Lost
            | Self::Broken(_)
            | Self::Garbled(_)
            | Self::Stalled
            | Self::LateAnswer
            | Self::Unsendable(_) => Stage::Ready,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(reason) => write!(f, "no address: {reason}"),
            Self::DialTimedOut => f.write_str("no connection in time"),
            Self::Tcp { address, errno } => write!(f, "cannot connect to {address}: {}", errno.desc()),
            Self::NoLocalExecutor(errno) => {
                write!(f, "cannot connect to the local executor: {}", errno.desc())
            }
            Self::ForeignExecutor(error) => write!(f, "no local executor: {error}"),
            Self::Key(problem) => problem.fmt(f),
            Self::Handshake(error) => write!(f, "TLS handshake: {error}"),
            Self::ClosedInHandshake => f.write_str("the peer closed during the TLS handshake"),
            Self::HandshakeTimedOut => f.write_str("the peer did not finish the TLS handshake in time"),
            Self::SignOn(error) => write!(f, "sign-on: {error}"),
            Self::Lost => f.write_str("the peer closed the connection"),
            Self::Broken(errno) => f.write_str(errno.desc()),
            Self::Garbled(error) => error.fmt(f),
            Self::Stalled => f.write_str("the peer takes nothing any longer"),
            Self::LateAnswer => f.write_str("an answer did not come in time"),
            Self::Unsendable(reason) => write!(f, "cannot send a request: {reason}"),
        }
    }
}

impl std::error::Error for Problem {}

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
    /// Nobody answers this kind of request, or not now.
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

impl std::error::Error for CallProblem {}
