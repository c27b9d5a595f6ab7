// SPDX-License-Identifier: LGPL-2.1-or-later
//! What the fuzz targets assert. `tests/fuzz_smoke.rs` of the main package runs the same on stable Rust.
//!
//! `cargo +nightly fuzz run frame_decoder` (needs cargo-fuzz); seeds: `tests/golden`.
pub mod frame_decoder;
pub mod ipc_header;
pub mod message_codec;
pub mod xml_reader;
pub mod xml_readers_agree;
