// SPDX-License-Identifier: LGPL-2.1-or-later
//! In place of execd_alerts: alerts as children that GLib's loop watches, and waiting for the last of them.

use std::cell::{Cell, RefCell};
use std::ffi::{CStr, c_int, c_void};

use nix::unistd::User;

use crate::capi::abi::remote::Client;
use crate::capi::client::xml;
use crate::capi::entry::server_entry;
use crate::capi::logging;
use crate::driver::glib::Alerts;
use crate::model::site::CLUSTER_USER;
use crate::model::{Alert, Request};
use crate::sys::xmlnode::Node;
use crate::wire::codec::decode_incoming;
use crate::wire::names::{element, op};

thread_local! {
    static ALERTS: RefCell<Alerts> = RefCell::default();
    /// Set when the last alerts are waited for: there are to be no more.
    static IS_DRAINING: Cell<bool> = const { Cell::new(false) };
}

server_entry! {
    /// Starts the alert of a request (up to 3.0.1).
    ///
    /// Returns 0, -EINVAL without a client, an alert, its id or its path, -ENOENT without the user as whom alerts run.
    /// After `lrmd_drain_alerts()` it returns 0 and does nothing.
    ///
    /// # Safety
    /// `client` is NULL or a living client; `request` is NULL or a living node of libxml2, which is only read.
    pub unsafe fn process_lrmd_alert_exec(
        client: *mut Client,
        _id: u32,
        request: *mut c_void,
    ) -> c_int, failed = -libc::EIO; {
        // SAFETY: the caller's promise.
        -unsafe { run(client, request) }.err().unwrap_or(0)
    }
}

server_entry! {
    /// Starts the alert of a request (from 3.0.2 on). Returns what `process_lrmd_alert_exec()` does, as a positive number.
    ///
    /// # Safety
    /// As for `process_lrmd_alert_exec()`.
    pub unsafe fn execd_process_alert_exec(
        client: *mut Client,
        request: *mut c_void,
    ) -> c_int, failed = libc::EIO; {
        // SAFETY: the caller's promise.
        unsafe { run(client, request) }.err().unwrap_or(0)
    }
}

server_entry! {
    /// Waits for the alerts that have not ended, at most 5 s longer than the longest of their limits, while the default
    /// main context runs, and drops those that are asked for from now on. Without any alert yet it does nothing.
    ///
    /// # Safety
    /// The main loop is one of the default main context, which is this thread's.
    pub unsafe fn lrmd_drain_alerts(_main_loop: *mut c_void) {
        let pending = ALERTS.with_borrow(|alerts| alerts.has_begun().then(|| alerts.pending()));
        // Nothing of ours is borrowed while the loop runs.
        if let Some(pending) = pending {
            IS_DRAINING.set(true);
            pending.wait();
        }
    }
}

/// # Safety
/// As for `process_lrmd_alert_exec()`.
unsafe fn run(client: *const Client, request: *mut c_void) -> Result<(), c_int> {
    logging::install();
    // SAFETY: the caller's promise.
    let (alert, client) = unsafe {
        let request = Node::from_raw(request).ok_or(libc::EINVAL)?;
        let client = client.as_ref().filter(|client| !client.id.is_null()).ok_or(libc::EINVAL)?;
        (alert_of(request).ok_or(libc::EINVAL)?, CStr::from_ptr(client.id).to_string_lossy().into_owned())
    };
    if IS_DRAINING.get() {
        return Ok(());
    }
    if !matches!(User::from_name(CLUSTER_USER), Ok(Some(_))) {
        log::error!("There is no user {CLUSTER_USER}, as whom alerts run");
        return Err(libc::ENOENT);
    }
    log::info!("Executing alert {} for {client}", alert.id);
    ALERTS.with_borrow_mut(|alerts| alerts.run(alert, client));
    Ok(())
}

/// The first alert anywhere in a request, if it has an id and a path.
fn alert_of(request: Node<'_>) -> Option<Alert> {
    let text = xml::text_of(find(request)?);
    let whole = format!(
        "<lrmd_command lrmd_op=\"{}\"><lrmd_calldata>{text}</lrmd_calldata></lrmd_command>",
        op::ALERT_EXEC
    );
    match decode_incoming(&whole).ok()?.incoming.request {
        Request::Alert { id: Some(id), path: Some(path), timeout, params } => {
            Some(Alert { id, path, timeout, params, sequence: 0 })
        }
        _ => None,
    }
}

fn find(node: Node<'_>) -> Option<Node<'_>> {
    if node.name() == element::ALERT {
        return Some(node);
    }
    node.children().find_map(find)
}
