// SPDX-License-Identifier: LGPL-2.1-or-later
//! Why a client's connection or call failed.
use std::fmt;

/// Why a connection or a call failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientError {
    /// The connection is down, or not signed on yet.
    NotConnected,
    /// Another call waits for its answer.
    Busy,
    /// The answer to an earlier call, which took too long, is still to come (local IPC only).
    Stale,
    /// No server ever answers this request.
    NeverAnswered,
    /// The answer did not come in time.
    TimedOut,
    /// The server does not accept our protocol version.
    VersionRefused,
    /// The answer to the sign-on was none.
    NotAServer,
    /// The server took the request for none of its own (local IPC only).
    Refused,
    /// The server tells too much while its answer is waited for.
    Flooded,
    /// The caller closed the connection.
    Closed,
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotConnected => "not connected to an executor",
            Self::Busy => "another request is waiting for its answer",
            Self::Stale => "the answer to an earlier request is still to come",
            Self::NeverAnswered => "no executor answers this request: send it without waiting",
            Self::TimedOut => "the executor did not answer in time",
            Self::VersionRefused => "the executor refused our protocol version: it may be too old or too new",
            Self::NotAServer => "the peer did not answer as an executor does",
            Self::Refused => "the executor did not take the request",
            Self::Flooded => "the peer told too much while an answer was waited for",
            Self::Closed => "the connection was closed on this side",
        })
    }
}

impl std::error::Error for ClientError {}
