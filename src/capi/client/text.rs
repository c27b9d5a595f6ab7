// SPDX-License-Identifier: LGPL-2.1-or-later
//! C strings of callers as text.

use std::borrow::Cow;
use std::ffi::{CStr, c_char};

/// The text, None for NULL. What is not UTF-8 in it becomes U+FFFD.
///
/// # Safety
/// `text` is NULL or a C string that nobody changes or frees for as long as `'a`.
pub(super) unsafe fn text<'a>(text: *const c_char) -> Option<Cow<'a, str>> {
    // SAFETY: not NULL, and a C string by the caller's promise.
    (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) }.to_string_lossy())
}

/// A copy of the text, None for NULL. What is not UTF-8 in it becomes U+FFFD.
///
/// # Safety
/// `string` is NULL or a C string.
pub(super) unsafe fn owned(string: *const c_char) -> Option<String> {
    // SAFETY: the caller's promise; nothing of it is kept.
    unsafe { text(string) }.map(Cow::into_owned)
}
