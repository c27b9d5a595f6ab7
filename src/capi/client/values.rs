// SPDX-License-Identifier: LGPL-2.1-or-later
//! Values that callers make, copy and free. They need no connection.

use std::ffi::c_char;
use std::ptr;

use super::lists;
use crate::capi::abi::shared::{LrmdKeyValue, LrmdList, LrmdOpInfo, LrmdRscInfo};
use crate::capi::entry::entry;
use crate::sys::cmem;

entry! {
    /// Adds a copy of a key and a value to the end of a list.
    ///
    /// Returns the head: the new element if `head` is NULL, otherwise `head`. The list is freed with
    /// `lrmd_key_value_freeall()`.
    ///
    /// # Safety
    /// `head` is NULL or a list that this function made; `key` and `value` are NULL or C strings.
    pub unsafe fn lrmd_key_value_add(
        head: *mut LrmdKeyValue,
        key: *const c_char,
        value: *const c_char,
    ) -> *mut LrmdKeyValue, failed = head; {
        // SAFETY: NULL or C strings, by the caller's promise.
        let (key, value) = unsafe { (cmem::copy_string(key), cmem::copy_string(value)) };
        let mut head = head;
        // SAFETY: NULL or a list of the caller's; the place of its head is our own.
        unsafe { lists::append(&raw mut head, [LrmdKeyValue { key, value, next: ptr::null_mut() }]) };
        head
    }
}

entry! {
    /// Frees a list of keys and values. NULL is allowed.
    ///
    /// # Safety
    /// `head` is NULL or such a list, all of it from `malloc`, and not used afterwards.
    pub unsafe fn lrmd_key_value_freeall(head: *mut LrmdKeyValue) {
        // SAFETY: the caller's promise.
        unsafe { lists::free(head) }
    }
}

entry! {
    /// Frees a listing. NULL is allowed.
    ///
    /// # Safety
    /// `head` is NULL or such a list, all of it from `malloc`, and not used afterwards.
    pub unsafe fn lrmd_list_freeall(head: *mut LrmdList) {
        // SAFETY: the caller's promise.
        unsafe { lists::free(head) }
    }
}

entry! {
    /// Makes a resource description from copies of the strings; a NULL stays NULL.
    ///
    /// The caller frees it with `lrmd_free_rsc_info()`.
    ///
    /// # Safety
    /// Each argument is NULL or a C string.
    pub unsafe fn lrmd_new_rsc_info(
        #[shown] rsc_id: *const c_char,
        #[shown] standard: *const c_char,
        #[shown] provider: *const c_char,
        #[shown] r#type: *const c_char,
    ) -> *mut LrmdRscInfo, failed = ptr::null_mut(); {
        // SAFETY: NULL or C strings, by the caller's promise.
        unsafe { new_rsc_info(rsc_id, standard, provider, r#type) }
    }
}

/// Makes a resource description from copies of the strings.
///
/// # Safety
/// Each argument is NULL or a C string.
pub(super) unsafe fn new_rsc_info(
    id: *const c_char,
    standard: *const c_char,
    provider: *const c_char,
    r#type: *const c_char,
) -> *mut LrmdRscInfo {
    // SAFETY: the caller's promise.
    let info = unsafe {
        LrmdRscInfo {
            id: cmem::copy_string(id),
            r#type: cmem::copy_string(r#type),
            standard: cmem::copy_string(standard),
            provider: cmem::copy_string(provider),
        }
    };
    cmem::new(info)
}

entry! {
    /// Makes a copy of a resource description. The caller frees it with `lrmd_free_rsc_info()`.
    ///
    /// # Safety
    /// `rsc_info` is NULL, and then so is the copy, or a description whose strings are NULL or C strings.
    pub unsafe fn lrmd_copy_rsc_info(
        rsc_info: *mut LrmdRscInfo,
    ) -> *mut LrmdRscInfo, failed = ptr::null_mut(); {
        // SAFETY: NULL or valid for reading, by the caller's promise; the reference ends with the closure.
        let Some(info) = (unsafe { rsc_info.as_ref() }) else { return ptr::null_mut() };
        // SAFETY: its strings are NULL or C strings, by the caller's promise.
        unsafe { new_rsc_info(info.id, info.standard, info.provider, info.r#type) }
    }
}

entry! {
    /// Frees a resource description. NULL is allowed.
    ///
    /// # Safety
    /// `rsc_info` is NULL or a description from this library, not used afterwards.
    pub unsafe fn lrmd_free_rsc_info(rsc_info: *mut LrmdRscInfo) {
        if rsc_info.is_null() {
            return;
        }
        // SAFETY: a description that owns its strings, read before it is freed, by the caller's promise.
        unsafe {
            let info = rsc_info.read();
            cmem::free(info.id);
            cmem::free(info.r#type);
            cmem::free(info.standard);
            cmem::free(info.provider);
            cmem::free(rsc_info);
        }
    }
}

entry! {
    /// Frees the description of a recurring operation. NULL is allowed.
    ///
    /// # Safety
    /// `op_info` is NULL or such a description, all of it from `malloc`, not used afterwards.
    pub unsafe fn lrmd_free_op_info(op_info: *mut LrmdOpInfo) {
        if op_info.is_null() {
            return;
        }
        // SAFETY: a description that owns its strings, read before it is freed, by the caller's promise.
        unsafe {
            let info = op_info.read();
            cmem::free(info.rsc_id);
            cmem::free(info.action);
            cmem::free(info.interval_ms_s);
            cmem::free(info.timeout_ms_s);
            cmem::free(op_info);
        }
    }
}
