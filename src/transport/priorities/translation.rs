// SPDX-License-Identifier: LGPL-2.1-or-later
//! What becomes of a priority string.
use crate::sys::tls::Policy;
use std::fmt;

/// What a priority string comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Translation {
    /// For TLS contexts.
    pub policy: Policy,
    /// What was left out or cannot be as GnuTLS would have it; for the log, once.
    pub notes: Vec<String>,
}

/// Why a priority string is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PriorityError {
    /// A word that is not known, or not allowed where it stands.
    Word(String),
    /// A word that GnuTLS knows and that asks for less than is done here.
    Weaker(String),
    /// Nothing is left of the named kind.
    NothingLeft(&'static str),
}

impl fmt::Display for PriorityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Word(word) => write!(
                f,
                "PCMK_tls_priorities: '{word}' is not understood (see docs/tls-priorities.md for what is)"
            ),
            Self::Weaker(word) => {
                write!(f, "PCMK_tls_priorities: '{word}' asks for less than is demanded here: take it out")
            }
            Self::NothingLeft(kind) => {
                write!(f, "PCMK_tls_priorities leaves no {kind} that works with the key or the certificates")
            }
        }
    }
}

impl std::error::Error for PriorityError {}
