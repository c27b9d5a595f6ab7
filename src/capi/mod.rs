// SPDX-License-Identifier: LGPL-2.1-or-later
//! The C interface: upstream's `liblrmd` names over this library. C callers see these functions through
//! `include/pcmk-remote-rs.h`, which cbindgen makes from this folder.
//!
//! Rules for every entry point (ARCHITECTURE.md has the reasons):
//!
//! * It is declared by [`entry!`](entry), or by `slot!` or `server_entry!` beside it: no panic crosses into C.
//! * What it hands out comes from `malloc`, through [`cmem`](crate::sys::cmem), so that C can free it.
//! * NULL is accepted wherever upstream accepts it, and is harmless where upstream would crash.
//!
//! `capi-tests/symbols.txt` lists every name that a library exports; `packaging/build-library` links them.

pub mod abi;
pub mod client;
pub mod entry;
mod logging;
pub mod rc;
pub mod remote;
pub mod server;
mod trace;

// cargo-c would take the daemons' profile, in which a panic is the end of the process: here, of the cluster's
// controller.
#[cfg(all(cargo_c, panic = "abort"))]
compile_error!("a library must survive a panic: use --profile capi");
