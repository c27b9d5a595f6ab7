// SPDX-License-Identifier: LGPL-2.1-or-later
//! Tables of C's that hold structures by their names. How names compare and who frees an entry is the table's own.

use std::ffi::{CStr, c_char, c_void};

use super::bindings as glib;

/// What stands under `key`; NULL: nothing, or `table` is NULL.
///
/// # Safety
/// `table` is NULL or a living GHashTable whose keys are C strings.
pub unsafe fn get(table: *mut c_void, key: &CStr) -> *mut c_void {
    if table.is_null() {
        return std::ptr::null_mut();
    }
    // SAFETY: the caller's promise; the key is only read.
    unsafe { glib::g_hash_table_lookup(table.cast(), key.as_ptr().cast()) }
}

/// Puts `value` under `key`. Both are the table's from now on, as far as it frees them.
///
/// # Safety
/// As for [`get`], and `key` is a C string that lives as long as the entry; `value` is what the table is made for.
pub unsafe fn put(table: *mut c_void, key: *mut c_char, value: *mut c_void) {
    if !table.is_null() {
        // SAFETY: the caller's promise.
        unsafe { glib::g_hash_table_insert(table.cast(), key.cast(), value) };
    }
}

/// Removes the entry under `key`, if there is one, and has the table free it.
///
/// # Safety
/// As for [`get`], and nobody uses the entry's key or value afterwards if the table frees them. `key` is not the
/// entry's own.
pub unsafe fn remove(table: *mut c_void, key: &CStr) {
    if !table.is_null() {
        // SAFETY: the caller's promise; the key is only read.
        unsafe { glib::g_hash_table_remove(table.cast(), key.as_ptr().cast()) };
    }
}

#[cfg(test)]
mod tests {
    use super::super::containers::{StringTable, destroy};
    use super::*;
    use crate::sys::cmem;
    use std::ptr;

    #[test]
    fn an_entry_is_put_found_and_removed() {
        let table = StringTable::new().into_raw();
        // SAFETY: a table that frees its keys and values, which are malloc's; it is destroyed once, at the end.
        unsafe {
            let value = cmem::new(7u64).cast::<c_void>();
            put(table, cmem::copy_string(c"a".as_ptr()), value);
            assert_eq!(get(table, c"a"), value);
            assert!(get(table, c"b").is_null());
            remove(table, c"b");
            remove(table, c"a");
            assert!(get(table, c"a").is_null());
            destroy(table);
        }
    }

    #[test]
    fn no_table_is_an_empty_one() {
        // SAFETY: NULL is allowed.
        unsafe {
            assert!(get(ptr::null_mut(), c"a").is_null());
            put(ptr::null_mut(), ptr::null_mut(), ptr::null_mut());
            remove(ptr::null_mut(), c"a");
        }
    }
}
