// SPDX-License-Identifier: LGPL-2.1-or-later
//! An OpenSSL BIO over two byte vectors. OpenSSL's own memory BIO would do, but never gives memory back and
//! costs one more copy of everything sent.
use crate::sys::unwind::guard;
use libc::{c_char, c_int, c_long, c_void};
use openssl_sys::*;
use std::ptr::{self, NonNull};
use std::sync::OnceLock;

/// What a buffer may keep when nothing is in it.
const KEEP_CAPACITY: usize = 64 * 1024;
/// "Source and sink, our own number": OpenSSL gives meaning to none from 128 on.
const BIO_TYPE: c_int = 0x0400 | 200;

/// Ciphertext on its way in and out.
#[derive(Default)]
pub(super) struct Pipe {
    incoming: Vec<u8>,
    /// How much of `incoming` OpenSSL has taken.
    taken: usize,
    outgoing: Vec<u8>,
    /// How much of `outgoing` the peer has been sent.
    sent: usize,
}

impl Pipe {
    pub(super) fn feed(&mut self, ciphertext: &[u8]) {
        self.incoming.drain(..self.taken);
        self.taken = 0;
        if self.incoming.is_empty() && self.incoming.capacity() > KEEP_CAPACITY {
            self.incoming = Vec::new();
        }
        self.incoming.extend_from_slice(ciphertext);
    }

    /// What is to be sent to the peer.
    pub(super) fn output(&self) -> &[u8] {
        &self.outgoing[self.sent..]
    }

    /// Forgets the first `count` bytes of the output. A long queue is not moved for each of its parts.
    pub(super) fn sent(&mut self, count: usize) {
        self.sent = self.outgoing.len().min(self.sent + count);
        if self.sent == self.outgoing.len() {
            self.outgoing.clear();
            self.outgoing.shrink_to(KEEP_CAPACITY);
            self.sent = 0;
        } else if self.sent > self.outgoing.len() / 2 {
            self.outgoing.drain(..self.sent);
            self.sent = 0;
        }
    }

    /// Is there input that OpenSSL has not taken?
    pub(super) fn has_input(&self) -> bool {
        self.taken < self.incoming.len()
    }

    /// The next bytes for OpenSSL, at most `room`.
    fn take(&mut self, room: usize) -> &[u8] {
        let start = self.taken;
        self.taken = self.incoming.len().min(start.saturating_add(room));
        &self.incoming[start..self.taken]
    }
}

struct Method(NonNull<BIO_METHOD>);
// SAFETY: the table is complete before it is shared, never changed and never freed.
unsafe impl Send for Method {}
// SAFETY: as above.
unsafe impl Sync for Method {}

static METHOD: OnceLock<Option<Method>> = OnceLock::new();

fn method() -> Option<NonNull<BIO_METHOD>> {
    let make = || {
        // SAFETY: plain constructors; the name is a static C string and the functions have the right types.
        unsafe {
            let method = NonNull::new(BIO_meth_new(BIO_TYPE, c"memory pipe".as_ptr()))?;
            BIO_meth_set_write__fixed_rust(method.as_ptr(), Some(write));
            BIO_meth_set_read__fixed_rust(method.as_ptr(), Some(read));
            BIO_meth_set_ctrl__fixed_rust(method.as_ptr(), Some(control));
            Some(Method(method))
        }
    };
    METHOD.get_or_init(make).as_ref().map(|method| method.0)
}

/// A BIO over `pipe`, or None when OpenSSL has no memory.
///
/// # Safety
/// `pipe` outlives the BIO, and no reference to it is alive whenever OpenSSL may use the BIO.
pub(super) unsafe fn new_bio(pipe: NonNull<Pipe>) -> Option<NonNull<BIO>> {
    let method = method()?;
    // SAFETY: the method is valid; the rest is the caller's word.
    unsafe {
        let bio = NonNull::new(BIO_new(method.as_ptr()))?;
        BIO_set_data(bio.as_ptr(), pipe.as_ptr().cast());
        BIO_set_init(bio.as_ptr(), 1);
        Some(bio)
    }
}

unsafe extern "C" fn write(bio: *mut BIO, data: *const c_char, len: c_int) -> c_int {
    let Ok(count) = usize::try_from(len) else { return -1 };
    if data.is_null() || count == 0 {
        return 0;
    }
    // SAFETY: the promise made to `new_bio`; OpenSSL vouches for `len` bytes at `data`.
    guard(-1, || unsafe {
        BIO_clear_retry_flags(bio);
        let Some(pipe) = BIO_get_data(bio).cast::<Pipe>().as_mut() else { return -1 };
        pipe.outgoing.extend_from_slice(std::slice::from_raw_parts(data.cast(), count));
        len
    })
}

unsafe extern "C" fn read(bio: *mut BIO, buffer: *mut c_char, len: c_int) -> c_int {
    let Ok(wanted) = usize::try_from(len) else { return -1 };
    if buffer.is_null() || wanted == 0 {
        return 0;
    }
    // SAFETY: as in `write`, with room for `len` bytes at `buffer`. It may never have been written to, so it is copied
    // to and not borrowed.
    guard(-1, || unsafe {
        BIO_clear_retry_flags(bio);
        let Some(pipe) = BIO_get_data(bio).cast::<Pipe>().as_mut() else { return -1 };
        let bytes = pipe.take(wanted);
        if bytes.is_empty() {
            BIO_set_retry_read(bio);
            return -1;
        }
        ptr::copy_nonoverlapping(bytes.as_ptr(), buffer.cast(), bytes.len());
        // Never more than `len`, which is a c_int.
        bytes.len() as c_int
    })
}

unsafe extern "C" fn control(_bio: *mut BIO, command: c_int, _number: c_long, _data: *mut c_void) -> c_long {
    c_long::from(command == BIO_CTRL_FLUSH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_in_a_callback_is_a_failure_for_openssl() {
        // More is taken than was there: reading panics.
        let mut pipe = Pipe { taken: 5, ..Pipe::default() };
        let mut buffer = [0_u8; 4];
        // SAFETY: the pipe outlives the BIO, and is used by nothing else; the buffer is as long as is said.
        unsafe {
            let bio = new_bio(NonNull::from(&mut pipe)).unwrap();
            assert_eq!(BIO_read(bio.as_ptr(), buffer.as_mut_ptr().cast(), 4), -1);
            BIO_free_all(bio.as_ptr());
        }
    }
}
