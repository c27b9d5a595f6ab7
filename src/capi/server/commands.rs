// SPDX-License-Identifier: LGPL-2.1-or-later
//! In place of execd_commands: resources, their operations, and up to 3.0.1 the dispatch of requests. What the object
//! gives from 3.0.2 on, to execd_messages, is in `pieces`.
pub mod pieces;
mod sign_on;

use std::ffi::{CStr, CString, c_char, c_int, c_void};

use super::clients::Caller;
use super::{executor, registry, role, trees};
use crate::capi::abi::CRM_COMMON;
use crate::capi::abi::remote::Client;
use crate::capi::entry::server_entry;
use crate::model::{CallId, ClientId, Notification, Reply, ReplyBody, Request};
use crate::sys::neighbours;
use crate::wire::names::op;

// The table of resources, which main makes and destroys.
neighbours::give_variable!(rsc_list, 8);

server_entry! {
    /// Frees a value of `rsc_list` (up to 3.0.1): what is queued or recurs is cancelled and told. The table calls it.
    ///
    /// # Safety
    /// `data` is NULL or a value of the table that it does not hold any longer.
    pub unsafe fn free_rsc(data: *mut c_void) {
        // SAFETY: the caller's promise.
        unsafe { forget(data) };
    }
}

server_entry! {
    /// The same from 3.0.2 on.
    ///
    /// # Safety
    /// As for `free_rsc()`.
    pub unsafe fn execd_free_rsc(data: *mut c_void) {
        // SAFETY: the caller's promise.
        unsafe { forget(data) };
    }
}

/// # Safety
/// As for `free_rsc()`.
unsafe fn forget(data: *mut c_void) {
    if data.is_null() {
        return;
    }
    // SAFETY: the caller's promise.
    let id = unsafe { registry::free(data) };
    if let (Some(id), Some(executor)) = (id, executor::get()) {
        executor.forget(&id);
    }
}

server_entry! {
    /// Tells all other clients that have a name that there is a new one. What carries a cluster's messages hears of those
    /// alone that begin to do so too.
    ///
    /// # Safety
    /// `new_client` is NULL or a living client.
    pub unsafe fn notify_of_new_client(new_client: *mut Client) {
        // SAFETY: the caller's promise.
        if let (Some(client), Some(executor)) = (unsafe { Caller::of(new_client) }, executor::get()) {
            executor.joined(&client.id);
        }
    }
}

server_entry! {
    /// Stops what recurs for a client that leaves, or with NULL for any client, where the resource was registered so.
    /// Tells it before it returns.
    ///
    /// # Safety
    /// `client_id` is NULL or a C string.
    pub unsafe fn client_disconnect_cleanup(client_id: *const c_char) {
        // SAFETY: the caller's promise.
        let id = (!client_id.is_null()).then(|| unsafe { CStr::from_ptr(client_id) }.to_string_lossy());
        if let Some(executor) = executor::get() {
            executor.left(id.map(|id| ClientId::new(id.as_ref())).as_ref());
        }
    }
}

server_entry! {
    /// The connection to the fencer is lost (up to 3.0.1): what fence devices do, wait for or repeat fails.
    ///
    /// # Safety
    /// To be called by the main thread.
    pub unsafe fn stonith_connection_failed() {
        fencer_lost();
    }
}

server_entry! {
    /// The same from 3.0.2 on.
    ///
    /// # Safety
    /// To be called by the main thread.
    pub unsafe fn execd_fencer_connection_failed() {
        fencer_lost();
    }
}

fn fencer_lost() {
    if let Some(executor) = executor::get() {
        executor.fencer_lost();
    }
}

server_entry! {
    /// Does what a client asks, and answers it (up to 3.0.1). The request stays the caller's, who has completed it with
    /// the client's id and name and with a number.
    ///
    /// # Safety
    /// `client` is NULL or a living client; `request` is NULL or a living node of libxml2, which is only read.
    pub unsafe fn process_lrmd_message(client: *mut Client, id: u32, request: *mut c_void) {
        // SAFETY: the caller's promise.
        let (caller, asked) = unsafe { (Caller::of(client), trees::read(request)) };
        let (Some(caller), Some(asked)) = (caller, asked) else {
            return log::error!("A request without a client, or no request at all, is ignored");
        };
        let dispatch = Dispatch { caller, message_id: id, call_id: asked.call_id, client, tree: request };
        // SAFETY: the same promise.
        unsafe { dispatch.carry_out(asked) };
    }
}

/// A request on its way.
struct Dispatch {
    caller: Caller,
    message_id: u32,
    call_id: CallId,
    /// Alive until something was sent.
    client: *mut Client,
    tree: *mut c_void,
}

impl Dispatch {
    /// # Safety
    /// Client and tree are alive when this is called.
    unsafe fn carry_out(&self, asked: trees::Asked) {
        let privileged = self.caller.is_privileged();
        if asked.operation.as_deref() == Some(op::IPC_FWD) {
            // SAFETY: the caller's promise.
            return self.plain(unsafe { self.forward() });
        }
        match asked.message.map(|message| message.request) {
            Some(Request::Register { version, is_provider, .. }) => {
                // SAFETY: the caller's promise.
                let (rc, body) = unsafe { sign_on::sign_on(&self.caller, self.client, version, is_provider) };
                self.reply(rc, body);
            }
            Some(Request::Poke) => {
                self.plain(0);
                tell(Notification::Poke { rc: 0, call_id: self.call_id, resource_id: None });
            }
            None | Some(Request::Unknown(_)) => {
                let operation = asked.operation.unwrap_or_default();
                log::warn!("{} asks for the unknown operation '{operation}'", self.caller.describe());
                self.plain(-libc::EOPNOTSUPP);
            }
            Some(request) if !privileged => self.refuse(&request),
            Some(Request::Check { watchdog }) => check_watchdog(watchdog.as_deref()),
            // SAFETY: the caller's promise.
            Some(Request::Alert { .. }) => self.plain(unsafe { self.alert() }),
            Some(request) => self.about_resources(request),
        }
    }

    fn refuse(&self, request: &Request) {
        let name = self.caller.describe();
        log::warn!("{name} is neither root nor the cluster's user: request refused");
        if !matches!(request, Request::Check { .. }) {
            self.plain(-libc::EACCES);
        }
    }

    fn about_resources(&self, request: Request) {
        let asker = (&self.caller.id, self.caller.describe());
        let answer = executor::ask(asker, self.call_id, request, |answer| {
            self.reply(answer.rc, answer.body.clone());
        });
        if let Some(news) = answer.and_then(|answer| answer.news) {
            tell(news);
        }
    }

    /// # Safety
    /// Client and tree are alive.
    unsafe fn alert(&self) -> c_int {
        let Some(alert) = neighbours::process_lrmd_alert_exec() else { return -libc::EOPNOTSUPP };
        // SAFETY: the caller's promise.
        unsafe { alert(self.client.cast(), self.message_id, self.tree) }
    }

    /// # Safety
    /// Client and tree are alive.
    unsafe fn forward(&self) -> c_int {
        let forward = neighbours::ipc_proxy_forward_client().filter(|_| role::is_remote_daemon());
        let Some(forward) = forward else { return -libc::EPROTONOSUPPORT };
        if !self.caller.is_privileged() {
            log::warn!("{} is neither root nor the cluster's user: not forwarded", self.caller.describe());
            return -libc::EACCES;
        }
        // SAFETY: the caller's promise; what it answers in a later release is nothing in those that have this function.
        unsafe { forward(self.client.cast(), self.tree) };
        0
    }

    fn plain(&self, rc: c_int) {
        self.reply(rc, ReplyBody::Plain);
    }

    fn reply(&self, rc: c_int, body: ReplyBody) {
        let reply = Reply { rc, call_id: self.call_id, body };
        executor::reply(&self.caller.id, self.message_id, &reply);
    }
}

fn tell(news: Notification) {
    if let Some(executor) = executor::get() {
        executor.tell(news);
    }
}

/// Ends the process if the cluster relies on a watchdog that this node has not: libcrmcommon's own decision, which is the
/// same for all daemons of a node.
fn check_watchdog(timeout: Option<&str>) {
    let timeout = timeout.and_then(|timeout| CString::new(timeout).ok());
    let timeout = timeout.as_ref().map_or(std::ptr::null(), |timeout| timeout.as_ptr());
    // SAFETY: NULL or a C string, which is only read. The library has one of these.
    let asked = unsafe {
        if CRM_COMMON.has(c"pcmk__valid_fencing_watchdog_timeout") {
            CRM_COMMON.pcmk__valid_fencing_watchdog_timeout(timeout)
        } else if CRM_COMMON.has(c"pcmk__valid_stonith_watchdog_timeout") {
            CRM_COMMON.pcmk__valid_stonith_watchdog_timeout(timeout)
        } else {
            CRM_COMMON.pcmk__valid_sbd_timeout(timeout)
        }
    };
    // It was logged what is missing.
    let _fits = asked;
}
