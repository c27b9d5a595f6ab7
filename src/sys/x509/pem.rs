// SPDX-License-Identifier: LGPL-2.1-or-later
//! From a file's bytes to certificates, lists and keys. PEM alone, and no key that needs a password.
use super::object::{Certificate, PrivateKey, RevocationList};
use crate::sys::unwind::guard;
use libc::{c_char, c_int, c_void};
use openssl_sys::*;
use std::ffi::CStr;
use std::fmt;
use std::ptr::{self, NonNull};

/// Files of editors of other systems begin with it. OpenSSL looks for a block at the beginning of a line.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Why bytes hold nothing that can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PemError {
    /// There is no block of this kind.
    Nothing(&'static str),
    /// The block of this number, counted from 1, is damaged; OpenSSL's reason.
    Damaged(usize, String),
    /// The key is encrypted, and there is no one to ask for a password.
    Encrypted,
}

impl fmt::Display for PemError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing(kind) => write!(f, "there is no {kind} in PEM form in it"),
            Self::Damaged(number, reason) => write!(f, "block {number} of it is damaged: {reason}"),
            Self::Encrypted => f.write_str("the private key is encrypted, and no password is ever asked for"),
        }
    }
}

impl std::error::Error for PemError {}

/// OpenSSL's source of bytes, and whether it wanted a password.
struct Source<'a> {
    bio: NonNull<BIO>,
    wanted_password: bool,
    _bytes: &'a [u8],
}

impl<'a> Source<'a> {
    fn new(bytes: &'a [u8]) -> Result<Self, PemError> {
        let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
        let length =
            c_int::try_from(bytes.len()).map_err(|_| PemError::Damaged(1, "too large".to_owned()))?;
        // SAFETY: the bytes outlive the source, which only reads them.
        let bio = unsafe {
            ERR_clear_error();
            BIO_new_mem_buf(bytes.as_ptr().cast(), length)
        };
        let no_memory = || PemError::Damaged(1, "OpenSSL has no memory".to_owned());
        Ok(Self { bio: NonNull::new(bio).ok_or_else(no_memory)?, wanted_password: false, _bytes: bytes })
    }

    fn password_flag(&mut self) -> *mut c_void {
        (&raw mut self.wanted_password).cast()
    }

    /// Reads blocks until there is no more of the kind.
    fn read_all<T>(
        mut self,
        kind: &'static str,
        read: impl Fn(&mut Self) -> Option<T>,
    ) -> Result<Vec<T>, PemError> {
        let mut all = Vec::new();
        while let Some(one) = read(&mut self) {
            all.push(one);
        }
        self.at_end(all.len() + 1)?;
        if all.is_empty() { Err(PemError::Nothing(kind)) } else { Ok(all) }
    }

    /// Did reading stop because nothing more of the kind follows?
    fn at_end(&self, number: usize) -> Result<(), PemError> {
        // SAFETY: takes nothing. What is queued is cleared afterwards.
        let (library, reason, words) = unsafe {
            let code = ERR_peek_last_error();
            let words = ERR_reason_error_string(code);
            let words = if words.is_null() {
                "it ends too early".to_owned()
            } else {
                CStr::from_ptr(words).to_string_lossy().into_owned()
            };
            ERR_clear_error();
            (ERR_GET_LIB(code), ERR_GET_REASON(code), words)
        };
        if self.wanted_password {
            return Err(PemError::Encrypted);
        }
        if library == ERR_LIB_PEM && reason == PEM_R_NO_START_LINE {
            return Ok(());
        }
        Err(PemError::Damaged(number, words))
    }
}

impl Drop for Source<'_> {
    fn drop(&mut self) {
        // SAFETY: ours.
        unsafe { BIO_free_all(self.bio.as_ptr()) }
    }
}

/// Instead of asking the terminal.
unsafe extern "C" fn no_password(
    _buffer: *mut c_char,
    _size: c_int,
    _writing: c_int,
    asked: *mut c_void,
) -> c_int {
    guard(-1, || {
        // SAFETY: the flag of the source that is being read, or NULL.
        if let Some(asked) = unsafe { asked.cast::<bool>().as_mut() } {
            *asked = true;
        }
        -1
    })
}

/// All certificates, in their order. Other blocks and text between them are skipped.
///
/// # Errors
/// There is none, or one is damaged.
pub fn certificates(bytes: &[u8]) -> Result<Vec<Certificate>, PemError> {
    Source::new(bytes)?.read_all("certificate", |source| {
        let flag = source.password_flag();
        // SAFETY: a source that lives; the result is new, and ours.
        unsafe {
            Certificate::of(PEM_read_bio_X509(source.bio.as_ptr(), ptr::null_mut(), Some(no_password), flag))
        }
    })
}

/// All revocation lists, in their order. Other blocks and text between them are skipped.
///
/// # Errors
/// There is none, or one is damaged.
pub fn revocation_lists(bytes: &[u8]) -> Result<Vec<RevocationList>, PemError> {
    Source::new(bytes)?.read_all("certificate revocation list", |source| {
        let flag = source.password_flag();
        // SAFETY: as above.
        unsafe {
            RevocationList::of(PEM_read_bio_X509_CRL(
                source.bio.as_ptr(),
                ptr::null_mut(),
                Some(no_password),
                flag,
            ))
        }
    })
}

/// The first private key.
///
/// # Errors
/// There is none, it is encrypted or damaged.
pub fn private_key(bytes: &[u8]) -> Result<PrivateKey, PemError> {
    let mut source = Source::new(bytes)?;
    let flag = source.password_flag();
    // SAFETY: as above.
    let key = unsafe {
        let bio = source.bio.as_ptr();
        PrivateKey::of(PEM_read_bio_PrivateKey(bio, ptr::null_mut(), Some(no_password), flag))
    };
    match key {
        Some(key) => {
            // SAFETY: takes nothing.
            unsafe { ERR_clear_error() };
            Ok(key)
        }
        None => {
            source.at_end(1)?;
            Err(PemError::Nothing("private key"))
        }
    }
}
