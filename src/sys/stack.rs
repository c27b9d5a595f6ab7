// SPDX-License-Identifier: LGPL-2.1-or-later
//! A stack for children that share our memory.
use std::cell::OnceCell;
use std::ffi::c_void;
use std::io;
use std::ptr;

/// The stack on which children of this thread live until they execute. One is enough: the thread waits.
pub(super) fn top() -> io::Result<*mut c_void> {
    const BYTES: usize = 64 * 1024;
    thread_local!(static STACK: OnceCell<Stack> = const { OnceCell::new() });
    STACK.with(|stack| {
        let stack = match stack.get() {
            Some(stack) => stack,
            None => {
                let made = Stack::new(BYTES)?;
                super::process::keep_children_waitable();
                stack.get_or_init(|| made)
            }
        };
        Ok(stack.base.wrapping_byte_add(stack.bytes))
    })
}

struct Stack {
    base: *mut c_void,
    bytes: usize,
}

impl Stack {
    fn new(bytes: usize) -> io::Result<Self> {
        const GUARD: usize = 64 * 1024;
        let bytes = bytes + GUARD;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_STACK | libc::MAP_NORESERVE;
        // SAFETY: a new mapping at a place of the kernel's choice disturbs nothing.
        let base =
            unsafe { libc::mmap(ptr::null_mut(), bytes, libc::PROT_READ | libc::PROT_WRITE, flags, -1, 0) };
        if base == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let stack = Self { base, bytes };
        // SAFETY: the low end of the mapping that we have just made; 64 KiB is a multiple of any page size.
        if unsafe { libc::mprotect(base, GUARD, libc::PROT_NONE) } < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(stack)
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        // SAFETY: our own mapping; no child is on it, since the thread waits for each to leave.
        unsafe { libc::munmap(self.base, self.bytes) };
    }
}
