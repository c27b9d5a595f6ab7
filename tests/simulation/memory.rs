// SPDX-License-Identifier: LGPL-2.1-or-later
//! How much memory this thread holds: a simulation runs on one thread, and what it leaves behind is a leak.
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    static HELD: Cell<isize> = const { Cell::new(0) };
}

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn count(change: isize) {
    // Gone while the thread ends.
    let _ = HELD.try_with(|held| held.set(held.get() + change));
}

fn size(layout: Layout) -> isize {
    layout.size().cast_signed()
}

// SAFETY: everything is passed on to the system's allocator as it came; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(size(layout));
        // SAFETY: the caller keeps the rules of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        count(-size(layout));
        // SAFETY: the caller keeps the rules of `dealloc`, and the place came from the same allocator.
        unsafe { System.dealloc(place, layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        count(new_size.cast_signed() - size(layout));
        // SAFETY: the caller keeps the rules of `realloc`, and the place came from the same allocator.
        unsafe { System.realloc(place, layout, new_size) }
    }
}

/// Bytes that this thread has allocated and not freed.
pub(crate) fn held() -> isize {
    HELD.with(Cell::get)
}
