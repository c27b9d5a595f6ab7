// SPDX-License-Identifier: LGPL-2.1-or-later
//! Events that callers make, copy and free. They need no connection: the controller makes its own.

use std::ffi::{CStr, c_char, c_int, c_uint};
use std::ptr;

use crate::capi::abi::LrmdEventData;
use crate::capi::abi::event::OcfExitCode;
use crate::capi::entry::entry;
use crate::sys::cmem;
use crate::sys::glib::containers::{self, StringTable};

entry! {
    /// Makes an event of kind 0 (register) with copies of the strings and nothing else in it; a NULL stays NULL.
    ///
    /// The caller frees it with `lrmd_free_event()`.
    ///
    /// # Safety
    /// `rsc_id` and `task` are NULL or C strings.
    pub unsafe fn lrmd_new_event(
        #[shown] rsc_id: *const c_char,
        #[shown] task: *const c_char,
        interval_ms: c_uint,
    ) -> *mut LrmdEventData, failed = ptr::null_mut(); {
        // SAFETY: NULL or C strings, by the caller's promise.
        let (rsc_id, op_type) = unsafe { (cmem::copy_string(rsc_id), cmem::copy_string(task)) };
        cmem::new(LrmdEventData { rsc_id, op_type, interval_ms, ..LrmdEventData::empty() })
    }
}

entry! {
    /// Makes a copy of an event and of all that it points to. The caller frees it with `lrmd_free_event()`.
    ///
    /// # Safety
    /// `event` is NULL, and then so is the copy, or an event whose strings are NULL or C strings and whose parameters
    /// are NULL or a table of strings.
    pub unsafe fn lrmd_copy_event(
        event: *mut LrmdEventData,
    ) -> *mut LrmdEventData, failed = ptr::null_mut(); {
        // SAFETY: NULL or valid for reading, by the caller's promise; the reference ends with the closure.
        let Some(event) = (unsafe { event.as_ref() }) else { return ptr::null_mut() };
        // SAFETY: NULL or a table of strings, by the caller's promise.
        let params = unsafe { StringTable::copy_of(event.params) };
        // SAFETY: NULL or C strings, by the caller's promise.
        let copy = |text: *const c_char| unsafe { cmem::copy_string(text) }.cast_const();
        cmem::new(LrmdEventData {
            rsc_id: copy(event.rsc_id),
            op_type: copy(event.op_type),
            user_data: copy(event.user_data),
            output: copy(event.output),
            remote_nodename: copy(event.remote_nodename),
            exit_reason: copy(event.exit_reason),
            params: params.map_or(ptr::null_mut(), StringTable::into_raw),
            ..*event
        })
    }
}

entry! {
    /// Frees an event and all that it points to. NULL is allowed.
    ///
    /// # Safety
    /// `event` is NULL or an event that this library made or copied for the caller, not used afterwards.
    pub unsafe fn lrmd_free_event(event: *mut LrmdEventData) {
        if event.is_null() {
            return;
        }
        // SAFETY: an event that owns what it points to, read before it is freed, by the caller's promise.
        unsafe {
            let content = event.read();
            for text in [content.rsc_id, content.op_type, content.user_data, content.remote_nodename] {
                cmem::free(text.cast_mut());
            }
            reset_result(&mut *event);
            containers::destroy(content.params);
            cmem::free(event);
        }
    }
}

entry! {
    /// Puts a result into an event: the OCF exit code, how the executor fared, and a copy of the reason, which may be
    /// NULL. The event's former reason is freed. NULL as the event does nothing.
    ///
    /// # Safety
    /// `event` is NULL or an event whose reason is NULL or from `malloc`; `exit_reason` is NULL or a C string, the
    /// event's own reason being allowed.
    pub unsafe fn lrmd__set_result(
        event: *mut LrmdEventData,
        rc: OcfExitCode,
        op_status: c_int,
        exit_reason: *const c_char,
    ) {
        if event.is_null() {
            return;
        }
        // SAFETY: an event that nobody else uses meanwhile; the reason is copied before the former one, which it may
        // be, is freed.
        unsafe {
            (*event).rc = rc;
            (*event).op_status = op_status;
            let former = (*event).exit_reason;
            (*event).exit_reason = cmem::copy_string(exit_reason);
            cmem::free(former.cast_mut());
        }
    }
}

entry! {
    /// Frees an event's reason and output and sets them to NULL. NULL as the event does nothing.
    ///
    /// # Safety
    /// `event` is NULL or an event whose reason and output are NULL or from `malloc`.
    pub unsafe fn lrmd__reset_result(event: *mut LrmdEventData) {
        // SAFETY: NULL or an event that nobody else uses meanwhile, by the caller's promise.
        if let Some(event) = unsafe { event.as_mut() } {
            // SAFETY: it owns both, by the caller's promise.
            unsafe { reset_result(event) };
        }
    }
}

/// # Safety
/// The event's reason and output are NULL or from `malloc`.
unsafe fn reset_result(event: &mut LrmdEventData) {
    // SAFETY: the event owns both.
    unsafe {
        cmem::free(event.exit_reason.cast_mut());
        cmem::free(event.output.cast_mut());
    }
    event.exit_reason = ptr::null();
    event.output = ptr::null();
}

entry! {
    /// Compares two versions number by number: -1, 0 or 1 when the first is lower, equal or higher.
    ///
    /// A version is what stands at the beginning: numbers with dots between them, after white space. Anything else,
    /// NULL included, counts as no number, and a number that is missing as 0.
    ///
    /// # Safety
    /// Both are NULL or C strings.
    pub unsafe fn lrmd_compare_versions(
        #[shown] version1: *const c_char,
        #[shown] version2: *const c_char,
    ) -> c_int, failed = 0; {
        let bytes = |text: *const c_char| {
            // SAFETY: NULL, which is not read, or a C string, by the caller's promise.
            (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) }.to_bytes())
        };
        let (mut first, mut second) = (numbers(bytes(version1)), numbers(bytes(version2)));
        loop {
            let (one, other) = (first.next(), second.next());
            if one.is_none() && other.is_none() {
                return 0;
            }
            match one.unwrap_or(0).cmp(&other.unwrap_or(0)) {
                std::cmp::Ordering::Equal => {}
                different => return different as c_int,
            }
        }
    }
}

/// The numbers at the beginning of a version. One that is too big is the biggest there is.
fn numbers(version: Option<&[u8]>) -> impl Iterator<Item = i64> + '_ {
    let space = |byte: &u8| byte.is_ascii_whitespace() || *byte == 0x0b;
    let version = version.unwrap_or_default();
    let mut rest = &version[version.iter().take_while(|byte| space(byte)).count()..];
    std::iter::from_fn(move || {
        let length = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (digits, behind) = rest.split_at(length);
        rest = behind.strip_prefix(b".").unwrap_or_default();
        (length > 0).then(|| {
            let number =
                |sum: i64, digit: &u8| sum.saturating_mul(10).saturating_add(i64::from(digit - b'0'));
            digits.iter().fold(0, number)
        })
    })
    .fuse()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_number_by_number() {
        let compare = |one: Option<&CStr>, other: Option<&CStr>| {
            let pointer = |text: Option<&CStr>| text.map_or(ptr::null(), CStr::as_ptr);
            // SAFETY: NULL or C strings.
            unsafe { lrmd_compare_versions(pointer(one), pointer(other)) }
        };
        let order = [c"", c"0.1", c"1.0.9", c"1.1", c"1.2", c"1.10", c"2", c"99999999999999999999"];
        for (low, high) in order.iter().zip(&order[1..]) {
            assert_eq!(compare(Some(low), Some(high)), -1, "{low:?} {high:?}");
            assert_eq!(compare(Some(high), Some(low)), 1, "{high:?} {low:?}");
        }
        let equal = [
            (c"1.2", c"1.2.0"),
            (c" \t1.2", c"1.2-rc1"),
            (c"1.2.", c"1.2"),
            (c"1..5", c"1.0.0.0"),
            (c"x1", c"0"),
        ];
        for (one, other) in equal {
            assert_eq!(compare(Some(one), Some(other)), 0, "{one:?} {other:?}");
        }
        assert_eq!(compare(None, None), 0);
        assert_eq!(compare(None, Some(c"")), 0);
        assert_eq!(compare(Some(c"1.2"), None), 1);
        assert_eq!(compare(None, Some(c"1.2")), -1);
    }

    #[test]
    fn a_result_replaces_the_former_one_even_by_its_own_reason() {
        // SAFETY: an event of ours, whose reason is read while the event holds it.
        unsafe {
            let event = lrmd_new_event(c"dummy".as_ptr(), ptr::null(), 10_000);
            lrmd__set_result(event, 7, 2, c"because".as_ptr());
            lrmd__set_result(event, 1, 4, (*event).exit_reason);
            assert_eq!(CStr::from_ptr((*event).exit_reason), c"because");
            assert_eq!(((*event).rc, (*event).op_status, (*event).interval_ms), (1, 4, 10_000));
            lrmd__set_result(event, 0, 0, ptr::null());
            assert!((*event).exit_reason.is_null() && (*event).op_type.is_null());
            lrmd_free_event(event);
        }
    }

    #[test]
    fn a_copy_shares_nothing() {
        // SAFETY: events of ours, each freed once; the copy's content is read while it is alive.
        unsafe {
            let event = lrmd_new_event(c"dummy".as_ptr(), c"monitor".as_ptr(), 10_000);
            let mut params = StringTable::new();
            params.insert(c"state", c"/run/dummy");
            (*event).params = params.into_raw();
            (*event).output = cmem::copy_string(c"text".as_ptr());
            (*event).t_rcchange = 5;
            let copy = lrmd_copy_event(event);
            lrmd_free_event(event);
            assert_eq!(CStr::from_ptr((*copy).output), c"text");
            assert_eq!(CStr::from_ptr((*copy).op_type), c"monitor");
            assert_eq!(containers::value_of((*copy).params, c"state"), Some(c"/run/dummy"));
            assert_eq!((*copy).t_rcchange, 5);
            lrmd_free_event(copy);
        }
    }

    #[test]
    fn null_is_harmless() {
        // SAFETY: NULL is allowed everywhere.
        unsafe {
            assert!(lrmd_copy_event(ptr::null_mut()).is_null());
            lrmd__set_result(ptr::null_mut(), 0, 0, ptr::null());
            lrmd__reset_result(ptr::null_mut());
            lrmd_free_event(ptr::null_mut());
        }
    }
}
