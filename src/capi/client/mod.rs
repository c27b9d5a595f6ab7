// SPDX-License-Identifier: LGPL-2.1-or-later
//! The client library's entry points.

pub mod alerts;
pub mod events;
pub mod handle;
pub mod listings;
pub mod metadata;
pub mod metadata_async;
pub mod output;
pub mod proxy;
pub mod remote;
mod text;
pub mod values;
pub mod xml;
