// SPDX-License-Identifier: LGPL-2.1-or-later
//! The log of the program that we are in, if it has set libqb's up.
use super::bindings as qb;
use std::ffi::{CStr, CString};

/// The place in the source that a line comes from.
#[derive(Clone, Copy, Debug)]
pub struct Origin<'a> {
    /// The part of the program.
    pub function: &'a CStr,
    /// The file.
    pub file: &'a CStr,
    /// The line.
    pub line: u32,
}

/// Does anybody want lines of this priority (syslog's; 8 is Pacemaker's own, trace) from there? Nobody does before the
/// program has set up its log.
pub fn is_wanted(origin: Origin<'_>, priority: u8) -> bool {
    // SAFETY: strings that end with NUL, which libqb copies. What it answers is NULL or lives for ever.
    let place = unsafe {
        qb::qb_log_callsite_get(
            origin.function.as_ptr(),
            origin.file.as_ptr(),
            c"%s".as_ptr(),
            priority,
            origin.line,
            0,
        )
        .as_ref()
    };
    place.is_some_and(|place| place.targets != 0)
}

/// Writes a line, if anybody wants it.
pub fn write(origin: Origin<'_>, priority: u8, text: &str) {
    let Ok(text) = CString::new(text.replace('\0', " ")) else { return };
    if is_wanted(origin, priority) {
        // SAFETY: the format takes one string, and that is what follows; all end with NUL and outlive the call.
        unsafe {
            qb::qb_log_from_external_source(
                origin.function.as_ptr(),
                origin.file.as_ptr(),
                c"%s".as_ptr(),
                priority,
                origin.line,
                0,
                text.as_ptr(),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_without_a_log_hears_nothing() {
        let origin = Origin { function: c"here", file: c"log.rs", line: 1 };
        assert!(!is_wanted(origin, 0));
        write(origin, 0, "to nobody");
    }
}
