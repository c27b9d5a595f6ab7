// SPDX-License-Identifier: LGPL-2.1-or-later
//! Bytes and XML to messages and back. Pure.
#![forbid(unsafe_code)]
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::panic
)]
