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
