// SPDX-License-Identifier: LGPL-2.1-or-later
//! Functions of Pacemaker's own libcrmcommon (and one of its libstonithd), found when they are first called.
//!
//! Only the entry points that deal in its objects (IPC clients, output objects) need it, and whoever calls those has
//! it in his process already. So it is not linked: a caller who never needs it need not have it, and no release of it
//! is forced on anybody. Nothing here is called but by its public or exported name.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::fmt;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicPtr, Ordering};

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
pub struct PacemakerLibrary {
    soname: &'static CStr,
}

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
                    const NAME: &CStr =
                        match CStr::from_bytes_with_nul(concat!(stringify!($name), "\0").as_bytes()) {
                            Ok(name) => name,
                            Err(_) => c"",
                        };
                    static PLACE: AtomicPtr<c_void> = AtomicPtr::new(ptr::null_mut());
                    let place = self.find_once(NAME, &PLACE)?;
                    // SAFETY: the library's function of this name has had this signature in every release that has it.
                    let function = unsafe {
                        std::mem::transmute::<
                            *mut c_void,
                            unsafe extern "C" fn($($type),*) $(-> $answer)?,
                        >(place.as_ptr())
                    };
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
        Self { soname }
    }

    /// What the running program calls itself, if it ever told the library.
    pub fn system_name(&self) -> Option<String> {
        let place = self.find(c"crm_system_name")?.cast::<*const c_char>();
        // SAFETY: the library's variable of this name is a pointer, NULL or to a string that stays.
        unsafe {
            let name = place.read();
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
        static PLACE: AtomicPtr<c_void> = AtomicPtr::new(ptr::null_mut());
        let place = self.find_once(c"pcmk__output_xml_create_parent", &PLACE)?;
        type Function = unsafe extern "C" fn(*mut c_void, *const c_char, ...) -> *mut c_void;
        // SAFETY: the library's function of this name has this signature.
        let function = unsafe { std::mem::transmute::<*mut c_void, Function>(place.as_ptr()) };
        // SAFETY: the caller's promise; NULL ends the attributes.
        Ok(unsafe { function(out, name.as_ptr(), ptr::null::<c_char>()) })
    }

    /// Is there such a name, in the process or in the library?
    pub fn has(&self, name: &CStr) -> bool {
        self.find(name).is_some()
    }

    /// Is it in the process already?
    pub fn is_loaded(&self) -> bool {
        // SAFETY: a string that ends with NUL; NOLOAD: nothing is run.
        let library = unsafe { libc::dlopen(self.soname.as_ptr(), libc::RTLD_LAZY | libc::RTLD_NOLOAD) };
        if !library.is_null() {
            // SAFETY: opened above; whoever loaded it keeps it.
            unsafe { libc::dlclose(library) };
        }
        !library.is_null()
    }

    fn find_once(&self, name: &'static CStr, place: &AtomicPtr<c_void>) -> Result<NonNull<c_void>, Missing> {
        if let Some(known) = NonNull::new(place.load(Ordering::Acquire)) {
            return Ok(known);
        }
        let Some(found) = self.find(name) else {
            log::error!("{}", Missing(name));
            return Err(Missing(name));
        };
        place.store(found.as_ptr(), Ordering::Release);
        Ok(found)
    }

    /// A name, in the process if it has it, otherwise in the library, which then stays loaded.
    fn find(&self, name: &CStr) -> Option<NonNull<c_void>> {
        // SAFETY: both are strings that end with NUL. Loading the library runs its initialisers, which is what anybody
        // does who links it.
        unsafe {
            NonNull::new(libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr())).or_else(|| {
                let library =
                    NonNull::new(libc::dlopen(self.soname.as_ptr(), libc::RTLD_LAZY | libc::RTLD_LOCAL))?;
                NonNull::new(libc::dlsym(library.as_ptr(), name.as_ptr()))
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_nowhere_is_an_error_that_names_it() {
        let nowhere = PacemakerLibrary::new(c"libpcmk-remote-rs-none.so.0");
        static PLACE: AtomicPtr<c_void> = AtomicPtr::new(ptr::null_mut());
        let error = nowhere.find_once(c"pcmk_remote_rs_no_such_name", &PLACE).unwrap_err();
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
