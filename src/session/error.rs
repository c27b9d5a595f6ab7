// SPDX-License-Identifier: LGPL-2.1-or-later
//! Why a connection cannot go on.
use crate::sys::tls::TlsError;
use crate::wire::frame::FrameError;
use std::fmt;

/// The layer that failed, with its reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionError {
    /// Encryption or authentication.
    Tls(TlsError),
    /// The bytes inside TLS are no messages.
    Frame(FrameError),
}

impl fmt::Display for SessionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tls(error) => error.fmt(f),
            Self::Frame(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for SessionError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Tls(error) => Some(error),
            Self::Frame(error) => Some(error),
        }
    }
}

impl From<TlsError> for SessionError {
    fn from(error: TlsError) -> Self {
        Self::Tls(error)
    }
}

impl From<FrameError> for SessionError {
    fn from(error: FrameError) -> Self {
        Self::Frame(error)
    }
}
