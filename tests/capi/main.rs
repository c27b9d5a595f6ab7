// SPDX-License-Identifier: LGPL-2.1-or-later
//! The C interface: the generated headers and matrix are up to date, the libraries export exactly what they say with
//! upstream's layouts, and C programs get the same from them as from the distribution's liblrmd.
//!
//! After a change of the interface, `PCMK_UPDATE=1 cargo test --test capi generated` writes the generated files.
//! `tests/setup build check test` installs what is needed; root is, for the distribution's libraries (tests/roots).

mod agents;
mod cargo_c;
mod entries;
mod exports;
mod headers;
mod layouts;
mod libraries;
mod names;
mod programs;
mod server;
mod sessions;
mod subproject;
mod support;
mod symbols;
mod traces;
mod transport;
