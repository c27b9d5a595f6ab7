// SPDX-License-Identifier: LGPL-2.1-or-later
//! The table of a daemon's clients, local and remote.

use std::collections::HashMap;
use std::ffi::{CStr, c_char, c_int, c_uint, c_void};
use std::ptr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::local;
use crate::capi::abi;
use crate::capi::abi::layout::{Session, SessionEnd};
use crate::capi::abi::remote::{Client, Remote, flag};
use crate::capi::entry::entry;
use crate::sys::{cmem, glib, gnutls};

/// Clients by what they are found by, which is nothing but a number here.
#[derive(Default)]
struct Table {
    clients: HashMap<usize, Entry>,
    /// What each client is found by.
    keys: HashMap<usize, usize>,
    next: u64,
}

impl Table {
    /// A client without an entry of its own any longer, another having taken its key, leaves that one alone.
    fn remove(&mut self, client: usize) {
        if let Some(key) = self.keys.remove(&client)
            && self.clients.get(&key).is_some_and(|entry| entry.client == client)
        {
            self.clients.remove(&key);
        }
    }
}

#[derive(Clone, Copy)]
struct Entry {
    client: usize,
    /// How many came before.
    order: u64,
}

static TABLE: Mutex<Option<Table>> = Mutex::new(None);

/// Never held while C code runs, which may come back.
fn table() -> MutexGuard<'static, Option<Table>> {
    TABLE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Everything in the table, in the order of arrival: its key and its client.
fn all() -> Vec<(usize, *mut Client)> {
    let table = table();
    let mut entries: Vec<(usize, Entry)> =
        table.iter().flat_map(|table| table.clients.iter()).map(|(key, entry)| (*key, *entry)).collect();
    entries.sort_unstable_by_key(|(_, entry)| entry.order);
    entries.into_iter().map(|(key, entry)| (key, pointer(entry.client))).collect()
}

fn pointer(address: usize) -> *mut Client {
    ptr::with_exposed_provenance_mut(address)
}

entry! {
    /// How many clients there are.
    pub fn pcmk__ipc_client_count() -> c_uint, failed = 0; {
        let count = table().as_ref().map_or(0, |table| table.clients.len());
        c_uint::try_from(count).unwrap_or(c_uint::MAX)
    }
}

entry! {
    /// Calls a function for each client there is, with its key, the client and `user_data`. It may make and free
    /// clients.
    ///
    /// # Safety
    /// `function` is NULL or can bear that.
    pub unsafe fn pcmk__foreach_ipc_client(
        function: Option<unsafe extern "C" fn(*mut c_void, *mut c_void, *mut c_void)>,
        user_data: *mut c_void,
    ) {
        let Some(function) = function else { return };
        for (key, client) in all() {
            // One that was freed meanwhile is left out.
            let there = table().as_ref().is_some_and(|table| {
                table.clients.get(&key).is_some_and(|entry| entry.client == client.expose_provenance())
            });
            if there {
                // SAFETY: the caller's function and its own pointer; the client is alive.
                unsafe { function(ptr::with_exposed_provenance_mut(key), client.cast(), user_data) };
            }
        }
    }
}

entry! {
    /// The client of a local connection, or of another key that it was made with; NULL if there is none.
    pub fn pcmk__find_client(connection: *const c_void) -> *mut Client, failed = ptr::null_mut(); {
        let table = table();
        let entry = table.as_ref().and_then(|table| table.clients.get(&connection.expose_provenance()));
        entry.map_or(ptr::null_mut(), |entry| pointer(entry.client))
    }
}

entry! {
    /// The client with this id; NULL if there is none.
    ///
    /// # Safety
    /// `id` is NULL or a C string. The clients of the table are alive.
    pub unsafe fn pcmk__find_client_by_id(id: *const c_char) -> *mut Client, failed = ptr::null_mut(); {
        if id.is_null() {
            return ptr::null_mut();
        }
        // SAFETY: a C string, and living clients whose ids are C strings.
        let has_it = |client: *mut Client| unsafe {
            !(*client).id.is_null() && CStr::from_ptr((*client).id) == CStr::from_ptr(id)
        };
        let table = table();
        let mut clients = table.iter().flat_map(|table| table.clients.values()).map(|entry| pointer(entry.client));
        clients.find(|client| has_it(*client)).unwrap_or(ptr::null_mut())
    }
}

entry! {
    /// What to call a client in log messages: its name, or its id. Not to be freed.
    ///
    /// # Safety
    /// `client` is NULL or a client.
    pub unsafe fn pcmk__client_name(client: *const Client) -> *const c_char, failed = ptr::null(); {
        // SAFETY: the caller's promise.
        match unsafe { client.as_ref() } {
            None => c"(unspecified)".as_ptr(),
            Some(client) if !client.name.is_null() => client.name,
            Some(client) if !client.id.is_null() => client.id,
            Some(_) => c"(unidentified)".as_ptr(),
        }
    }
}

entry! {
    /// Forgets all clients, without freeing them.
    pub fn pcmk__client_cleanup() {
        let forgotten = table().take().map_or(0, |table| table.clients.len());
        if forgotten > 0 {
            log::warn!("Exiting with {forgotten} active clients");
        }
    }
}

entry! {
    /// A new client with an id of its own, which is found by `key`, or by the pointer to its id if that is NULL. The
    /// caller frees it with `pcmk__free_client()`. Never NULL.
    pub fn pcmk__new_unauth_client(key: *mut c_void) -> *mut Client, failed = ptr::null_mut(); {
        let client = new_client();
        add(key, client);
        client
    }
}

entry! {
    /// A new client for a local connection that is being accepted, by which it is found. Users other than root get
    /// their access through the cluster's group. NULL for NULL.
    ///
    /// # Safety
    /// `connection` is NULL or a living `qb_ipcs_connection_t`.
    pub unsafe fn pcmk__new_client(
        connection: *mut c_void,
        uid: u32,
        _gid: u32,
    ) -> *mut Client, failed = ptr::null_mut(); {
        if connection.is_null() {
            return ptr::null_mut();
        }
        let client = new_client();
        // SAFETY: just made, and nothing else refers to it; the connection is the caller's promise.
        unsafe {
            let facts = local::accept(connection, uid);
            (*client).pid = facts.pid;
            (*client).user = cmem::string_of(facts.user.as_bytes());
            abi::layout().client.ipcs.of(client).write(connection);
            (*client).flags = flag::IPC | if facts.privileged { flag::PRIVILEGED } else { 0 };
        }
        add(connection, client);
        client
    }
}

fn new_client() -> *mut Client {
    let id = uuid::Uuid::new_v4().to_string();
    abi::layout().new_client(cmem::string_of(id.as_bytes()))
}

fn add(key: *mut c_void, client: *mut Client) {
    // SAFETY: just made, and nothing else refers to it.
    let key = if key.is_null() { unsafe { (*client).id }.cast() } else { key };
    let mut table = table();
    let table = table.get_or_insert_with(Table::default);
    table.next += 1;
    let (key, client) = (key.expose_provenance(), client.expose_provenance());
    table.keys.insert(client, key);
    table.clients.insert(key, Entry { client, order: table.next });
}

entry! {
    /// Frees a client with all that it owns: its waiting messages, its connection's buffer, in Pacemaker 3.0 also the
    /// connection's TLS session, and from 3.0.1 on what has come of a local message. NULL is allowed.
    ///
    /// # Safety
    /// `client` is NULL or a client that is not used afterwards; its parts are as its layout says.
    pub unsafe fn pcmk__free_client(client: *mut Client) {
        if client.is_null() {
            return;
        }
        // Whatever it was found by: an entry that stayed would lead to freed memory.
        if let Some(table) = table().as_mut() {
            table.remove(client.expose_provenance());
        }
        // SAFETY: the caller's promise; each part is given back once.
        unsafe {
            let parts = client.read();
            if let Ok(timer @ 1..) = c_uint::try_from(parts.event_timer) {
                glib::remove_source(timer);
            }
            glib::free_queue(parts.event_queue, |event| local::free_event(event));
            if let Some(buffer) = abi::layout().client.buffer {
                glib::free_bytes(buffer.get(client));
            }
            cmem::free(parts.id);
            cmem::free(parts.name);
            cmem::free(parts.user);
            free_connection(abi::layout().remote_of(client));
            cmem::free(client);
        }
    }
}

/// # Safety
/// `remote` is NULL or a client's own connection of this process's layout, not used afterwards.
unsafe fn free_connection(remote: *mut Remote) {
    let layout = abi::layout();
    // SAFETY: the caller's promise; the session is looked at only in releases whose clients own something of it.
    unsafe {
        let Some(connection) = remote.as_ref() else { return };
        if let Ok(timer @ 1..) = c_uint::try_from(connection.auth_timeout) {
            glib::remove_source(timer);
        }
        cmem::free(connection.buffer);
        match (layout.remote.at_the_end, layout.remote.session) {
            (SessionEnd::PlaceFreed, Session::Behind(place)) => {
                let place = place.get(remote);
                if !place.is_null() {
                    gnutls::free(place.cast());
                }
            }
            (SessionEnd::Freed, _) => {
                if let (Some(session), Some(gnutls)) = (layout.session_of(remote), gnutls::functions()) {
                    (gnutls.deinit)(session.as_ptr());
                }
            }
            _ => {}
        }
        cmem::free(remote);
    }
}

entry! {
    /// The process of a local connection's client when it connected.
    ///
    /// # Safety
    /// `connection` is NULL or a living `qb_ipcs_connection_t`.
    pub unsafe fn pcmk__client_pid(connection: *mut c_void) -> c_int, failed = 0; {
        if connection.is_null() {
            return 0;
        }
        // SAFETY: the caller's promise.
        unsafe { crate::sys::qb::foreign::pid_of(connection) }
    }
}
