// SPDX-License-Identifier: LGPL-2.1-or-later
//! Memory that C code may free, and that C code made and we free: all of it is `malloc`'s.
//!
//! What Rust's allocator made never leaves, so a pointer's origin is never in question. Out of memory aborts,
//! as Rust and upstream's library do.

use std::alloc::Layout;
use std::ffi::c_char;
use std::ptr;

/// Moves `value` into memory of `malloc`. The caller, C included, frees it with [`free`] or `free(3)`.
pub fn new<T>(value: T) -> *mut T {
    const { assert!(align_of::<T>() <= align_of::<libc::max_align_t>(), "malloc aligns no stricter") };
    const { assert!(size_of::<T>() > 0, "malloc(0) may answer NULL") };
    // SAFETY: malloc takes any size; the answer is checked below.
    let place = unsafe { libc::malloc(size_of::<T>()) }.cast::<T>();
    if place.is_null() {
        std::alloc::handle_alloc_error(Layout::new::<T>());
    }
    // SAFETY: `place` has room for a `T` and malloc's alignment suffices for it, both asserted above.
    unsafe { place.write(value) };
    place
}

/// This many bytes of zeroes in memory of `malloc`.
pub fn zeroed(length: usize) -> *mut u8 {
    // SAFETY: calloc takes any size; one of 0 may answer NULL.
    let place = unsafe { libc::calloc(1, length.max(1)) }.cast::<u8>();
    if place.is_null() {
        std::alloc::handle_alloc_error(Layout::new::<u8>());
    }
    place
}

/// A copy of the C string `text` in memory of `malloc`; NULL for NULL.
///
/// # Safety
/// `text` is NULL or points to a NUL-terminated string that nobody changes during the call.
pub unsafe fn copy_string(text: *const c_char) -> *mut c_char {
    if text.is_null() {
        return ptr::null_mut();
    }
    // SAFETY: not NULL, and by the caller's promise a NUL-terminated string.
    let copy = unsafe { libc::strdup(text) };
    if copy.is_null() {
        std::alloc::handle_alloc_error(Layout::new::<c_char>());
    }
    copy
}

/// A copy of `bytes` in memory of `malloc`; NULL if there are none.
pub fn copy_bytes(bytes: &[u8]) -> *mut u8 {
    if bytes.is_empty() {
        return ptr::null_mut();
    }
    // SAFETY: malloc takes any size; the answer is checked before it is written to, and has room for all bytes.
    unsafe {
        let place = libc::malloc(bytes.len()).cast::<u8>();
        if place.is_null() {
            std::alloc::handle_alloc_error(Layout::new::<u8>());
        }
        ptr::copy_nonoverlapping(bytes.as_ptr(), place, bytes.len());
        place
    }
}

/// The bytes up to the first NUL as a C string in memory of `malloc`.
pub fn string_of(text: &[u8]) -> *mut c_char {
    let length = text.iter().position(|byte| *byte == 0).unwrap_or(text.len());
    // SAFETY: strndup reads at most `length` bytes, which there are, and ends the copy with NUL.
    let copy = unsafe { libc::strndup(text.as_ptr().cast(), length) };
    if copy.is_null() {
        std::alloc::handle_alloc_error(Layout::new::<c_char>());
    }
    copy
}

/// Makes memory of `malloc` longer, or shorter, or makes it if it is NULL. What is new in it is not initialised.
///
/// # Safety
/// `place` is NULL or came from `malloc`, here or in C, and nobody uses it afterwards: the answer replaces it.
pub unsafe fn resize(place: *mut c_char, length: usize) -> *mut c_char {
    // SAFETY: the caller's promise; a length of 0 would free it.
    let resized = unsafe { libc::realloc(place.cast(), length.max(1)) }.cast::<c_char>();
    if resized.is_null() {
        std::alloc::handle_alloc_error(Layout::new::<c_char>());
    }
    resized
}

/// Gives memory back to `malloc`. Nothing is dropped in it; NULL is allowed.
///
/// # Safety
/// `place` is NULL or came from `malloc`, here or in C, and nobody uses it afterwards.
pub unsafe fn free<T>(place: *mut T) {
    // SAFETY: the caller's promise is free's only condition.
    unsafe { libc::free(place.cast()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::CStr;

    #[test]
    fn a_value_keeps_its_content() {
        let place = new((7u64, 9u8));
        // SAFETY: `new` made it a moment ago and nobody else knows it.
        unsafe {
            assert_eq!(*place, (7, 9));
            free(place);
        }
    }

    #[test]
    fn bytes_become_a_string_up_to_the_first_nul() {
        for (bytes, string) in [(&b"a\xff"[..], c"a\xff"), (b"", c""), (b"a\0b", c"a")] {
            let place = string_of(bytes);
            // SAFETY: just made, and freed once.
            unsafe {
                assert_eq!(CStr::from_ptr(place), string);
                free(place);
            }
        }
    }

    #[test]
    fn a_string_is_copied_with_every_byte_and_null_stays_null() {
        let original = c"caf\xe9 \x01";
        // SAFETY: a literal, and then the copy of it, which is freed once.
        unsafe {
            let copy = copy_string(original.as_ptr());
            assert_ne!(copy.cast_const(), original.as_ptr());
            assert_eq!(CStr::from_ptr(copy), original);
            free(copy);
            assert!(copy_string(ptr::null()).is_null());
            free(ptr::null_mut::<u8>());
        }
    }
}
