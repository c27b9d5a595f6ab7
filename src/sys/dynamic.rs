// SPDX-License-Identifier: LGPL-2.1-or-later
//! Functions of C libraries that are looked for while the program runs: the one mechanism for all of them.
//!
//! Such a library is needed by few callers, who have it in the process already, or by few nodes. It is not linked, so
//! that a program without it starts, and so that no release of it is forced on anybody.
//!
//! The look-up is libloading's, which turns an address into a function of the type that is asked for without a
//! transmute, and refuses types that are no pointers. What is left to us, and unsafe, is the promise that the library
//! gives a name this type. What was found stays loaded for the life of the process: functions are copied out, and
//! libraries that start threads or register callbacks cannot be unloaded safely.
use libloading::os::unix::Library;
use std::ffi::{CStr, OsStr, c_int};
use std::os::unix::ffi::OsStrExt;

/// A library by its soname.
#[derive(Clone, Copy, Debug)]
pub(super) struct DynamicLibrary {
    soname: &'static CStr,
    flags: c_int,
}

impl DynamicLibrary {
    pub(super) const fn new(soname: &'static CStr) -> Self {
        Self { soname, flags: libc::RTLD_LAZY | libc::RTLD_LOCAL }
    }

    /// One whose names are there for what it loads itself.
    pub(super) const fn global(soname: &'static CStr) -> Self {
        Self { soname, flags: libc::RTLD_LAZY | libc::RTLD_GLOBAL }
    }

    /// What the process, or else the library, knows by this name.
    ///
    /// # Safety
    /// `T` is a function pointer of the type of the function of this name, or `NonNull` of the type of the variable of
    /// this name, in whatever library has it. Loading the library may run its initialisers.
    pub(super) unsafe fn find<T: Copy>(self, name: &CStr) -> Option<T> {
        // SAFETY: the caller's promise.
        unsafe { symbol(&Library::this(), name) }.or_else(|| {
            let library = self.open(self.flags)?;
            // SAFETY: the caller's promise; the library stays loaded.
            let found = unsafe { symbol(&library, name) };
            let _stays_loaded = library.into_raw();
            found
        })
    }

    /// Is there such a name, in the process or in the library?
    pub(super) fn has(self, name: &CStr) -> bool {
        // SAFETY: an address that is not used.
        unsafe { self.find::<std::ptr::NonNull<u8>>(name) }.is_some()
    }

    /// Is it in the process already?
    pub(super) fn is_loaded(self) -> bool {
        self.open(libc::RTLD_LAZY | libc::RTLD_NOLOAD).is_some()
    }

    fn open(self, flags: c_int) -> Option<Library> {
        let soname = OsStr::from_bytes(self.soname.to_bytes_with_nul());
        // SAFETY: a name that is a literal; initialisers are run as for a program that links the library.
        unsafe { Library::open(Some(soname), flags) }.ok()
    }
}

/// # Safety
/// As for [`DynamicLibrary::find`]; `library` is not closed while the answer is used.
unsafe fn symbol<T: Copy>(library: &Library, name: &CStr) -> Option<T> {
    // SAFETY: the caller's promise. A name may have the address NULL, which is the None of an Option of a pointer.
    let found = unsafe { library.get::<Option<T>>(name.to_bytes_with_nul()) };
    found.ok().and_then(|symbol| *symbol)
}

/// Declares a table of a library's functions, all of which it must have. A field is called as the function is, without
/// the prefix.
macro_rules! function_table {
    (
        $(#[$about:meta])*
        $visibility:vis struct $table:ident($prefix:literal) {
            $($access:vis $field:ident: fn($($argument:ty),*) $(-> $answer:ty)?;)*
        }
    ) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug)]
        $visibility struct $table {
            $($access $field: unsafe extern "C" fn($($argument),*) $(-> $answer)?,)*
        }

        impl $table {
            /// All of them; None if one is missing.
            ///
            /// # Safety
            /// In every release of the library the functions of these names have had these types.
            unsafe fn find(library: $crate::sys::dynamic::DynamicLibrary) -> Option<Self> {
                // SAFETY: the caller's promise.
                unsafe {
                    Some(Self {
                        $($field: library.find($crate::sys::dynamic::c_name!($prefix, $field))?,)*
                    })
                }
            }
        }
    };
}

/// The parts of a name as one C string.
macro_rules! c_name {
    ($prefix:literal, $name:ident) => {{
        const NAME: &std::ffi::CStr =
            match std::ffi::CStr::from_bytes_with_nul(concat!($prefix, stringify!($name), "\0").as_bytes()) {
                Ok(name) => name,
                Err(_) => c"",
            };
        NAME
    }};
}
pub(super) use c_name;
pub(super) use function_table;

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::c_char;

    const NOWHERE: DynamicLibrary = DynamicLibrary::new(c"libpcmk-remote-rs-none.so.0");

    #[test]
    fn what_the_process_has_is_found_without_the_library() {
        type Strlen = unsafe extern "C" fn(*const c_char) -> usize;
        // SAFETY: the C library's function has this type.
        let strlen: Strlen = unsafe { NOWHERE.find(c"strlen") }.expect("the C library is linked");
        // SAFETY: a C string.
        assert_eq!(unsafe { strlen(c"four".as_ptr()) }, 4);
        assert!(!NOWHERE.is_loaded());
    }

    #[test]
    fn what_is_nowhere_and_what_is_no_pointer_is_not_found() {
        assert!(!NOWHERE.has(c"pcmk_remote_rs_no_such_name"));
        // SAFETY: nothing is read: the type's size is refused.
        assert_eq!(unsafe { NOWHERE.find::<[usize; 2]>(c"strlen") }, None);
    }

    #[test]
    fn what_a_library_was_loaded_for_stays_loaded() {
        // A library of the C library's package that nothing here links.
        let library = DynamicLibrary::new(c"libBrokenLocale.so.1");
        assert!(!library.is_loaded());
        assert!(!library.has(c"pcmk_remote_rs_no_such_name"), "it is loaded to look");
        assert!(library.is_loaded());
    }
}
