// SPDX-License-Identifier: LGPL-2.1-or-later
//! The C library's heap, which is also Rust's. Without this, one freed block of 128 KiB (libqb has one for each client)
//! makes glibc keep blocks of that size in the heap from then on, where one small block above them pins them all.

/// Blocks of so many bytes are mapped one by one, and given back when freed.
#[cfg(target_env = "gnu")]
const MAPPED: libc::c_int = 64 * 1024;
/// So many free bytes at the end of the heap are given back.
#[cfg(target_env = "gnu")]
const TRIMMED: libc::c_int = 256 * 1024;

/// Fixes the bounds that glibc would raise by itself, and lets all threads share one heap. To be called before the
/// process has threads.
pub fn configure() {
    #[cfg(target_env = "gnu")]
    for (parameter, value) in
        [(libc::M_MMAP_THRESHOLD, MAPPED), (libc::M_TRIM_THRESHOLD, TRIMMED), (libc::M_ARENA_MAX, 1)]
    {
        // SAFETY: numbers alone; an unknown parameter is refused.
        unsafe { libc::mallopt(parameter, value) };
    }
}

/// Gives the pages of free blocks back to the kernel. Takes time in proportion to the heap.
pub fn give_back() {
    // SAFETY: glibc takes the locks of its heaps; what is in use is not touched.
    #[cfg(target_env = "gnu")]
    unsafe {
        libc::malloc_trim(0)
    };
}
