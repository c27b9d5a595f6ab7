// SPDX-License-Identifier: LGPL-2.1-or-later
//! The protocol version that peers announce.
use std::fmt;

/// A dotted version, compared number by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProtocolVersion {
    /// Before the dot.
    pub major: u32,
    /// After the dot; zero when absent.
    pub minor: u32,
}

impl ProtocolVersion {
    /// The oldest that anybody may speak.
    pub const OLDEST: Self = Self { major: 1, minor: 0 };
    /// A peer from here on may transfer schemas.
    pub const SCHEMAS: Self = Self { major: 1, minor: 2 };
    /// What we announce, but for the C library, which speaks for a program of another release.
    pub const OURS: Self = Self { major: 1, minor: 2 };

    /// Reads `1`, `1.2`, `1.2.3` (further parts are not kept); None for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.trim().split('.').map(|part| part.parse::<u32>());
        let major = parts.next()?.ok()?;
        let minor = parts.next().unwrap_or(Ok(0)).ok()?;
        parts.all(|part| part.is_ok()).then_some(Self { major, minor })
    }
}

/// Ours.
impl Default for ProtocolVersion {
    fn default() -> Self {
        Self::OURS
    }
}

impl fmt::Display for ProtocolVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}
