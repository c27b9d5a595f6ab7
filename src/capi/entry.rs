// SPDX-License-Identifier: LGPL-2.1-or-later
//! The doorway from C.

use std::ffi::c_char;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs the body of the entry point `name`. A panic is logged and ends here: C gets `failed`, the answer that
/// the entry point gives when it cannot do its work.
///
/// The body must leave nothing half done that a later call relies on; the values of this interface are built
/// before they are linked, so none of them can be.
pub fn boundary<T>(name: &str, failed: T, body: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|_| {
        log::error!("{name}: an internal error was caught; please report it");
        failed
    })
}

/// The version of this library as "MAJOR.MINOR.PATCH". Valid for the life of the process; not to be freed.
#[unsafe(no_mangle)]
pub extern "C" fn pcmk_remote_rs_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::CStr;

    #[test]
    fn a_panic_becomes_the_failed_answer() {
        assert_eq!(boundary("test", -1, || panic!("as a test does")), -1);
        assert_eq!(boundary("test", -1, || 5), 5);
    }

    #[test]
    fn the_version_is_the_package_version() {
        // SAFETY: a literal that ends with NUL.
        let version = unsafe { CStr::from_ptr(pcmk_remote_rs_version()) };
        assert_eq!(version.to_str().unwrap(), env!("CARGO_PKG_VERSION"));
    }
}
