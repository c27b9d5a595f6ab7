// SPDX-License-Identifier: LGPL-2.1-or-later
//! An event source of GLib's default main context: descriptors and one timer, one function for all of them.

use std::cell::Cell;
use std::ffi::{CStr, c_int, c_void};
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr::{self, NonNull};
use std::sync::Arc;
use std::task::{Wake, Waker};
use std::time::Duration;

use super::bindings as glib;
use crate::sys::unwind::guard;

/// Which of several ready sources goes first; the names are GLib's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are GLib's own")]
pub enum Priority {
    High = -100,
    Default = 0,
    Low = 300,
}

/// What a descriptor is watched for. Its end and its errors are always told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interest {
    /// Something to read.
    pub read: bool,
    /// Room to write.
    pub write: bool,
}

impl Interest {
    /// To read only.
    pub const READ: Self = Self { read: true, write: false };

    fn condition(self) -> glib::GIOCondition {
        let mut condition = glib::GIOCondition_G_IO_ERR | glib::GIOCondition_G_IO_HUP;
        if self.read {
            condition |= glib::GIOCondition_G_IO_IN;
        }
        if self.write {
            condition |= glib::GIOCondition_G_IO_OUT;
        }
        condition
    }
}

/// A descriptor that a source watches.
#[derive(Clone, Copy, Debug)]
pub struct Watch(NonNull<c_void>);

/// A source of the default main context. Dropping it ends it, even from within its own function, which then runs
/// to its end but never again. Like all of GLib's main loop it stays on its thread.
#[derive(Debug)]
pub struct Source {
    raw: NonNull<glib::GSource>,
}

static mut FUNCTIONS: glib::_GSourceFuncs = glib::_GSourceFuncs {
    prepare: Some(prepare),
    check: None,
    dispatch: Some(dispatch),
    finalize: None,
    closure_callback: None,
    closure_marshal: None,
};

type Callback = Box<dyn FnMut()>;

impl Source {
    /// Attaches a source that calls `dispatch` whenever one of its descriptors is ready or its time has come. It
    /// watches nothing yet. The function is never entered twice at once; it may drop the source.
    pub fn attach(name: &CStr, priority: Priority, dispatch: impl FnMut() + 'static) -> Self {
        let callback: Box<Callback> = Box::new(Box::new(dispatch));
        let size = u32::try_from(size_of::<glib::GSource>()).unwrap_or(u32::MAX);
        // SAFETY: the functions live for ever and GLib only reads them; the size is that of its own structure, as it
        // demands at least.
        let raw = unsafe { glib::g_source_new(&raw mut FUNCTIONS, size) };
        let Some(raw) = NonNull::new(raw) else {
            std::alloc::handle_alloc_error(std::alloc::Layout::new::<glib::GSource>())
        };
        // SAFETY: the source is new and ours; the callback's box is GLib's from here on, which frees it by `forget`
        // when the source ends and no call of it is under way.
        unsafe {
            glib::g_source_set_name(raw.as_ptr(), name.as_ptr());
            glib::g_source_set_priority(raw.as_ptr(), priority as c_int);
            glib::g_source_set_callback(
                raw.as_ptr(),
                Some(call),
                Box::into_raw(callback).cast(),
                Some(forget),
            );
            glib::g_source_attach(raw.as_ptr(), ptr::null_mut());
        }
        Self { raw }
    }

    /// Watches a descriptor, which must stay open until it is no longer watched.
    pub fn watch(&self, descriptor: BorrowedFd<'_>, interest: Interest) -> Watch {
        // SAFETY: the source is alive; GLib keeps the number only.
        let tag = unsafe {
            glib::g_source_add_unix_fd(self.raw.as_ptr(), descriptor.as_raw_fd(), interest.condition())
        };
        Watch(NonNull::new(tag).unwrap_or(NonNull::dangling()))
    }

    /// Changes what a descriptor is watched for.
    pub fn change(&self, watch: Watch, interest: Interest) {
        // SAFETY: the tag is one of this source's, by the caller's logic; GLib checks that it is.
        unsafe {
            glib::g_source_modify_unix_fd(self.raw.as_ptr(), watch.0.as_ptr(), interest.condition());
        }
    }

    /// Watches a descriptor no longer. To be called before it is closed.
    pub fn unwatch(&self, watch: Watch) {
        // SAFETY: as for `change`.
        unsafe { glib::g_source_remove_unix_fd(self.raw.as_ptr(), watch.0.as_ptr()) };
    }

    /// Sets the one timer: the function is called when this much time has passed, and in each iteration from then on until
    /// it sets the timer anew. None: never.
    pub fn set_timer(&self, after: Option<Duration>) {
        let at = after.map_or(-1, |after| {
            // SAFETY: takes nothing.
            let now = unsafe { glib::g_get_monotonic_time() };
            // Rounded up, so that a wait never ends just before its deadline.
            let after = i64::try_from(after.as_nanos().div_ceil(1000)).unwrap_or(i64::MAX);
            now.saturating_add(after)
        });
        // SAFETY: the source is alive.
        unsafe { glib::g_source_set_ready_time(self.raw.as_ptr(), at) };
    }

    /// What does the same as [`wake`](Self::wake), from anywhere and for as long as it is kept.
    pub fn waker(&self) -> Waker {
        // SAFETY: the source is alive; the reference is given back when the waker is dropped.
        unsafe { glib::g_source_ref(self.raw.as_ptr()) };
        Arc::new(Wakeable(self.raw)).into()
    }

    /// Has the function called in the loop's next turn, and on until it sets the timer.
    pub fn wake(&self) {
        // SAFETY: the source is alive. 0 lies in the past.
        unsafe { glib::g_source_set_ready_time(self.raw.as_ptr(), 0) };
    }
}

/// A reference to a source, which may have ended.
struct Wakeable(NonNull<glib::GSource>);

// SAFETY: GLib's functions that this uses, for a ready time and for references, lock the source's context or count
// atomically. The callback, which stays on its thread, is freed when the source ends, not with the last reference.
unsafe impl Send for Wakeable {}
// SAFETY: as above.
unsafe impl Sync for Wakeable {}

impl Wake for Wakeable {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // SAFETY: the reference keeps the source; for one that has ended this does nothing.
        unsafe { glib::g_source_set_ready_time(self.0.as_ptr(), 0) };
    }
}

impl Drop for Wakeable {
    fn drop(&mut self) {
        // SAFETY: the reference is ours and given back once.
        unsafe { glib::g_source_unref(self.0.as_ptr()) };
    }
}

/// Lets the default main context run what is ready, once; waits for something if `wait` is true. Was there anything?
pub fn iterate(wait: bool) -> bool {
    // SAFETY: the default context, which this thread owns or now acquires; callbacks of ours let no panic out.
    unsafe { glib::g_main_context_iteration(ptr::null_mut(), c_int::from(wait)) != 0 }
}

impl Drop for Source {
    fn drop(&mut self) {
        // SAFETY: the reference is ours and given back once. GLib keeps the callback until a call of it, which may be
        // what drops us, has returned.
        unsafe {
            glib::g_source_destroy(self.raw.as_ptr());
            glib::g_source_unref(self.raw.as_ptr());
        }
    }
}

thread_local! {
    static NEW_ITERATION: Cell<bool> = const { Cell::new(true) };
}

/// Has the loop begun an iteration since this was asked last?
pub fn is_new_iteration() -> bool {
    NEW_ITERATION.replace(false)
}

/// Asked of each source before the loop waits. Ready is what the descriptors and the timer say.
unsafe extern "C" fn prepare(_source: *mut glib::GSource, timeout: *mut glib::gint) -> glib::gboolean {
    // SAFETY: NULL, or GLib's own variable.
    if let Some(timeout) = unsafe { timeout.as_mut() } {
        *timeout = -1;
    }
    // At a thread's end nobody counts iterations.
    let _ = NEW_ITERATION.try_with(|new| new.set(true));
    0
}

/// GLib's way to us.
unsafe extern "C" fn dispatch(
    _source: *mut glib::GSource,
    callback: glib::GSourceFunc,
    data: glib::gpointer,
) -> glib::gboolean {
    match callback {
        // SAFETY: the pair that `attach` has set.
        Some(callback) => unsafe { callback(data) },
        None => 0,
    }
}

/// A panic ends the source, not the caller's program.
unsafe extern "C" fn call(data: glib::gpointer) -> glib::gboolean {
    // SAFETY: `attach` put this box there; GLib dispatches a source one call at a time, so that nobody else uses it.
    let callback = unsafe { &mut *data.cast::<Callback>() };
    guard(0, || {
        callback();
        1
    })
}

unsafe extern "C" fn forget(data: glib::gpointer) {
    // SAFETY: the box that `attach` has given away; GLib calls this once, after the last call.
    let callback = unsafe { Box::from_raw(data.cast::<Callback>()) };
    // What it holds may panic when dropped; there is nothing to be done about that here.
    guard((), || drop(callback));
}
