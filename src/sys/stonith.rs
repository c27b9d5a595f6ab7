// SPDX-License-Identifier: LGPL-2.1-or-later
//! The fence agents of cluster-glue, through its library libstonith. It is looked for when it is asked for: few nodes
//! have it, and nothing else needs it.
use super::dynamic::{DynamicLibrary, function_table};
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::ptr::NonNull;

/// Which fact of an agent; the numbers are libstonith's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fact {
    /// Its parameters, as XML.
    Parameters = 1,
    /// A short name.
    Identity = 2,
    /// A text.
    Description = 4,
}

// The library's agents use what it has, without saying so.
const LIBRARY: DynamicLibrary = DynamicLibrary::global(c"libstonith.so.1");

function_table! {
    /// The library. It stays loaded for the life of the process, since its agents cannot be unloaded safely.
    pub struct Library("stonith_") {
        types: fn() -> *mut *mut c_char;
        free_hostlist: fn(*mut *mut c_char);
        new: fn(*const c_char) -> *mut c_void;
        delete: fn(*mut c_void);
        get_info: fn(*mut c_void, c_int) -> *const c_char;
    }
}

impl Library {
    /// Loads it; None where it is not installed.
    pub fn load() -> Option<Self> {
        // SAFETY: these are the types that libstonith.so.1 gives these names in its header.
        unsafe { Self::find(LIBRARY) }
    }

    /// The names of all agents.
    pub fn types(&self) -> Vec<String> {
        let mut names = Vec::new();
        // SAFETY: takes nothing; the answer is NULL or ours, a list of C strings that ends with NULL, given back once.
        unsafe {
            let list = (self.types)();
            if list.is_null() {
                return names;
            }
            let mut place = list;
            while !(*place).is_null() {
                names.push(CStr::from_ptr(*place).to_string_lossy().into_owned());
                place = place.add(1);
            }
            (self.free_hostlist)(list);
        }
        names
    }

    /// The agent of this name.
    pub fn agent(&self, name: &str) -> Option<FenceAgent> {
        let name = CString::new(name).ok()?;
        // SAFETY: a C string, which it copies.
        let raw = NonNull::new(unsafe { (self.new)(name.as_ptr()) })?;
        Some(FenceAgent { library: *self, raw })
    }
}

/// One agent, loaded.
#[derive(Debug)]
pub struct FenceAgent {
    library: Library,
    raw: NonNull<c_void>,
}

impl FenceAgent {
    /// What it says; it may run a script for that, and waits for it.
    pub fn fact(&self, fact: Fact) -> Option<String> {
        // SAFETY: the agent is alive; the text is its own and is copied before anything else is asked of it.
        unsafe {
            let text = (self.library.get_info)(self.raw.as_ptr(), fact as c_int);
            (!text.is_null()).then(|| CStr::from_ptr(text).to_string_lossy().into_owned())
        }
    }
}

impl Drop for FenceAgent {
    fn drop(&mut self) {
        // SAFETY: made by `agent`, given back once.
        unsafe { (self.library.delete)(self.raw.as_ptr()) }
    }
}
