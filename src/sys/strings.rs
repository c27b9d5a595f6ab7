// SPDX-License-Identifier: LGPL-2.1-or-later
//! Argument and environment lists in the form that the kernel takes.
use std::ffi::{CStr, c_char};
use std::marker::PhantomData;
use std::ptr;
use zeroize::Zeroizing;

/// A list of C strings in one piece of memory, which is zeroed when dropped: values may be secrets.
#[derive(Default)]
pub struct Strings {
    /// The strings, each with its terminating NUL.
    bytes: Zeroizing<Vec<u8>>,
    /// Where each begins.
    starts: Vec<usize>,
}

impl Strings {
    /// An empty list with room for `bytes` bytes in all. Too little room leaves copies behind that are not
    /// zeroed.
    pub fn with_capacity(bytes: usize) -> Self {
        Self { bytes: Zeroizing::new(Vec::with_capacity(bytes)), starts: Vec::new() }
    }

    /// Appends one string made of `parts`.
    ///
    /// # Errors
    /// There is a NUL in them, which no C string can hold. The list is as before.
    pub fn push(&mut self, parts: &[&[u8]]) -> Result<(), HasNul> {
        if parts.iter().any(|part| memchr::memchr(0, part).is_some()) {
            return Err(HasNul);
        }
        self.starts.push(self.bytes.len());
        parts.iter().for_each(|part| self.bytes.extend_from_slice(part));
        self.bytes.push(0);
        Ok(())
    }

    /// The list as the kernel takes it: `first`, then our own strings, then NULL.
    pub(super) fn pointers<'a>(&'a self, first: &[&'a CStr]) -> Pointers<'a> {
        let own = self.starts.iter().map(|start| self.bytes[*start..].as_ptr().cast());
        let list = first.iter().map(|text| text.as_ptr()).chain(own).chain([ptr::null()]).collect();
        Pointers { list, strings: PhantomData }
    }
}

/// A text holds a NUL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HasNul;

/// Pointers into a [`Strings`], ended by NULL.
pub(super) struct Pointers<'a> {
    list: Vec<*const c_char>,
    strings: PhantomData<&'a Strings>,
}

impl Pointers<'_> {
    pub(super) fn as_ptr(&self) -> *const *const c_char {
        self.list.as_ptr()
    }

    pub(super) fn as_mut_ptr(&mut self) -> *mut *const c_char {
        self.list.as_mut_ptr()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_end_with_null_and_nothing_in_them_is_altered() {
        let mut strings = Strings::with_capacity(0);
        strings.push(&[b"A=", b"12"]).unwrap();
        assert_eq!(strings.push(&[b"B=", b"1\x002"]), Err(HasNul));
        strings.push(&[]).unwrap();
        let pointers = strings.pointers(&[c"sh"]);
        assert_eq!(pointers.list.len(), 4);
        assert!(pointers.list[3].is_null());
        // SAFETY: the list points to NUL-terminated strings that are alive.
        let texts = unsafe { [0, 1, 2].map(|i| CStr::from_ptr(pointers.list[i])) };
        assert_eq!(texts, [c"sh", c"A=12", c""]);
    }
}
