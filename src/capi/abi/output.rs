// SPDX-License-Identifier: LGPL-2.1-or-later
//! The part of Pacemaker's output object (`pcmk__output_t`) that is called by its place in the structure.

use std::ffi::{c_char, c_void};

use crate::sys::crmcommon::PacemakerLibrary;

type BeginList = unsafe extern "C" fn(
    out: *mut c_void,
    singular: *const c_char,
    plural: *const c_char,
    format: *const c_char,
    ...
);
type ListItem = unsafe extern "C" fn(out: *mut c_void, name: *const c_char, format: *const c_char, ...);
type EndList = unsafe extern "C" fn(out: *mut c_void);

/// How an output object shows a list.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs, reason = "the names are Pacemaker's own")]
pub struct Slots {
    pub begin_list: BeginList,
    pub list_item: ListItem,
    pub end_list: EndList,
}

/// The structure up to what we call. `BEFORE` functions stand between the data and the lists: 2.1.6 added one.
#[repr(C)]
struct Output<const BEFORE: usize> {
    fmt_name: *const c_char,
    quiet: bool,
    request: *mut c_char,
    dest: *mut c_void,
    messages: *mut c_void,
    private: *mut c_void,
    before: [*mut c_void; BEFORE],
    begin_list: Option<BeginList>,
    list_item: Option<ListItem>,
    increment_list: *mut c_void,
    end_list: Option<EndList>,
}

/// Up to 2.1.5.
type Older = Output<11>;
/// From 2.1.6 on.
type Newer = Output<12>;

impl Slots {
    /// The functions of `out`; None for NULL, and if one is missing.
    ///
    /// # Safety
    /// `out` is NULL or an output object of the libcrmcommon that is in the process.
    pub unsafe fn of(out: *mut c_void) -> Option<Self> {
        // SAFETY: the caller's promise; which of the two it is, its library says.
        unsafe {
            if is_newer(super::CRM_COMMON) {
                out.cast::<Newer>().as_ref()?.slots()
            } else {
                out.cast::<Older>().as_ref()?.slots()
            }
        }
    }
}

/// All of 2.1 has one soname; 2.1.6 came with this function, too.
fn is_newer(library: PacemakerLibrary) -> bool {
    library.has(c"pcmk__output_get_log_level")
}

impl<const BEFORE: usize> Output<BEFORE> {
    fn slots(&self) -> Option<Slots> {
        Some(Slots { begin_list: self.begin_list?, list_item: self.list_item?, end_list: self.end_list? })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{v2_1, v3_0};
    use super::*;
    use std::mem::offset_of;

    #[test]
    fn the_lists_are_where_each_release_has_them() {
        assert_eq!([offset_of!(Older, begin_list), offset_of!(Older, end_list)], [136, 160]);
        assert_eq!([offset_of!(Newer, begin_list), offset_of!(Newer, end_list)], [144, 168]);
    }

    #[test]
    fn the_installed_library_is_known() {
        let [old, new] = [v2_1::CRM_COMMON, v3_0::CRM_COMMON];
        let installed = |library: PacemakerLibrary| library.has(c"crm_exit_str");
        assert!(installed(old) || installed(new), "a common library of Pacemaker is needed");
        // 2.1's may be of either kind; tests/capi looks at those whose version is known.
        assert!(!installed(new) || is_newer(new));
    }
}
