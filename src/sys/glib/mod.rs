// SPDX-License-Identifier: LGPL-2.1-or-later
//! GLib, for the C interface: its callers run GLib's main loop and hand over its containers.
//!
//! * `containers`: tables of strings, and lists.
//! * `pointers`: tables that hold structures of C.
//! * `source`: what the default main context watches for us.

#[allow(non_camel_case_types, non_upper_case_globals, missing_docs, dead_code, clippy::all, unreachable_pub)]
#[rustfmt::skip]
mod bindings;
pub mod containers;
mod foreign;
pub mod pointers;
mod source;

pub use foreign::{bytes_of, free_bytes, free_queue, new_bytes, remove_source};
pub use source::{Interest, Priority, Source, Watch, is_new_iteration, iterate};
