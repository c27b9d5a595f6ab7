// SPDX-License-Identifier: LGPL-2.1-or-later
//! Values that callers make, copy and free. They need no connection.

use std::ffi::c_char;
use std::ptr;

use crate::capi::abi::shared::{LrmdKeyValue, LrmdList, LrmdOpInfo, LrmdRscInfo};
use crate::capi::entry::boundary;
use crate::sys::cmem;

/// Adds a copy of a key and a value to the end of a list.
///
/// Returns the head: the new element if `head` is NULL, otherwise `head`. The list is freed with
/// `lrmd_key_value_freeall()`.
///
/// # Safety
/// `head` is NULL or a list that this function made; `key` and `value` are NULL or C strings.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lrmd_key_value_add(
    head: *mut LrmdKeyValue,
    key: *const c_char,
    value: *const c_char,
) -> *mut LrmdKeyValue {
    boundary("lrmd_key_value_add", head, || {
        // SAFETY: NULL or C strings, by the caller's promise.
        let (key, value) = unsafe { (cmem::copy_string(key), cmem::copy_string(value)) };
        let added = cmem::new(LrmdKeyValue { key, value, next: ptr::null_mut() });
        if head.is_null() {
            return added;
        }
        let mut last = head;
        // SAFETY: `last` walks a list that ends with NULL, never leaves it, and nobody else holds it meanwhile.
        unsafe {
            while !(*last).next.is_null() {
                last = (*last).next;
            }
            (*last).next = added;
        }
        head
    })
}

/// Frees a list of keys and values. NULL is allowed.
///
/// # Safety
/// `head` is NULL or such a list, all of it from `malloc`, and not used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lrmd_key_value_freeall(head: *mut LrmdKeyValue) {
    boundary("lrmd_key_value_freeall", (), || {
        let mut place = head;
        while !place.is_null() {
            // SAFETY: an element of the list, read before it is freed; each owns its strings and its successor.
            unsafe {
                let element = place.read();
                cmem::free(element.key);
                cmem::free(element.value);
                cmem::free(place);
                place = element.next;
            }
        }
    });
}

/// Frees a listing. NULL is allowed.
///
/// # Safety
/// `head` is NULL or such a list, all of it from `malloc`, and not used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lrmd_list_freeall(head: *mut LrmdList) {
    boundary("lrmd_list_freeall", (), || {
        let mut place = head;
        while !place.is_null() {
            // SAFETY: an element of the list, read before it is freed; each owns its string and its successor.
            unsafe {
                let element = place.read();
                cmem::free(element.val.cast_mut());
                cmem::free(place);
                place = element.next;
            }
        }
    });
}

/// Makes a resource description from copies of the strings; a NULL stays NULL.
///
/// The caller frees it with `lrmd_free_rsc_info()`.
///
/// # Safety
/// Each argument is NULL or a C string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lrmd_new_rsc_info(
    rsc_id: *const c_char,
    standard: *const c_char,
    provider: *const c_char,
    r#type: *const c_char,
) -> *mut LrmdRscInfo {
    boundary("lrmd_new_rsc_info", ptr::null_mut(), || {
        // SAFETY: NULL or C strings, by the caller's promise.
        let info = unsafe {
            LrmdRscInfo {
                id: cmem::copy_string(rsc_id),
                r#type: cmem::copy_string(r#type),
                standard: cmem::copy_string(standard),
                provider: cmem::copy_string(provider),
            }
        };
        cmem::new(info)
    })
}

/// Makes a copy of a resource description. The caller frees it with `lrmd_free_rsc_info()`.
///
/// # Safety
/// `rsc_info` is NULL, and then so is the copy, or a description whose strings are NULL or C strings.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lrmd_copy_rsc_info(rsc_info: *mut LrmdRscInfo) -> *mut LrmdRscInfo {
    boundary("lrmd_copy_rsc_info", ptr::null_mut(), || {
        // SAFETY: NULL or valid for reading, by the caller's promise; the reference ends with the closure.
        let Some(info) = (unsafe { rsc_info.as_ref() }) else { return ptr::null_mut() };
        // SAFETY: its strings are NULL or C strings, by the caller's promise.
        unsafe { lrmd_new_rsc_info(info.id, info.standard, info.provider, info.r#type) }
    })
}

/// Frees a resource description. NULL is allowed.
///
/// # Safety
/// `rsc_info` is NULL or a description from this library, not used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lrmd_free_rsc_info(rsc_info: *mut LrmdRscInfo) {
    boundary("lrmd_free_rsc_info", (), || {
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
    });
}

/// Frees the description of a recurring operation. NULL is allowed.
///
/// # Safety
/// `op_info` is NULL or such a description, all of it from `malloc`, not used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lrmd_free_op_info(op_info: *mut LrmdOpInfo) {
    boundary("lrmd_free_op_info", (), || {
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
    });
}
