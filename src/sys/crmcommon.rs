// SPDX-License-Identifier: LGPL-2.1-or-later
//! Functions of Pacemaker's own libcrmcommon (and one of its libstonithd), found when they are first called.
//!
//! Only the entry points that deal in its objects (IPC clients, output objects) need it, and a caller of those has it in
//! its process already. So it is not linked: a caller who never needs it need not have it, and no release of it is
//! forced on any program. Nothing here is called but by its public or exported name.

use super::dynamic::{DynamicLibrary, c_name};
use std::ffi::{CStr, c_char, c_int, c_void};
use std::fmt;
use std::ptr::{self, NonNull};
use std::sync::OnceLock;

/// A name that is neither in the process nor in the library. It was logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Missing(pub &'static CStr);

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a library of Pacemaker's with {} is needed", self.0.to_string_lossy())
    }
}

impl std::error::Error for Missing {}

/// One of the libraries of one release.
#[derive(Clone, Copy, Debug)]
pub struct PacemakerLibrary(DynamicLibrary);

/// Declares functions of the library as methods that look their namesake up.
macro_rules! functions {
    ($($(#[$about:meta])* fn $name:ident($($argument:ident: $type:ty),*) $(-> $answer:ty)?;)*) => {
        impl PacemakerLibrary {
            $(
                #[allow(non_snake_case, reason = "the name is the library's own")]
                $(#[$about])*
                ///
                /// # Errors
                /// The function is nowhere to be found.
                ///
                /// # Safety
                /// What the function of this name asks for in the release that this is.
                pub unsafe fn $name(&self, $($argument: $type),*) -> Result<functions!(@ $($answer)?), Missing> {
                    static FOUND: OnceLock<unsafe extern "C" fn($($type),*) $(-> $answer)?> = OnceLock::new();
                    // SAFETY: the library's function of this name has had this signature in every release that has it.
                    let function = unsafe { self.find_once(c_name!("", $name), &FOUND)? };
                    // SAFETY: the caller's promise.
                    Ok(unsafe { function($($argument),*) })
                }
            )*
        }
    };
    (@) => { () };
    (@ $answer:ty) => { $answer };
}

functions! {
    /// Connects to a local server and watches the connection; NULL if that failed.
    fn mainloop_add_ipc_client(
        name: *const c_char, priority: c_int, max_size: usize, user_data: *mut c_void, callbacks: *mut c_void
    ) -> *mut c_void;
    /// Ends such a connection; its destroy callback runs before this returns.
    fn mainloop_del_ipc_client(source: *mut c_void);
    /// The IPC client of such a connection.
    fn mainloop_get_ipc_client(source: *mut c_void) -> *mut c_void;
    /// Is the client connected?
    fn crm_ipc_connected(client: *mut c_void) -> bool;
    /// The flags of the message that was read last.
    fn crm_ipc_buffer_flags(client: *mut c_void) -> u32;
    /// Sends an element. The answer is not negative, or a negated errno.
    fn crm_ipc_send(
        client: *mut c_void, message: *mut c_void, flags: u32, timeout_ms: i32, reply: *mut *mut c_void
    ) -> c_int;
    /// Frees the document of an element (2.1).
    fn free_xml(element: *mut c_void);
    /// Frees the document of an element (3.0).
    fn pcmk__xml_free(element: *mut c_void);
    /// Sends an element over a remote connection. The answer is 0 or Pacemaker's own code.
    fn pcmk__remote_send_xml(remote: *mut c_void, message: *mut c_void) -> c_int;
    /// The client of a daemon with this id; NULL if there is none.
    fn pcmk__find_client_by_id(id: *const c_char) -> *mut c_void;
    /// Calls a function for each client of a daemon, with its key, the client and the data; it must not change who is
    /// there.
    fn pcmk__foreach_ipc_client(
        function: Option<unsafe extern "C" fn(*mut c_void, *mut c_void, *mut c_void)>, data: *mut c_void
    );
    /// Ends the process unless a watchdog of this node fits the time (2.1.5 to 2.1.6).
    fn pcmk__valid_sbd_timeout(timeout: *const c_char) -> c_int;
    /// The same (2.1.7 to 3.0.1).
    fn pcmk__valid_stonith_watchdog_timeout(timeout: *const c_char) -> c_int;
    /// The same (from 3.0.2 on).
    fn pcmk__valid_fencing_watchdog_timeout(timeout: *const c_char) -> c_int;
    /// Sends an element to a local client, as the response to its request of this number or, by its flags, as an event. The
    /// answer is 0 or Pacemaker's own code.
    fn pcmk__ipc_send_xml(client: *mut c_void, request: u32, message: *mut c_void, flags: u32) -> c_int;
    /// Frees a client of a daemon.
    fn pcmk__free_client(client: *mut c_void);
    /// A connection to the fencer that is not connected (libstonithd's).
    fn stonith_api_new() -> *mut c_void;
    /// Ends such a connection and frees it (libstonithd's).
    fn stonith_api_delete(connection: *mut c_void);
    /// Teaches an output object messages.
    fn pcmk__register_messages(out: *mut c_void, table: *const c_void);
    /// Adds an element with text to what an XML output object writes.
    fn pcmk__output_create_xml_text_node(
        out: *mut c_void, name: *const c_char, content: *const c_char
    ) -> *mut c_void;
    /// Ends the element that was begun last.
    fn pcmk__output_xml_pop_parent(out: *mut c_void);
    /// Asks the fencer whether this node is to be fenced by its watchdog (libstonithd's). Waits for the answer.
    fn stonith__watchdog_fencing_enabled_for_node(node: *const c_char) -> c_int;
    /// What an exit status means.
    fn crm_exit_str(status: c_int) -> *const c_char;
}

impl PacemakerLibrary {
    /// The library that has this soname.
    pub const fn new(soname: &'static CStr) -> Self {
        Self(DynamicLibrary::new(soname))
    }

    /// What the running program calls itself, if it ever told the library.
    pub fn system_name(&self) -> Option<String> {
        // SAFETY: the library's variable of this name is a pointer, NULL or to a string that stays.
        unsafe {
            let name = self.0.find::<NonNull<*const c_char>>(c"crm_system_name")?.read();
            (!name.is_null()).then(|| CStr::from_ptr(name).to_string_lossy().into_owned())
        }
    }

    /// Begins an element without attributes in what an XML output object writes.
    ///
    /// # Errors
    /// The function is nowhere to be found.
    ///
    /// # Safety
    /// `out` is an output object of this library whose format is XML.
    pub unsafe fn xml_parent(&self, out: *mut c_void, name: &CStr) -> Result<*mut c_void, Missing> {
        type Function = unsafe extern "C" fn(*mut c_void, *const c_char, ...) -> *mut c_void;
        static FOUND: OnceLock<Function> = OnceLock::new();
        // SAFETY: the library's function of this name has this signature.
        let function = unsafe { self.find_once(c"pcmk__output_xml_create_parent", &FOUND)? };
        // SAFETY: the caller's promise; NULL ends the attributes.
        Ok(unsafe { function(out, name.as_ptr(), ptr::null::<c_char>()) })
    }

    /// Is there such a name, in the process or in the library?
    pub fn has(&self, name: &CStr) -> bool {
        self.0.has(name)
    }

    /// Is it in the process already?
    pub fn is_loaded(&self) -> bool {
        self.0.is_loaded()
    }

    /// # Safety
    /// The function of this name has the type `F`, a function pointer.
    unsafe fn find_once<F: Copy>(&self, name: &'static CStr, found: &OnceLock<F>) -> Result<F, Missing> {
        if let Some(known) = found.get() {
            return Ok(*known);
        }
        // SAFETY: the caller's promise.
        let Some(function) = (unsafe { self.0.find(name) }) else {
            log::error!("{}", Missing(name));
            return Err(Missing(name));
        };
        Ok(*found.get_or_init(|| function))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_nowhere_is_an_error_that_names_it() {
        let nowhere = PacemakerLibrary::new(c"libpcmk-remote-rs-none.so.0");
        static FOUND: OnceLock<unsafe extern "C" fn()> = OnceLock::new();
        // SAFETY: there is no such function.
        let error = unsafe { nowhere.find_once(c"pcmk_remote_rs_no_such_name", &FOUND) }.unwrap_err();
        assert_eq!(error.to_string(), "a library of Pacemaker's with pcmk_remote_rs_no_such_name is needed");
    }

    #[test]
    fn the_installed_library_is_found_by_its_soname() {
        // tests/setup installs Debian 12's, which is 2.1.
        let library = PacemakerLibrary::new(c"libcrmcommon.so.34");
        // SAFETY: a function without conditions, whose answer is a literal of the library.
        let text = unsafe { CStr::from_ptr(library.crm_exit_str(7).unwrap()) };
        assert_eq!(text, c"Not running");
        assert_eq!(library.system_name(), None);
    }
}
