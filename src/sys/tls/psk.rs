// SPDX-License-Identifier: LGPL-2.1-or-later
//! Pre-shared keys.
use crate::sys::longpsk::{LongKey, Unavailable};
use std::fmt;
use zeroize::Zeroizing;

/// The identity that every Pacemaker Remote peer uses.
pub const IDENTITY: &str = "lrmd";
/// TLS writes a key's length in 16 bits.
pub const MAX_KEY_LEN: usize = 65535;
/// More than this libssl does not take.
const MAX_PLAIN_LEN: usize = 512;

/// A key: the raw bytes of a key file. Wiped when dropped, never shown.
#[derive(Clone)]
pub struct Psk(Zeroizing<Vec<u8>>);

/// Why bytes are no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidKey {
    /// There are none.
    Empty,
    /// There are more than [`MAX_KEY_LEN`].
    TooLong,
}

impl Psk {
    /// Takes 1 to [`MAX_KEY_LEN`] bytes.
    pub fn new(bytes: impl Into<Zeroizing<Vec<u8>>>) -> Result<Self, InvalidKey> {
        let bytes = bytes.into();
        match bytes.len() {
            0 => Err(InvalidKey::Empty),
            1..=MAX_KEY_LEN => Ok(Self(bytes)),
            _ => Err(InvalidKey::TooLong),
        }
    }
}

impl fmt::Debug for Psk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Psk({} bytes)", self.0.len())
    }
}

impl fmt::Display for InvalidKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the key is empty"),
            Self::TooLong => write!(f, "the key has more than {MAX_KEY_LEN} bytes"),
        }
    }
}

impl std::error::Error for InvalidKey {}

/// A key as libssl is given it: itself, or the handle of a registered long key.
pub(super) enum Secret {
    Plain(Psk),
    Long(LongKey),
}

impl Secret {
    pub(super) fn new(psk: &Psk) -> Result<Self, Unavailable> {
        if psk.0.len() <= MAX_PLAIN_LEN {
            Ok(Self::Plain(psk.clone()))
        } else {
            LongKey::register(&psk.0).map(Self::Long)
        }
    }

    pub(super) fn is_long(&self) -> bool {
        matches!(self, Self::Long(_))
    }

    pub(super) fn for_libssl(&self) -> &[u8] {
        match self {
            Self::Plain(psk) => &psk.0,
            Self::Long(key) => key.handle(),
        }
    }
}
