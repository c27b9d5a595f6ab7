// SPDX-License-Identifier: LGPL-2.1-or-later
//! The client library's entry points.

pub mod events;
pub mod handle;
pub mod values;
pub mod xml;
