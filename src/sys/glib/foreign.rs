// SPDX-License-Identifier: LGPL-2.1-or-later
//! What other code in the process has made with GLib and left to us.
use std::ffi::{c_uint, c_void};

use super::bindings as glib;

/// Ends a source of the default main context by its number.
pub fn remove_source(number: c_uint) {
    // SAFETY: any number; GLib looks it up.
    unsafe { glib::g_source_remove(number) };
}

/// Empties and frees a GQueue; `free` gets each item.
///
/// # Safety
/// `queue` is NULL or a GQueue that nobody uses afterwards.
pub unsafe fn free_queue(queue: *mut c_void, mut free: impl FnMut(*mut c_void)) {
    if queue.is_null() {
        return;
    }
    let queue = queue.cast::<glib::GQueue>();
    // SAFETY: the caller's promise; what is popped is the queue's no more.
    unsafe {
        loop {
            let item = glib::g_queue_pop_head(queue);
            if item.is_null() {
                break;
            }
            free(item);
        }
        glib::g_queue_free(queue);
    }
}

/// The content of a GByteArray; nothing for NULL.
///
/// # Safety
/// `array` is NULL or a living GByteArray that nobody changes while the answer is used.
pub unsafe fn bytes_of<'a>(array: *mut c_void) -> &'a [u8] {
    // SAFETY: the caller's promise.
    match unsafe { array.cast::<glib::GByteArray>().as_ref() } {
        // SAFETY: GLib's own bytes, as many as it says.
        Some(array) if !array.data.is_null() => unsafe {
            std::slice::from_raw_parts(array.data, array.len as usize)
        },
        _ => &[],
    }
}

/// A GByteArray with a copy of `bytes`, to be freed by [`free_bytes`].
pub fn new_bytes(bytes: &[u8]) -> *mut c_void {
    let length = c_uint::try_from(bytes.len()).unwrap_or(c_uint::MAX);
    // SAFETY: a new array, and bytes that are there.
    unsafe { glib::g_byte_array_append(glib::g_byte_array_new(), bytes.as_ptr(), length).cast() }
}

/// Frees a GByteArray with its content. NULL is allowed.
///
/// # Safety
/// `array` is NULL or a GByteArray that nobody uses afterwards.
pub unsafe fn free_bytes(array: *mut c_void) {
    if !array.is_null() {
        // SAFETY: the caller's promise.
        unsafe { glib::g_byte_array_unref(array.cast()) };
    }
}
