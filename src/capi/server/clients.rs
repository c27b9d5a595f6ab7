// SPDX-License-Identifier: LGPL-2.1-or-later
//! The program's clients. Its table of them is libcrmcommon's, or that of whatever took its place: never of this
//! library by a path of Rust's. A pointer is dead after anything was sent, so clients are kept by their ids.

use std::ffi::{CStr, CString, c_char, c_void};

use crate::capi::abi::CRM_COMMON;
use crate::capi::abi::remote::{Client, flag};
use crate::model::ClientId;
use crate::sys::unwind::guard;

/// What requests are judged by.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    pub(super) id: ClientId,
    /// What it calls itself.
    pub(super) name: Option<String>,
    pub(super) flags: u64,
}

impl Caller {
    /// The client behind a pointer; None for NULL and for one without an id.
    ///
    /// # Safety
    /// `client` is NULL or a living client.
    pub(super) unsafe fn of(client: *const Client) -> Option<Self> {
        // SAFETY: the caller's promise.
        let client = unsafe { client.as_ref() }?;
        // SAFETY: strings of a living client are NULL or C strings.
        let (id, name) = unsafe { (text(client.id)?, text(client.name)) };
        Some(Self { id: ClientId::new(id), name, flags: client.flags })
    }

    /// For the log.
    pub(super) fn describe(&self) -> &str {
        self.name.as_deref().unwrap_or_else(|| self.id.as_str())
    }

    pub(super) const fn is_privileged(&self) -> bool {
        self.flags & flag::PRIVILEGED != 0
    }

    /// Over TLS, and it has proved that it has the key?
    pub(super) const fn is_remote(&self) -> bool {
        self.flags & flag::TLS != 0 && self.flags & flag::HANDSHAKE_DONE != 0
    }

    /// Is it the executor's, and not a proxied server's?
    const fn is_the_executors(&self) -> bool {
        self.flags & flag::TO_PROXY == 0
    }
}

/// # Safety
/// NULL or a C string.
unsafe fn text(string: *const c_char) -> Option<String> {
    // SAFETY: not NULL where it is read; the rest is the caller's promise.
    (!string.is_null()).then(|| unsafe { CStr::from_ptr(string) }.to_string_lossy().into_owned())
}

/// The client with this id, if it is still there. Not to be used after anything was sent.
pub(super) fn find(id: &ClientId) -> Option<*mut Client> {
    let id = CString::new(id.as_str()).ok()?;
    // SAFETY: a C string, which is only read.
    let client = unsafe { CRM_COMMON.pcmk__find_client_by_id(id.as_ptr()) }.ok()?;
    (!client.is_null()).then(|| client.cast())
}

/// The executor's clients that have a name.
pub(super) fn named() -> Vec<ClientId> {
    let mut found = Vec::<ClientId>::new();
    // SAFETY: the function takes what the library calls it with, and the list, which lives longer.
    let walked = unsafe { CRM_COMMON.pcmk__foreach_ipc_client(Some(collect), (&raw mut found).cast()) };
    if walked.is_err() {
        return Vec::new();
    }
    found
}

/// # Safety
/// `client` is NULL or a living client, `found` the list that [`named`] has made.
unsafe extern "C" fn collect(_key: *mut c_void, client: *mut c_void, found: *mut c_void) {
    guard((), || {
        // SAFETY: the caller's promise.
        let (client, found) = unsafe { (Caller::of(client.cast()), &mut *found.cast::<Vec<ClientId>>()) };
        if let Some(client) = client.filter(|client| client.name.is_some() && client.is_the_executors()) {
            found.push(client.id);
        }
    });
}
