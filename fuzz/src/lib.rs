// SPDX-License-Identifier: LGPL-2.1-or-later
//! What the fuzz targets assert, and what each input may cost. `tests/fuzz_smoke.rs` of the main package runs the same
//! on stable Rust, with the regressions; `fuzz/run` runs it under libFuzzer.
//!
//! A target is a module with a body and seeds, and a line in [`TARGETS`].
mod client_session;
mod dbus_message;
mod environment_file;
mod fencer_session;
mod frame_decoder;
mod golden;
mod ipc_header;
mod ipc_sequence;
mod key_file;
mod lsb_header;
mod message_codec;
mod requests;
mod server_session;
mod target;
mod tls_ends;
mod tls_priorities;
mod xml_reader;
mod xml_readers_agree;

pub use target::{Cost, Target};

/// Reading text: one pass or a few over each byte.
const TEXT: Cost = Cost { constant_us: 50_000, byte_ns: 20_000 };
/// Reading what may be compressed: 1 MiB may come out of any message, and 5000 bytes out of each byte more.
const COMPRESSED: Cost = Cost { constant_us: 1_000_000, byte_ns: 2_000_000 };
/// Making TLS contexts and shaking hands.
const HANDSHAKES: Cost = Cost { constant_us: 300_000, byte_ns: 20_000 };
/// Whole connections: handshakes, and compressed messages inside them.
const SESSIONS: Cost = Cost { constant_us: 2_000_000, byte_ns: 2_000_000 };

/// All of them.
pub static TARGETS: [Target; 14] = [
    Target::new("frame_decoder", frame_decoder::fuzz_one, frame_decoder::seeds, COMPRESSED),
    Target::new("xml_reader", xml_reader::fuzz_one, golden::texts, TEXT).stretched(),
    Target::new("xml_readers_agree", xml_readers_agree::fuzz_one, golden::texts, TEXT).stretched(),
    Target::new("message_codec", message_codec::fuzz_one, golden::texts, TEXT).stretched(),
    Target::new("ipc_header", ipc_header::fuzz_one, ipc_header::seeds, COMPRESSED),
    Target::new("ipc_sequence", ipc_sequence::fuzz_one, golden::texts, COMPRESSED),
    Target::new("dbus_message", dbus_message::fuzz_one, dbus_message::seeds, TEXT).stretched(),
    Target::new("fencer_session", fencer_session::fuzz_one, fencer_session::seeds, TEXT),
    Target::new("lsb_header", lsb_header::fuzz_one, lsb_header::seeds, TEXT).stretched(),
    Target::new("tls_priorities", tls_priorities::fuzz_one, tls_priorities::seeds, HANDSHAKES).stretched(),
    Target::new("key_file", key_file::fuzz_one, key_file::seeds, HANDSHAKES),
    Target::new("environment_file", environment_file::fuzz_one, environment_file::seeds, TEXT).stretched(),
    Target::new("server_session", server_session::fuzz_one, golden::texts, SESSIONS),
    Target::new("client_session", client_session::fuzz_one, golden::texts, SESSIONS),
];

/// The target of this name.
pub fn target(name: &str) -> &'static Target {
    TARGETS.iter().find(|target| target.name == name).expect("a target has a line in TARGETS")
}

/// One input of the fuzzer.
pub fn run(name: &str, data: &[u8]) {
    target(name).run(data);
}

/// The beginning of a fuzzer: writes the seeds where `PCMK_FUZZ_SEEDS` says, and ends then.
pub fn begin(name: &str) {
    if let Some(directory) = std::env::var_os("PCMK_FUZZ_SEEDS") {
        target(name).write_seeds(directory.as_ref());
        std::process::exit(0);
    }
}
