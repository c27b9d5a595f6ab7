// SPDX-License-Identifier: LGPL-2.1-or-later
//! A client may truncate the shared memory it has been given; whoever touches the missing pages then gets SIGBUS.
//! While libqb works for us a handler puts an empty page there instead, and the client is disconnected.
use std::ffi::c_void;
use std::ptr;
use std::sync::Once;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

/// How many calls into libqb are under way that may touch shared memory.
static ARMED: AtomicU32 = AtomicU32::new(0);
static FAULTS: AtomicUsize = AtomicUsize::new(0);
static PAGE: AtomicUsize = AtomicUsize::new(0);
static INSTALL: Once = Once::new();

/// Runs `work`, which may touch memory shared with a client. Did any of it turn out to be missing?
pub(super) fn guarded<T>(work: impl FnOnce() -> T) -> (T, bool) {
    let before = FAULTS.load(Ordering::Relaxed);
    ARMED.fetch_add(1, Ordering::Relaxed);
    let result = work();
    ARMED.fetch_sub(1, Ordering::Relaxed);
    (result, FAULTS.load(Ordering::Relaxed) != before)
}

/// Installs the handler, once for the process.
pub(super) fn install() {
    INSTALL.call_once(|| {
        // SAFETY: sysconf takes no pointer.
        let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
        PAGE.store(usize::try_from(page).unwrap_or(4096), Ordering::Relaxed);
        // SAFETY: a zeroed sigaction is a valid value of this plain C struct.
        let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
        action.sa_sigaction = on_sigbus as *const () as usize;
        action.sa_flags = libc::SA_SIGINFO | libc::SA_RESTART;
        // SAFETY: `action` is complete and its handler does only what a signal handler may.
        unsafe { libc::sigaction(libc::SIGBUS, &raw const action, ptr::null_mut()) };
    });
}

extern "C" fn on_sigbus(signal: i32, info: *mut libc::siginfo_t, _: *mut c_void) {
    // SAFETY: the kernel passes a valid siginfo to a handler installed with SA_SIGINFO.
    let (code, address) = unsafe { ((*info).si_code, (*info).si_addr() as usize) };
    const MISSING_PAGE: i32 = 2; // BUS_ADRERR
    if code != MISSING_PAGE || address == 0 || ARMED.load(Ordering::Relaxed) == 0 || !replace(address) {
        // Not ours: let the fault happen again, with its default effect.
        // SAFETY: resetting a signal's disposition is allowed in a handler.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
        return;
    }
    FAULTS.fetch_add(1, Ordering::Relaxed);
}

fn replace(address: usize) -> bool {
    let page = PAGE.load(Ordering::Relaxed);
    let start = ptr::without_provenance_mut::<c_void>(address & !(page - 1));
    let protection = libc::PROT_READ | libc::PROT_WRITE;
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED;
    // SAFETY: errno's location is the thread's own. The page at `start` has no memory behind it (that is what the
    // signal said), so no valid reference into it exists; mmap is a plain system call.
    unsafe {
        let errno = libc::__errno_location();
        let saved = *errno;
        let mapped = libc::mmap(start, page, protection, flags, -1, 0);
        *errno = saved;
        mapped == start
    }
}
