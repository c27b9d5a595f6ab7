// SPDX-License-Identifier: LGPL-2.1-or-later
//! What lies behind the private pointer of a `lrmd_t`.
//!
//! C code runs from here, and comes back: a callback may call, disconnect, connect and delete. So nothing is borrowed
//! while it runs: what it needs is taken out first, and what was known is looked up again afterwards.

use std::cell::{Cell, RefCell};
use std::ffi::{CStr, CString, c_int, c_void};
use std::rc::Rc;

use super::attachment::Attachment;
use super::current::CurrentConnection;
use super::place::Place;
use super::readiness::Readiness;
use super::settings;
use super::states::{Delivery, Lifecycle, Structures};
use crate::capi::abi::api::{Lrmd, LrmdEventCallback};
use crate::capi::abi::{BEHAVIOUR, LrmdEventData};
use crate::capi::rc;
use crate::driver::client::{CallProblem, Connection};
use crate::model::{Millis, Registered, Reply, Request};
use crate::sys::cmem;
use crate::wire::codec::decode_incoming;

/// Called with a message of a proxied session: the handle, the caller's pointer, an `xmlNode` that is lent.
pub type ProxyCallback = Option<unsafe extern "C" fn(*mut Lrmd, *mut c_void, *mut c_void)>;

/// A connection to an executor, or the place for one. Held by one `lrmd_t` and, while a call of it is under way, by
/// that call.
#[derive(Debug)]
pub struct Handle {
    /// The C structure; proxy callbacks get it.
    pub(super) lrmd: Cell<*mut Lrmd>,
    pub(super) place: Place,
    node_name: Option<CString>,
    pub(super) callback: Cell<LrmdEventCallback>,
    proxy: Cell<(ProxyCallback, *mut c_void)>,
    pub(super) connection: CurrentConnection,
    /// None in descriptor mode.
    pub(super) attachment: RefCell<Option<Attachment>>,
    /// None in the main loop.
    pub(super) readiness: RefCell<Option<Readiness>>,
    pub(super) lifecycle: Lifecycle,
    pub(super) delivery: Delivery,
    /// What the executor told at sign-on. The start state stays valid for C until the connection's end.
    pub(super) uptime: Cell<i64>,
    pub(super) start_state: RefCell<Option<CString>>,
}

impl Handle {
    pub(super) fn new(place: Place, node_name: Option<CString>) -> Self {
        Self {
            lrmd: Cell::new(std::ptr::null_mut()),
            place,
            node_name,
            callback: Cell::new(None),
            proxy: Cell::new((None, std::ptr::null_mut())),
            connection: CurrentConnection::default(),
            attachment: RefCell::new(None),
            readiness: RefCell::new(None),
            lifecycle: Lifecycle::default(),
            delivery: Delivery::default(),
            uptime: Cell::new(0),
            start_state: RefCell::new(None),
        }
    }

    /// The handle behind `lrmd`; None for NULL and for one that is being deleted, or in which a panic was caught.
    ///
    /// # Safety
    /// `lrmd` is NULL or came from this library and was not deleted.
    pub unsafe fn of(lrmd: *mut Lrmd) -> Option<Rc<Self>> {
        // SAFETY: not NULL and not deleted, so it is one of ours and readable.
        let private = unsafe { lrmd.as_ref() }?.lrmd_private.cast::<Self>().cast_const();
        if private.is_null() {
            return None;
        }
        // SAFETY: the structure holds one strong count of what `Rc::into_raw` gave, until it is deleted.
        let handle = unsafe {
            Rc::increment_strong_count(private);
            Rc::from_raw(private)
        };
        handle.lifecycle.is_usable().then_some(handle)
    }

    /// The node that the connection is to, as events carry it; None for the local executor.
    pub fn node_name(&self) -> Option<&CStr> {
        self.node_name.as_deref()
    }

    /// Runs what an entry point does with the handle. A panic poisons it on its way to the entry point's boundary.
    pub(super) fn poison_on_panic<T>(&self, body: impl FnOnce() -> T) -> T {
        struct Unfinished<'a>(Option<&'a Handle>);
        impl Drop for Unfinished<'_> {
            fn drop(&mut self) {
                if let Some(handle) = self.0 {
                    handle.lifecycle.poison();
                }
            }
        }
        let mut unfinished = Unfinished(Some(self));
        let answer = body();
        unfinished.0 = None;
        answer
    }

    /// Are calls possible?
    pub(super) fn is_ready(&self) -> bool {
        self.connection.is_ready()
    }

    /// Over TLS?
    pub(super) const fn is_remote(&self) -> bool {
        matches!(self.place, Place::Remote { .. })
    }

    /// Asks and waits for the answer. `timeout` 0 or more than the carrier's limit: that limit.
    ///
    /// # Errors
    /// A negated errno, as the slots return it.
    pub fn call(&self, request: Request, options: u32, timeout: Millis) -> Result<Reply, c_int> {
        self.delivery.note_waited_call(BEHAVIOUR.waited_call_delivers_outside_dispatch && self.is_remote());
        self.with_connection(|connection| connection.call(request, options, timeout))
    }

    /// Sends without waiting.
    ///
    /// # Errors
    /// A negated errno, as the slots return it.
    pub fn send(&self, request: Request) -> Result<(), c_int> {
        self.with_connection(|connection| connection.send(request))
    }

    /// Sends the text of a `lrmd_ipc_proxy` element, with the envelope that the carrier needs, without waiting.
    ///
    /// # Errors
    /// A negated errno, as the slots return it.
    pub fn send_proxy(&self, element: &str) -> Result<(), c_int> {
        match decode_incoming(element).map(|decoded| decoded.incoming.request) {
            Ok(request @ Request::Proxy(_)) => self.send(request),
            Ok(_) => Err(rc::INVALID),
            Err(error) => {
                log::error!("A message of a proxied session cannot be sent: {error}");
                Err(rc::INVALID)
            }
        }
    }

    fn with_connection<T>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, CallProblem>,
    ) -> Result<T, c_int> {
        let outcome = self.connection.try_with(|connection| {
            let connection = connection.filter(|connection| connection.is_ready());
            connection.ok_or(CallProblem::NotConnected).and_then(work)
        });
        let outcome = outcome.ok_or(-libc::EBUSY)?;
        let remote = self.is_remote();
        let outcome = outcome.map_err(|problem| {
            if problem != CallProblem::NotConnected {
                log::error!("Request to {} failed: {problem}", self.place);
            }
            rc::of_call(&problem, remote)
        });
        if outcome.is_err() {
            self.settle_failed_call();
        }
        self.after_use();
        outcome
    }

    /// Where messages of proxied sessions go. A connection made afterwards signs on as a provider.
    pub fn set_proxy_callback(&self, callback: ProxyCallback, user_data: *mut c_void) {
        self.proxy.set((callback, user_data));
    }

    pub(super) fn proxy_callback(&self) -> (ProxyCallback, *mut c_void) {
        self.proxy.get()
    }

    /// What the executor told.
    pub(super) fn signed_on(&self, registered: &Registered) {
        let uptime = registered.uptime_s.and_then(|seconds| i64::try_from(seconds).ok());
        self.uptime.set(uptime.unwrap_or(settings::UPTIME_UNKNOWN));
        let state = registered.node_start_state.as_deref().and_then(|state| CString::new(state).ok());
        self.start_state.replace(state);
    }

    /// Calls C code with nothing of the handle borrowed; what was deleted meanwhile is freed behind the outermost
    /// call.
    pub(super) fn run_callback(&self, call: impl FnOnce()) {
        self.lifecycle.begin_callback();
        call();
        if let Some(structures) = self.lifecycle.end_callback() {
            free(structures);
        }
    }

    /// Ends the handle's use. Its C structures are freed now, or behind the callbacks that are under way.
    ///
    /// # Safety
    /// Both came from `malloc`, and C does not use them once the callbacks have returned.
    pub(super) unsafe fn delete(&self, structures: Structures) {
        if let Some(structures) = self.lifecycle.delete(structures) {
            free(structures);
        }
    }

    /// Tells C about an event, which is lent. Nothing happens without a callback.
    pub(super) fn emit(&self, event: &mut LrmdEventData) {
        let Some(callback) = self.callback.get().filter(|_| self.lifecycle.is_usable()) else { return };
        event.remote_nodename = self.node_name().map_or(std::ptr::null(), CStr::as_ptr);
        let event: *mut LrmdEventData = event;
        // SAFETY: the callback that C has set is valid as long as it is set; the event and what it points to outlive
        // the call, and no borrow of the handle is alive.
        self.run_callback(|| unsafe { callback(event) });
    }
}

/// Frees what [`Handle::delete`] was given.
fn free(structures: Structures) {
    // SAFETY: both are malloc's and ours; C has given them up by deleting the handle, and its state gives them out
    // once.
    unsafe {
        cmem::free(structures.operations);
        cmem::free(structures.lrmd);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capi::client::lifecycle::{lrmd_api_delete, lrmd_api_new, lrmd_remote_api_new};
    use crate::capi::entry::slot;

    slot! {
        unsafe fn ask(lrmd: *mut Lrmd, fails: c_int) -> c_int, failed = -5; |handle| {
            assert!(fails == 0 && !handle.is_ready(), "as a test does");
            7
        }
    }

    #[test]
    fn a_panic_poisons_its_handle_alone() {
        let (lrmd, other) = (lrmd_api_new(), lrmd_api_new());
        // SAFETY: both were just made; each is deleted once, at the end.
        unsafe {
            assert_eq!(ask(lrmd, 1), -5);
            assert_eq!(ask(lrmd, 0), -5);
            assert_eq!(((*(*lrmd).cmds).poke_connection)(lrmd), rc::NOT_CONNECTED);
            assert_eq!(ask(other, 0), 7);
            lrmd_api_delete(lrmd);
            lrmd_api_delete(other);
        }
    }

    #[test]
    fn a_handle_knows_its_node_and_what_is_no_handle_is_none() {
        // SAFETY: C strings; the handles are deleted once.
        unsafe {
            let lrmd = lrmd_remote_api_new(c"node".as_ptr(), std::ptr::null(), 1);
            let handle = Handle::of(lrmd).unwrap();
            assert_eq!(handle.node_name(), Some(c"node"));
            assert_eq!(handle.place.to_string(), "Pacemaker Remote at node:1");
            assert_eq!(handle.call(Request::Poke, 0, Millis(0)), Err(rc::NOT_CONNECTED));
            assert_eq!(handle.send_proxy("<lrmd_ipc_proxy lrmd_ipc_op=\"x\"/>"), Err(rc::NOT_CONNECTED));
            assert_eq!(handle.send_proxy("<lrmd_command lrmd_op=\"lrmd_rsc_poke\"/>"), Err(rc::INVALID));
            drop(handle);
            lrmd_api_delete(lrmd);
            assert!(Handle::of(std::ptr::null_mut()).is_none());
        }
    }

    #[test]
    fn what_a_callback_deletes_lives_until_it_has_returned() {
        let lrmd = lrmd_api_new();
        // SAFETY: just made; deleted once, within the callback.
        unsafe {
            let handle = Handle::of(lrmd).unwrap();
            handle.run_callback(|| {
                lrmd_api_delete(lrmd);
                assert!(Handle::of(lrmd).is_none());
                let operations = (*lrmd).cmds;
                assert_eq!(((*operations).is_connected)(lrmd), 0);
                // Once more is harmless here.
                lrmd_api_delete(lrmd);
                assert!(handle.lifecycle.is_deleted());
            });
        }
    }
}
