// SPDX-License-Identifier: LGPL-2.1-or-later
//! The C library's heap, which is also Rust's. Without this, one freed block of 128 KiB (libqb has one for each client)
//! makes glibc keep blocks of that size in the heap from then on, where one small block above them pins them all.
//!
//! libqb never writes into such a block where shared memory is used. Mapped, it costs a page; in the heap all of it,
//! since glibc clears it. So blocks of that size must not find room in the heap.

/// Blocks of so many bytes are mapped one by one, and given back when freed, unless there is room in the heap.
#[cfg(target_env = "gnu")]
const MAPPED: libc::c_int = 64 * 1024;
/// No more free bytes than this are left in one piece: what more there is at the heap's end is given back when it is
/// freed, and [`Heap::give_back`] divides the others.
#[cfg(target_env = "gnu")]
const PIECE: usize = 96 * 1024;
/// The heap grows by so much more than what is asked for.
#[cfg(target_env = "gnu")]
const PAD: libc::c_int = 32 * 1024;
/// The smallest block.
#[cfg(target_env = "gnu")]
const DIVIDER: usize = 24;

/// Fixes the bounds that glibc would raise by itself, and lets all threads share one heap. To be called before the
/// process has threads.
pub fn configure() {
    #[cfg(target_env = "gnu")]
    for (parameter, value) in [
        (libc::M_MMAP_THRESHOLD, MAPPED),
        (libc::M_TRIM_THRESHOLD, PIECE as libc::c_int),
        (libc::M_TOP_PAD, PAD),
        (libc::M_ARENA_MAX, 1),
    ] {
        // SAFETY: numbers alone; an unknown parameter is refused.
        unsafe { libc::mallopt(parameter, value) };
    }
}

/// What keeps the heap's free space in pieces, where peers that stay have pinned it.
#[derive(Debug, Default)]
pub struct Heap {
    dividers: Vec<Vec<u8>>,
}

impl Heap {
    /// Gives the pages of free blocks back to the kernel. Takes time in proportion to the heap.
    pub fn give_back(&mut self) {
        self.dividers = Vec::new();
        #[cfg(target_env = "gnu")]
        {
            // SAFETY: glibc takes the locks of its heaps; what is in use is not touched.
            unsafe { libc::malloc_trim(0) };
            self.dividers = pieces();
            // The rest of each is free again, and does not touch the next.
            self.dividers.iter_mut().for_each(|piece| piece.shrink_to(DIVIDER));
        }
    }
}

/// All free space of the heap that is as large as a piece. One page of each is written to.
#[cfg(target_env = "gnu")]
fn pieces() -> Vec<Vec<u8>> {
    // SAFETY: asks for the heap's end and changes nothing. What is mapped lies above.
    let end = unsafe { libc::sbrk(0) }.addr();
    let piece = || std::hint::black_box(Vec::<u8>::with_capacity(PIECE));
    std::iter::repeat_with(piece).take_while(|piece| piece.as_ptr().addr() < end).collect()
}
