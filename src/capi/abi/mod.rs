// SPDX-License-Identifier: LGPL-2.1-or-later
//! Layouts that C callers see. Nothing outside this folder may know in which version of Pacemaker one differs.

pub mod shared;
