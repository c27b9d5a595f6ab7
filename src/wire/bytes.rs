// SPDX-License-Identifier: LGPL-2.1-or-later
//! Numbers out of byte slices, and bzip2 with a limit, for both headers.
use bzip2::read::BzDecoder;
use bzip2::{Action, Compress, Compression, Status};
use std::io::Read;

/// The four bytes at `at`, if they are there.
pub(super) fn four(bytes: &[u8], at: usize) -> Option<[u8; 4]> {
    bytes.get(at..)?.first_chunk().copied()
}

/// The number at `at` in this machine's byte order.
pub(super) fn native_u32(bytes: &[u8], at: usize) -> Option<u32> {
    four(bytes, at).map(u32::from_ne_bytes)
}

/// Text without the NULs that end it.
pub(super) fn without_nul(payload: &[u8]) -> &[u8] {
    let length = payload.iter().rposition(|byte| *byte != 0).map_or(0, |last| last.saturating_add(1));
    payload.get(..length).unwrap_or_default()
}

/// What a payload may become whatever its compressed length is. A real peer compresses nothing below 128 KiB.
const FREE_LENGTH: usize = 1024 * 1024;
/// Bytes that one compressed byte may become beyond that. XML of real clusters compresses up to 200:1, and one
/// element repeated without any change some 3000:1. Runs of one character reach 400,000:1: with these a few
/// bytes would cost their receiver as much time as 20 MiB.
const MAX_RATIO: usize = 5000;

/// Decompresses exactly `expected` bytes; the error says what came instead. Memory grows with what really
/// comes out, so a lying `expected` costs nothing.
pub(super) fn bunzip(compressed: &[u8], expected: usize) -> Result<Vec<u8>, String> {
    let most = compressed.len().saturating_mul(MAX_RATIO).saturating_add(FREE_LENGTH);
    if expected > most {
        return Err(format!("{} bytes cannot stand for {expected}, at most for {most}", compressed.len()));
    }
    let limit = u64::try_from(expected).unwrap_or(u64::MAX).saturating_add(1);
    let mut text = Vec::new();
    BzDecoder::new(compressed).take(limit).read_to_end(&mut text).map_err(|error| error.to_string())?;
    match text.len() {
        length if length == expected => Ok(text),
        length if length > expected => Err(format!("more than the announced {expected} bytes come out")),
        length => Err(format!("{length} bytes come out, {expected} were announced")),
    }
}

/// Compresses as old peers do (block size 4, work factor 20).
pub(super) fn bzip(text: &[u8]) -> Result<Vec<u8>, String> {
    // bzip2's own bound: 1% and 600 bytes more than the input.
    let bound = text.len().saturating_add(text.len() / 100).saturating_add(601);
    let mut out = Vec::with_capacity(bound);
    let mut stream = Compress::new(Compression::new(4), 20);
    let mut rest = text;
    loop {
        let before = stream.total_in();
        let status =
            stream.compress_vec(rest, &mut out, Action::Finish).map_err(|error| error.to_string())?;
        let taken = usize::try_from(stream.total_in().saturating_sub(before)).unwrap_or(usize::MAX);
        rest = rest.get(taken..).unwrap_or_default();
        match status {
            Status::StreamEnd => return Ok(out),
            _ => out.reserve(4096),
        }
    }
}
