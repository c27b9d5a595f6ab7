// SPDX-License-Identifier: LGPL-2.1-or-later
//! Listings as Pacemaker's tools print them: the messages that its output code calls by name. `arguments.c` takes
//! their arguments apart.

use std::ffi::{CString, c_char, c_int, c_void};
use std::ptr;

use super::lists;
use crate::capi::abi::CRM_COMMON;
use crate::capi::abi::output::Slots;
use crate::capi::abi::shared::LrmdList;
use crate::capi::entry::entry;
use crate::sys::xmlnode::Node;

unsafe extern "C" {
    /// The table of messages, in arguments.c.
    static pcmk_remote_rs_messages: c_void;
}

/// What a list is of: `enum subject` of arguments.c, in its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Subject {
    Agents,
    Alternatives,
    Providers,
    Standards,
}

entry! {
    /// Teaches an output object (`pcmk__output_t`) the messages "agents-list", "alternatives-list", "providers-list"
    /// and "standards-list". Each frees the listing that it is given.
    ///
    /// # Safety
    /// `out` is NULL or an output object of Pacemaker.
    pub unsafe fn lrmd__register_messages(out: *mut c_void) {
        if !out.is_null() {
            // SAFETY: the caller's promise; the table is what the function takes, and lives for ever. An error was
            // logged.
            let _ = unsafe { CRM_COMMON.pcmk__register_messages(out, &raw const pcmk_remote_rs_messages) };
        }
    }
}

entry! {
    /// The body of all messages. Returns 0, as Pacemaker's do.
    ///
    /// # Safety
    /// Called by arguments.c with what Pacemaker's output code gives: an output object, a listing that is ours to free,
    /// and strings that are NULL or C strings.
    unsafe fn pcmk_remote_rs_show_list(
        out: *mut c_void,
        subject: c_int,
        as_xml: c_int,
        list: *mut LrmdList,
        name: *const c_char,
        #[shown] provider: *const c_char,
    ) -> c_int, failed = 0; {
        let subject = match subject {
            0 => Subject::Agents,
            1 => Subject::Alternatives,
            2 => Subject::Providers,
            _ => Subject::Standards,
        };
        // SAFETY: the caller's promise.
        unsafe {
            // An empty provider is none.
            let provider = if provider.is_null() || *provider == 0 { ptr::null() } else { provider };
            if as_xml == 0 {
                show_text(out, subject, list, if provider.is_null() { name } else { provider });
            } else {
                show_xml(out, subject, list, name, provider);
            }
            lists::free(list);
        }
        0
    }
}

/// # Safety
/// As for [`pcmk_remote_rs_show_list`]; the listing is only read.
unsafe fn show_text(out: *mut c_void, subject: Subject, list: *mut LrmdList, of: *const c_char) {
    // SAFETY: the object's functions, and formats that fit their arguments.
    unsafe {
        let Some(slots) = Slots::of(out) else { return };
        let none = ptr::null::<c_char>();
        match subject {
            Subject::Agents if of.is_null() => (slots.begin_list)(out, none, none, c"agents".as_ptr()),
            Subject::Agents => (slots.begin_list)(out, none, none, c"%s agents".as_ptr(), of),
            Subject::Standards => (slots.begin_list)(out, none, none, c"Standards".as_ptr()),
            Subject::Alternatives | Subject::Providers => {
                (slots.begin_list)(out, none, none, c"Providers".as_ptr());
            }
        }
        for item in items(list) {
            (slots.list_item)(out, none, c"%s".as_ptr(), item);
        }
        (slots.end_list)(out);
    }
}

/// # Safety
/// As for [`pcmk_remote_rs_show_list`]; the listing is only read.
unsafe fn show_xml(
    out: *mut c_void,
    subject: Subject,
    list: *mut LrmdList,
    name: *const c_char,
    provider: *const c_char,
) {
    let (parent, child, attributes) = match subject {
        Subject::Agents => (c"agents", c"agent", [(c"standard", name), (c"provider", provider)]),
        Subject::Alternatives => (c"providers", c"provider", [(c"for", name), (c"", ptr::null())]),
        Subject::Providers => (c"providers", c"provider", [(c"standard", c"ocf".as_ptr()), (c"agent", name)]),
        // Never asked for: there is no such message.
        Subject::Standards => (c"standards", c"standard", [(c"", ptr::null()); 2]),
    };
    // SAFETY: an output object of Pacemaker whose format is XML; strings that are copied.
    unsafe {
        let Ok(element) = CRM_COMMON.xml_parent(out, parent) else { return };
        if let Some(element) = Node::from_raw(element) {
            for (attribute, value) in attributes.into_iter().filter(|(_, value)| !value.is_null()) {
                let value = CString::from(std::ffi::CStr::from_ptr(value));
                element.set_attribute(&attribute.to_string_lossy(), &value.to_string_lossy());
            }
        }
        for item in items(list) {
            let _ = CRM_COMMON.pcmk__output_create_xml_text_node(out, child.as_ptr(), item);
        }
        let _ = CRM_COMMON.pcmk__output_xml_pop_parent(out);
    }
}

/// The names of a listing.
///
/// # Safety
/// NULL or a listing that does not change until the iterator is gone.
unsafe fn items(list: *mut LrmdList) -> impl Iterator<Item = *const c_char> {
    let mut place = list;
    std::iter::from_fn(move || {
        // SAFETY: NULL or an element of the listing.
        let element = unsafe { place.as_ref() }?;
        place = element.next;
        Some(element.val)
    })
    .filter(|name| !name.is_null())
}
