// SPDX-License-Identifier: LGPL-2.1-or-later
//! A client may truncate the shared memory it has been given; whoever touches the missing pages then gets SIGBUS.
//! While libqb works for us a handler puts an empty page there instead, and the client is disconnected. The handler
//! does so for the thread that has libqb work, and for no other: elsewhere a missing page is a defect, and ends the
//! process.
use std::ffi::c_void;
use std::ptr;
use std::sync::Once;
use std::sync::atomic::{AtomicI32, AtomicUsize, Ordering};

/// A thread that has libqb work.
struct Guard {
    /// 0: free.
    thread: AtomicI32,
    faults: AtomicUsize,
}

/// More than there ever are at once: a daemon has one thread for it. Work that finds none free is not guarded.
static GUARDS: [Guard; 16] = [const { Guard { thread: AtomicI32::new(0), faults: AtomicUsize::new(0) } }; 16];
static PAGE: AtomicUsize = AtomicUsize::new(0);
static INSTALL: Once = Once::new();

thread_local! {
    /// Its number, which does not change.
    static THREAD: i32 = nix::unistd::gettid().as_raw();
}

/// Runs `work`, which may touch memory shared with a client. Did any of it turn out to be missing?
pub(super) fn guarded<T>(work: impl FnOnce() -> T) -> (T, bool) {
    let thread = THREAD.with(|thread| *thread);
    let take = |guard: &&Guard| {
        guard.thread.compare_exchange(0, thread, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    };
    let guard = GUARDS.iter().find(take);
    let faults = || guard.map_or(0, |guard| guard.faults.load(Ordering::Relaxed));
    let before = faults();
    let result = work();
    let fault = faults() != before;
    if let Some(guard) = guard {
        guard.thread.store(0, Ordering::Relaxed);
    }
    (result, fault)
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
    let missing = code == MISSING_PAGE && address != 0;
    let Some(guard) = missing.then(own_guard).flatten().filter(|_| replace(address)) else {
        // Not ours: let the fault happen again, with its default effect.
        // SAFETY: resetting a signal's disposition is allowed in a handler.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
        return;
    };
    guard.faults.fetch_add(1, Ordering::Relaxed);
}

/// That of the work which the signal has interrupted; where work is nested, of the inner one.
fn own_guard() -> Option<&'static Guard> {
    // SAFETY: a system call without arguments. What a thread keeps for itself is nothing for a signal handler.
    let thread = unsafe { libc::gettid() };
    GUARDS.iter().rfind(|guard| guard.thread.load(Ordering::Relaxed) == thread)
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsRawFd;

    /// A page of a file that is empty.
    fn missing_page() -> *const u8 {
        let file = tempfile::tempfile().unwrap();
        // SAFETY: a new mapping, at an address of the kernel's choice.
        let page = unsafe {
            libc::mmap(ptr::null_mut(), 4096, libc::PROT_READ, libc::MAP_SHARED, file.as_raw_fd(), 0)
        };
        assert_ne!(page, libc::MAP_FAILED);
        page.cast()
    }

    #[test]
    fn a_missing_page_is_a_fault_of_the_work_that_touches_it_alone() {
        install();
        // SAFETY: a page is mapped there; the handler puts memory behind it.
        let touch = || unsafe { missing_page().read_volatile() };
        let ((inner, other), outer) = guarded(|| {
            let inner = guarded(touch);
            (inner, std::thread::spawn(|| guarded(|| 1)).join().unwrap())
        });
        assert_eq!((inner, other), ((0, true), (1, false)));
        assert!(!outer, "it was the inner one's");
        let thread = nix::unistd::gettid().as_raw();
        assert!(GUARDS.iter().all(|guard| guard.thread.load(Ordering::Relaxed) != thread));
    }

    #[test]
    fn the_handler_helps_no_thread_that_has_not_libqb_work() {
        install();
        let busy = std::sync::Barrier::new(2);
        let own = || own_guard().is_some();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                guarded(|| {
                    busy.wait();
                    assert!(own());
                    busy.wait();
                })
            });
            busy.wait();
            assert!(!own());
            busy.wait();
        });
    }
}
