// SPDX-License-Identifier: LGPL-2.1-or-later
//! The one door from C. Everything that C can name or call is declared by a macro of this file, which gives it its
//! name, the calling convention, the boundary at which panics end, and in debug builds a trace of each call.
//!
//! * `entry!`: a function that is exported under its own name.
//! * `slot!`: a function that is reached through the table of operations.
//! * `server_entry!`: a function that is exported under its own name, unless the program has one of that name.
//! * `entry_data!`: a variable that is exported under its own name.
//!
//! A function is written as in Rust, with the answer that it gives after a panic behind its type; without a type the
//! answer is nothing. `return` leaves the function as usual. An argument marked `#[shown]` is a C string that a trace
//! may show: names of resources, nodes and agents are, values of parameters, user data, reasons and outputs never.
//!
//! ```ignore
//! entry! {
//!     /// What C programmers read in the header.
//!     pub unsafe fn lrmd_example(#[shown] rsc_id: *const c_char, timeout: c_int) -> c_int, failed = rc::INVALID; {
//!         // ...
//!     }
//! }
//! ```
//!
//! With `|handle|` before its body a function looks up the handle of its first argument, a `lrmd_t *`: without a
//! usable one it gives the same answer as after a panic, and a panic makes the handle unusable. The file has to import
//! `Handle`.

use std::ffi::c_char;

use crate::sys::unwind;

/// A function that C calls by its name. See the [module](self).
macro_rules! entry {
    ($(#[$about:meta])* $vis:vis unsafe fn $($rest:tt)*) => {
        $crate::capi::entry::c_function! {
            [#[unsafe(no_mangle)]
            #[allow(non_snake_case, reason = "the names are the interface's")]
            $(#[$about])* $vis unsafe] fn $($rest)*
        }
    };
    ($(#[$about:meta])* $vis:vis fn $($rest:tt)*) => {
        $crate::capi::entry::c_function! {
            [#[unsafe(no_mangle)]
            #[allow(non_snake_case, reason = "the names are the interface's")]
            $(#[$about])* $vis] fn $($rest)*
        }
    };
}

/// A function that C calls through the table of operations. See the [module](self).
macro_rules! slot {
    ($(#[$about:meta])* $vis:vis unsafe fn $($rest:tt)*) => {
        $crate::capi::entry::c_function! { [$(#[$about])* $vis unsafe] fn $($rest)* }
    };
}

/// A function that C calls by its name, and that the program may define itself: then every call goes there, also the
/// library's own. So the name is no name of Rust's, which Rust would bind to this body, but a label of the assembler that
/// leads here; `sys::neighbours` tells who has it.
macro_rules! server_entry {
    ($(#[$about:meta])* $vis:vis unsafe fn $name:ident $($rest:tt)*) => {
        $crate::capi::entry::c_function! {
            [#[allow(non_snake_case, reason = "the names are the interface's")]
            $(#[$about])* $vis unsafe] fn $name $($rest)*
        }
        $crate::sys::neighbours::give!($name);
    };
}

/// A variable that C reads and writes by its name. See the [module](self).
macro_rules! entry_data {
    ($(#[$about:meta])* $vis:vis static mut $name:ident: $type:ty = $value:expr;) => {
        #[unsafe(no_mangle)]
        #[allow(non_upper_case_globals, reason = "the names are the interface's")]
        $(#[$about])*
        $vis static mut $name: $type = $value;
    };
}

/// What `entry!` and `slot!` have in common.
macro_rules! c_function {
    (
        [$($before:tt)*] fn $name:ident(
            $lrmd:ident: $lrmd_type:ty $(, $(#[$shown:ident])? $argument:ident: $type:ty)* $(,)?
        ) $(-> $answer:ty, failed = $failed:expr;)? |$handle:ident| $body:block
    ) => {
        $crate::capi::entry::c_function! {
            [$($before)*] fn $name(
                $lrmd: $lrmd_type $(, $(#[$shown])? $argument: $type)*
            ) $(-> $answer, failed = $failed;)? {
                // SAFETY: NULL, or a handle of this library that was not deleted, by the promise of every such entry.
                let Some(handle) = (unsafe { Handle::of($lrmd) }) else {
                    return $crate::capi::entry::c_function!(@failed $($failed)?);
                };
                let $handle = &handle;
                $handle.poison_on_panic(|| $body)
            }
        }
    };
    (
        [$($before:tt)*] fn $name:ident(
            $($(#[$shown:ident])? $argument:ident: $type:ty),* $(,)?
        ) $(-> $answer:ty, failed = $failed:expr;)? $body:block
    ) => {
        $($before)* extern "C" fn $name($($argument: $type),*) $(-> $answer)? {
            if cfg!(debug_assertions) {
                let arguments: &[(&str, &dyn std::fmt::Debug)] = &[
                    $((stringify!($argument), &$crate::capi::entry::c_function!(@show $($shown)? $argument))),*
                ];
                log::trace!("-> {}", $crate::capi::trace::Call { name: stringify!($name), arguments });
            }
            let answer = $crate::capi::entry::boundary(
                stringify!($name),
                $crate::capi::entry::c_function!(@failed $($failed)?),
                || $body,
            );
            if cfg!(debug_assertions) {
                log::trace!("<- {} [{answer:?}]", stringify!($name));
            }
            answer
        }
    };
    (@failed) => { () };
    (@failed $failed:expr) => { $failed };
    // SAFETY: NULL or a C string, by the promise of every entry that shows it.
    (@show shown $argument:ident) => { unsafe { $crate::capi::trace::Text::of($argument) } };
    (@show $argument:ident) => { $argument };
}

pub(crate) use {c_function, entry, entry_data, server_entry, slot};

/// Runs the body of the entry point `name`. A panic is logged and ends here: C gets `failed`.
///
/// The body must leave nothing half done that a later call relies on; the values of this interface are built
/// before they are linked, so none of them can be, and a handle is poisoned.
pub(super) fn boundary<T>(name: &str, failed: T, body: impl FnOnce() -> T) -> T {
    unwind::catch(body).unwrap_or_else(|panic| {
        log::error!("{name}: an internal error was caught; please report it: {panic}");
        failed
    })
}

entry! {
    /// The version of this library as "MAJOR.MINOR.PATCH". Valid for the life of the process; not to be freed.
    pub fn pcmk_remote_rs_version() -> *const c_char, failed = std::ptr::null(); {
        concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::{CStr, c_int};

    slot! {
        unsafe fn fails(#[shown] name: *const c_char, number: c_int) -> c_int, failed = -5; {
            if number > 0 {
                return number;
            }
            assert!(!name.is_null(), "as a test does");
            0
        }
    }

    #[test]
    fn a_panic_becomes_the_failed_answer() {
        // SAFETY: NULL or a literal.
        unsafe {
            assert_eq!(fails(std::ptr::null(), 7), 7);
            assert_eq!(fails(c"name".as_ptr(), 0), 0);
            assert_eq!(fails(std::ptr::null(), 0), -5);
        }
    }

    #[test]
    fn the_version_is_the_package_version() {
        // SAFETY: a literal that ends with NUL.
        let version = unsafe { CStr::from_ptr(pcmk_remote_rs_version()) };
        assert_eq!(version.to_str().unwrap(), env!("CARGO_PKG_VERSION"));
    }
}
