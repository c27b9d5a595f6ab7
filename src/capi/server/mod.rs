// SPDX-License-Identifier: LGPL-2.1-or-later
//! The executor's server side: what the objects of upstream's `pacemaker-execd` and `pacemaker-remoted` give each other,
//! so that each of them can be left out of the link and this library stands in its place. One file for each object, named
//! after it.
//!
//! Other objects may be the program's: they are called through [`neighbours`](crate::sys::neighbours) alone.

pub mod alerts;
pub mod pidone;
