// SPDX-License-Identifier: LGPL-2.1-or-later
//! The daemon's connection to the fencer. Upstream's tries ten times with two seconds in between, in which the whole
//! process stands still; here an attempt either succeeds at once or fails, and the caller that wants it asks again.

use std::cell::Cell;
use std::ffi::{c_char, c_int, c_void};
use std::ptr::{self, NonNull};

use crate::capi::abi::{FENCING, layout};
use crate::sys::neighbours::{self, Name, is_foreign};
use crate::sys::unwind::guard;

/// `stonith_disconnected`.
const DISCONNECTED: c_int = 2;
/// What libstonithd calls the loss of the connection.
const LOST: &std::ffi::CStr = c"st_notify_disconnect";

type Notified = unsafe extern "C" fn(*mut c_void, *mut c_void);

/// `stonith_api_operations_t`, as far as connecting needs it.
#[repr(C)]
struct Operations {
    free: *const c_void,
    connect: Option<unsafe extern "C" fn(*mut c_void, *const c_char, *mut c_int) -> c_int>,
    others: [*const c_void; 14],
    register_notification: Option<unsafe extern "C" fn(*mut c_void, *const c_char, Notified) -> c_int>,
}

const _: () = assert!(std::mem::offset_of!(Operations, register_notification) == 128);

thread_local! {
    static CONNECTION: Cell<Option<NonNull<c_void>>> = const { Cell::new(None) };
}

/// The connection that there is, or a new one; NULL if there is none now.
pub(super) fn connection() -> *mut c_void {
    if let Some(connection) = CONNECTION.get() {
        // SAFETY: a connection of ours; its first field is its state in all releases.
        if unsafe { connection.cast::<c_int>().read() } != DISCONNECTED {
            return connection.as_ptr();
        }
        CONNECTION.set(None);
        // SAFETY: ours, and not used any more.
        let _deleted = unsafe { FENCING.stonith_api_delete(connection.as_ptr()) };
    }
    // SAFETY: libstonithd's own objects and functions.
    let made = unsafe { connect() };
    CONNECTION.set(made);
    made.map_or(ptr::null_mut(), NonNull::as_ptr)
}

/// # Safety
/// On the main thread, from the main loop.
unsafe fn connect() -> Option<NonNull<c_void>> {
    // SAFETY: an object of libstonithd's, with its table; strings are literals that it copies.
    unsafe {
        let connection = NonNull::new(FENCING.stonith_api_new().ok()?)?;
        let operations = layout().stonith.operations.get(connection.as_ptr()).cast::<Operations>();
        let rc = match operations.as_ref().map(|table| (table.connect, table.register_notification)) {
            Some((Some(connect), Some(register))) => {
                let rc = connect(connection.as_ptr(), c"pacemaker-execd".as_ptr(), ptr::null_mut());
                if rc == 0 { register(connection.as_ptr(), LOST.as_ptr(), lost) } else { rc }
            }
            _ => -libc::ENOSYS,
        };
        if rc == 0 {
            return Some(connection);
        }
        log::info!("No connection to the fencer: {}", nix::errno::Errno::from_raw(-rc).desc());
        let _deleted = FENCING.stonith_api_delete(connection.as_ptr());
    }
    None
}

/// # Safety
/// libstonithd's own call, within its dispatch, with a living connection.
unsafe extern "C" fn lost(connection: *mut c_void, _event: *mut c_void) {
    guard((), || {
        log::warn!("The connection to the fencer is lost");
        // SAFETY: a living connection, whose first field is its state.
        unsafe { connection.cast::<c_int>().write(DISCONNECTED) };
        // The program has one of the two, by its release; the library has both.
        let failed = if is_foreign(Name::execd_fencer_connection_failed) {
            neighbours::execd_fencer_connection_failed()
        } else {
            neighbours::stonith_connection_failed()
        };
        if let Some(failed) = failed {
            // SAFETY: a function of the program's without conditions.
            unsafe { failed() };
        }
    });
}
