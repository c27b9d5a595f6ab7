// SPDX-License-Identifier: LGPL-2.1-or-later
#![allow(clippy::arithmetic_side_effects, reason = "tests")]
use super::*;
use proptest::prelude::*;

const LAYOUTS: [IpcLayout; 2] = [IpcLayout::Old, IpcLayout::New];

fn round_trip(layout: IpcLayout, id: i32, flags: u32, text: &str) -> Result<IpcRequest, IpcError> {
    let mut assembler = Assembler::new(layout);
    let parts = encode(layout, id, flags, text, IPC_BUFFER)?;
    let (last, others) = parts.split_last().unwrap();
    for part in others {
        assert_eq!(assembler.push(part), Ok(None));
        assert!(assembler.is_waiting());
    }
    let request = assembler.push(last)?.expect("complete");
    assert!(!assembler.is_waiting());
    Ok(request)
}

#[test]
fn the_old_header_is_what_real_clients_send() {
    let text = "x".repeat(97);
    let message = encode(IpcLayout::Old, 1, 0x200, &text, IPC_BUFFER).unwrap().remove(0);
    let mut expected = vec![1u8, 0, 0, 0, 0, 0, 0, 0, 0x8a, 0, 0, 0];
    expected.extend([0; 12]);
    expected.extend([0x62, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 1, 0, 0, 0]);
    if cfg!(target_endian = "little") {
        assert_eq!(message[..40], expected);
    }
    assert_eq!(message.len(), 138);
    assert_eq!(message[137], 0);
}

#[test]
fn every_layout_is_told_from_the_other() {
    for layout in LAYOUTS {
        for flags in [0, 0x100, 0x200, 0x300, 0x101] {
            for text in ["<a/>".to_owned(), "<a/>".repeat(50_000), String::new()] {
                for part in encode(layout, 1, flags, &text, IPC_BUFFER).unwrap() {
                    assert_eq!(detect(&part), Some(layout), "{flags:#x} {}", text.len());
                    let other = if layout == IpcLayout::Old { IpcLayout::New } else { IpcLayout::Old };
                    assert!(Assembler::new(other).push(&part).is_err());
                }
            }
        }
    }
    assert_eq!(detect(b""), None);
    assert_eq!(detect(&[0; 40]), None);
    assert_eq!(detect(&[1; 200]), None);
}

#[test]
fn garbage_in_the_new_layouts_padding_confuses_nobody() {
    let mut message = encode(IpcLayout::New, 1, 0, "<a/>", IPC_BUFFER).unwrap().remove(0);
    message[36..40].copy_from_slice(&[1, 0, 0, 0]);
    // Flags 0 look like "not compressed", version like the flag "compressed".
    assert_eq!(detect(&message), Some(IpcLayout::New));
    message[28] = 5;
    assert_eq!(detect(&message), Some(IpcLayout::New));
}

/// The two places where the new layout's version can lie in the old one's flags, whatever this machine's byte order is.
#[test]
fn a_version_among_the_old_layouts_flags_is_no_flag() {
    for version in [1_u32, 1_u32.swap_bytes()] {
        let mut message = encode(IpcLayout::Old, 1, 0, "<a/>", IPC_BUFFER).unwrap().remove(0);
        assert_eq!(detect(&message), Some(IpcLayout::Old));
        message[32..36].copy_from_slice(&version.to_ne_bytes());
        assert_ne!(detect(&message), Some(IpcLayout::Old), "{version:#x}");
    }
}

#[test]
fn the_buffer_may_be_longer_than_the_message_but_not_shorter() {
    let mut message = encode(IpcLayout::Old, 3, 0x200, "<a/>", IPC_BUFFER).unwrap().remove(0);
    message.extend([7; 100]);
    assert_eq!(detect(&message), Some(IpcLayout::Old));
    let request = Assembler::new(IpcLayout::Old).push(&message).unwrap().unwrap();
    assert_eq!(request, IpcRequest { id: 3, flags: 0x200, text: "<a/>".into() });
    assert_eq!(Assembler::new(IpcLayout::Old).push(&message[..42]), Err(IpcError::Short { length: 42 }));
}

#[test]
fn large_old_messages_are_compressed_and_refused_when_that_does_not_help() {
    let text = "<a/>".repeat(100_000);
    let parts = encode(IpcLayout::Old, 1, 0x200, &text, IPC_BUFFER).unwrap();
    assert_eq!(parts.len(), 1);
    assert!(parts[0].len() < IPC_BUFFER);
    assert_eq!(round_trip(IpcLayout::Old, 1, 0x200, &text).unwrap().text, text);
    // 40 + length + 1 reaching the buffer is already too much.
    assert_eq!(encode(IpcLayout::Old, 1, 0, &"x".repeat(58), 100).unwrap()[0].len(), 99);
    assert!(matches!(encode(IpcLayout::Old, 1, 0, &"x".repeat(59), 100), Ok(parts) if parts[0].len() < 100));
    let noise: String = (0..59u8).map(|n| char::from(b'0' + n)).collect();
    assert!(matches!(encode(IpcLayout::Old, 1, 0, &noise, 100), Err(IpcError::TooLarge { limit: 100, .. })));
}

#[test]
fn parts_are_cut_as_upstream_cuts_them() {
    let lengths = |length: usize| -> Vec<(usize, u32)> {
        let parts = encode(IpcLayout::New, 9, 0x200, &"x".repeat(length), IPC_BUFFER).unwrap();
        parts.iter().map(|part| (part.len(), native_u32(part, 28).unwrap())).collect()
    };
    assert_eq!(lengths(131_030), [(131_071, 0x200)]);
    assert_eq!(lengths(131_031), [(131_072, 0x8_0200), (41, 0x18_0200)]);
    assert_eq!(lengths(131_032), [(131_072, 0x8_0200), (42, 0x18_0200)]);
    assert_eq!(lengths(262_062), [(131_072, 0x8_0200), (131_072, 0x8_0200), (41, 0x18_0200)]);
    let parts = encode(IpcLayout::New, 9, 0x200, &"x".repeat(262_062), IPC_BUFFER).unwrap();
    assert_eq!(parts[2][34..36], 2u16.to_ne_bytes());
}

#[test]
fn parts_out_of_order_are_refused_and_forgotten() {
    let text = "x".repeat(400_000);
    let parts = encode(IpcLayout::New, 9, 0x200, &text, IPC_BUFFER).unwrap();
    let mut assembler = Assembler::new(IpcLayout::New);
    assert!(matches!(assembler.push(&parts[1]), Err(IpcError::OutOfOrder { id: 9, part: 1, expected: 0 })));
    assembler.push(&parts[0]).unwrap();
    assert!(matches!(assembler.push(&parts[2]), Err(IpcError::OutOfOrder { .. })));
    assert!(!assembler.is_waiting());
    assembler.push(&parts[0]).unwrap();
    let other = encode(IpcLayout::New, 10, 0x200, "<a/>", IPC_BUFFER).unwrap();
    assert!(matches!(assembler.push(&other[0]), Err(IpcError::OutOfOrder { id: 10, .. })));
    assert_eq!(assembler.push(&other[0]).unwrap().unwrap().text, "<a/>");
}

#[test]
fn limits_hold() {
    let mut assembler = Assembler::new(IpcLayout::New);
    let parts = encode(IpcLayout::New, 9, 0, &"x".repeat(CHUNK), IPC_BUFFER).unwrap();
    let mut part = parts[0].clone();
    let error = (0u16..).find_map(|number| {
        part[34..36].copy_from_slice(&number.to_ne_bytes());
        assembler.push(&part).err()
    });
    assert!(matches!(error, Some(IpcError::TooLarge { limit: MAX_MESSAGE, .. })));
    let mut bomb = encode(IpcLayout::Old, 1, 0, &"x".repeat(200_000), IPC_BUFFER).unwrap().remove(0);
    for (announced, large) in [(100u32, false), (u32::MAX, true)] {
        bomb[24..28].copy_from_slice(&announced.to_ne_bytes());
        let error = Assembler::new(IpcLayout::Old).push(&bomb).unwrap_err();
        assert_eq!(matches!(error, IpcError::TooLarge { .. }), large, "{error}");
    }
    assert!(encode(IpcLayout::New, 1, 0, &"x".repeat(MAX_MESSAGE), IPC_BUFFER).is_err());
}

#[test]
fn a_proxied_client_gets_its_response_as_an_event() {
    let flags = |proxied| {
        let parts = encode_response(IpcLayout::New, 5, proxied, "<a/>", IPC_BUFFER).unwrap();
        Assembler::new(IpcLayout::New).push(&parts[0]).unwrap().unwrap().flags
    };
    assert_eq!(flags(false), 0);
    assert_eq!(flags(true), 0x5_0000);
    let event = encode_event(IpcLayout::Old, 2, "<a/>", IPC_BUFFER).unwrap();
    let event = Assembler::new(IpcLayout::Old).push(&event[0]).unwrap().unwrap();
    assert_eq!((event.id, event.flags), (2, 0x1_0000));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn what_is_sent_is_received(
        id: i32, flags in 0u32..0x8_0000, old: bool,
        text in "[^\0]{0,40}", times in prop::sample::select(vec![1usize, 3, 3, 3000]),
    ) {
        let layout = if old { IpcLayout::Old } else { IpcLayout::New };
        let text = text.repeat(times);
        let request = round_trip(layout, id, flags, &text).unwrap();
        prop_assert_eq!(request, IpcRequest { id, flags: flags & !1, text });
    }

    #[test]
    fn nothing_panics(bytes in prop::collection::vec(any::<u8>(), 0..200), size in 0u32..200) {
        let mut bytes = bytes;
        if bytes.len() > 12 {
            bytes[8..12].copy_from_slice(&size.to_ne_bytes());
        }
        for layout in LAYOUTS {
            let _ = Assembler::new(layout).push(&bytes);
        }
        if let Some(layout) = detect(&bytes) {
            let _ = Assembler::new(layout).push(&bytes);
        }
    }
}

#[test]
fn a_message_that_was_put_together_is_read_whole() {
    let text = format!("<a b=\"{}\"/>", "x".repeat(200_000));
    let parts = encode(IpcLayout::New, 7, flag::PROXIED, &text, 131_072).unwrap();
    let mut whole = parts[0][..parts[0].len() - 1].to_vec();
    for (at, part) in parts.iter().enumerate().skip(1) {
        let end = if at + 1 == parts.len() { part.len() } else { part.len() - 1 };
        whole.extend_from_slice(&part[HEADER_LEN..end]);
    }
    let length = u32::try_from(whole.len() - HEADER_LEN).unwrap();
    whole[24..28].copy_from_slice(&length.to_ne_bytes());
    let request = read_assembled(&whole).unwrap();
    assert_eq!((request.id, request.flags), (7, flag::PROXIED));
    assert_eq!(request.text, text);
    assert!(matches!(read_assembled(&whole[..HEADER_LEN - 1]), Err(IpcError::Short { .. })));
    assert!(matches!(read_assembled(&whole[..100]), Err(IpcError::BadHeader { .. })));
}
