// SPDX-License-Identifier: LGPL-2.1-or-later
//! The executor's server side: what the objects of upstream's `pacemaker-execd` and `pacemaker-remoted` give each other,
//! so that each of them can be left out of the link and this library stands in its place. One file for each object, named
//! after it; the others are what these share.
//!
//! Other objects may be the program's: they are called through [`neighbours`](crate::sys::neighbours) alone.

pub mod alerts;
mod clients;
pub mod commands;
pub mod daemon;
mod executor;
mod fencer;
pub mod pidone;
mod registry;
mod role;
mod trees;
