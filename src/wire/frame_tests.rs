// SPDX-License-Identifier: LGPL-2.1-or-later
#![allow(clippy::arithmetic_side_effects, reason = "tests")]
use super::*;
use crate::wire::bytes::bzip;
use proptest::prelude::*;

/// A message in a chosen byte order, with a gap before its payload, compressed or not.
fn message(id: u64, text: &[u8], big_endian: bool, gap: u32, compress: bool) -> Vec<u8> {
    let n32 = |value: u32| if big_endian { value.to_be_bytes() } else { value.to_le_bytes() };
    let n64 = |value: u64| if big_endian { value.to_be_bytes() } else { value.to_le_bytes() };
    let plain = [text, b"\0"].concat();
    let body = if compress { bzip(&plain).unwrap() } else { plain.clone() };
    let offset = 40 + gap;
    let mut out = Vec::new();
    out.extend(n32(MAGIC));
    out.extend(n32(1));
    out.extend(n64(id));
    out.extend(n64(0));
    out.extend(n32(offset + body.len() as u32));
    out.extend(n32(offset));
    out.extend(n32(if compress { body.len() as u32 } else { 0 }));
    out.extend(n32(plain.len() as u32));
    out.extend(vec![0xAA; gap as usize]);
    out.extend(body);
    out
}

fn decode_all(bytes: &[u8], step: usize) -> Result<Vec<Frame>, FrameError> {
    let mut decoder = FrameDecoder::new();
    let mut frames = Vec::new();
    for chunk in bytes.chunks(step.max(1)) {
        decoder.push(chunk);
        while let Some(frame) = decoder.next()? {
            frames.push(frame);
        }
    }
    assert!(decoder.is_empty());
    assert_eq!(decoder.awaiting(), None);
    Ok(frames)
}

fn one(bytes: &[u8]) -> Result<Option<Frame>, FrameError> {
    let mut decoder = FrameDecoder::new();
    decoder.push(bytes);
    decoder.next()
}

#[test]
fn the_header_is_laid_out_as_the_protocol_says() {
    let expected: [u8; 40] = [
        0xBD, 0xDB, 0xDA, 0xBA, 1, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x8a, 0, 0, 0,
        40, 0, 0, 0, 0, 0, 0, 0, 0x62, 0, 0, 0,
    ];
    if cfg!(target_endian = "little") {
        assert_eq!(encode_header(7, 97), Ok(expected));
    }
}

#[test]
fn both_byte_orders_and_bzip2_are_read() {
    for big_endian in [false, true] {
        for compress in [false, true] {
            let bytes = message(0x1_0000_0002, b"<a/>", big_endian, 0, compress);
            let frame = one(&bytes).unwrap().unwrap();
            assert_eq!(frame, Frame { id: 0x1_0000_0002, payload: b"<a/>".to_vec() });
        }
    }
}

#[test]
fn a_payload_may_begin_later_but_not_anywhere() {
    assert!(one(&message(1, b"<a/>", false, 24, false)).unwrap().is_some());
    assert!(matches!(one(&message(1, b"<a/>", false, 5000, false)), Err(FrameError::Contradiction { .. })));
}

#[test]
fn limits_hold_before_anything_is_kept() {
    let mut header = message(1, b"", false, 0, false);
    header.truncate(40);
    for (at, value) in [(24, 0xFFFF_FFFF_u32), (36, 0xFFFF_FFFF), (24, MAX_MESSAGE as u32 + 1)] {
        let mut bad = header.clone();
        bad[at..at + 4].copy_from_slice(&value.to_le_bytes());
        let mut decoder = FrameDecoder::new();
        decoder.push(&bad);
        let error = decoder.next().unwrap_err();
        assert!(matches!(error, FrameError::TooLarge { .. }), "{error}");
        assert_eq!(decoder.capacity(), 0);
        decoder.push(&[0; 100]);
        assert_eq!(decoder.next(), Err(error));
        assert_eq!(decoder.capacity(), 0);
    }
    // The largest legal header alone reserves nothing.
    let mut decoder = FrameDecoder::new();
    decoder.push(&encode_header(1, MAX_MESSAGE - 41).unwrap());
    assert_eq!(decoder.next(), Ok(None));
    assert_eq!(decoder.awaiting(), Some(Partial { have: 40, need: MAX_MESSAGE }));
    assert!(decoder.capacity() < 1024);
    assert!(encode_header(1, MAX_MESSAGE - 40).is_err());
    assert!(encode_header(1, usize::MAX).is_err());
}

#[test]
fn lengths_that_lie_are_refused() {
    let good = message(1, b"<a/>", false, 0, false);
    for (at, value) in [(24, 10u32), (24, 46), (28, 0), (28, 39), (28, 41), (32, 4), (36, 4), (36, 6)] {
        let mut bad = good.clone();
        bad[at..at + 4].copy_from_slice(&value.to_le_bytes());
        assert!(matches!(one(&bad), Err(FrameError::Contradiction { .. })), "{at}={value}");
    }
    let mut bomb = message(1, &vec![b'x'; 1_000_000], false, 0, true);
    bomb[36..40].copy_from_slice(&1000u32.to_le_bytes());
    assert!(matches!(one(&bomb), Err(FrameError::Compression { .. })));
    let mut cut = message(1, b"<a/>", false, 0, true);
    cut[36..40].copy_from_slice(&1000u32.to_le_bytes());
    assert!(matches!(one(&cut), Err(FrameError::Compression { .. })));
    cut[45] ^= 0xFF;
    assert!(matches!(one(&cut), Err(FrameError::Compression { .. })));
}

#[test]
fn a_few_bytes_cannot_become_a_large_message() {
    let bomb = message(1, &vec![b'<'; 2_000_000], false, 0, true);
    assert!(bomb.len() < 200);
    assert!(matches!(one(&bomb), Err(FrameError::Compression { .. })));
    // What a real peer might send is far below that bound, be it as uniform as XML can be.
    let uniform = b"<nvpair id=\"a\" name=\"b\" value=\"1\"/>".repeat(40_000);
    assert_eq!(one(&message(1, &uniform, false, 0, true)).unwrap().unwrap().payload, uniform);
    let short = vec![b' '; 1_000_000];
    assert_eq!(one(&message(1, &short, false, 0, true)).unwrap().unwrap().payload, short);
}

#[test]
fn garbage_is_named_as_soon_as_four_bytes_are_there() {
    assert_eq!(one(b"GE"), Ok(None));
    let error = one(b"GET / HTTP/1.1").unwrap_err();
    assert_eq!(error, FrameError::NotAHeader { found: *b"GET " });
    assert!(error.to_string().contains("47 45 54 20"), "{error}");
}

#[test]
fn a_large_message_leaves_no_large_buffer() {
    let mut decoder = FrameDecoder::new();
    let mut bytes = message(1, &vec![b'x'; 5_000_000], false, 0, false);
    bytes.extend_from_slice(&message(2, b"<a/>", false, 0, false)[..20]);
    for chunk in bytes.chunks(16384) {
        decoder.push(chunk);
        while let Some(frame) = decoder.next().unwrap() {
            assert_eq!(frame.payload.len(), 5_000_000);
        }
    }
    assert_eq!(decoder.awaiting(), Some(Partial { have: 20, need: 40 }));
    assert!(!decoder.is_empty());
    assert!(decoder.capacity() <= IDLE_BUFFER);
}

#[test]
fn bytes_that_are_no_text_become_text() {
    let frame = one(&message(1, b"<a b='\xff\xc3'/>\0\0", false, 0, false)).unwrap().unwrap();
    assert_eq!(frame.into_text(), "<a b='\u{FFFD}\u{FFFD}'/>");
}

proptest! {
    #[test]
    fn any_split_gives_the_same_messages(
        texts in prop::collection::vec((prop::collection::vec(1u8.., 0..300), any::<bool>(), any::<bool>(), 0u32..9), 1..6),
        step in 1usize..200,
    ) {
        let mut bytes = Vec::new();
        for (number, (text, big_endian, compress, gap)) in texts.iter().enumerate() {
            bytes.extend(message(number as u64, text, *big_endian, *gap, *compress));
        }
        let frames = decode_all(&bytes, step).unwrap();
        prop_assert_eq!(frames.len(), texts.len());
        for (number, (frame, (text, ..))) in frames.iter().zip(&texts).enumerate() {
            prop_assert_eq!(frame.id, number as u64);
            prop_assert_eq!(&frame.payload, text);
        }
    }
}
