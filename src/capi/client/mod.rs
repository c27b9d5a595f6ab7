// SPDX-License-Identifier: LGPL-2.1-or-later
//! The client library's entry points.

pub mod alerts;
mod attached;
mod attachment;
mod connect;
mod current;
pub mod descriptor;
pub mod events;
pub mod handle;
pub mod lifecycle;
pub mod listings;
mod lists;
pub mod metadata;
pub mod metadata_async;
mod ops;
mod outcome;
pub mod output;
mod pacing;
mod place;
pub mod proxy;
mod readiness;
pub mod remote;
mod settings;
mod states;
mod text;
pub mod values;
pub mod xml;
