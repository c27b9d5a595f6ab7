// SPDX-License-Identifier: LGPL-2.1-or-later
//! Any bytes as local messages; any text through both layouts.
use super::golden;
use pcmk_remote_rs::model::site::IPC_BUFFER;
use pcmk_remote_rs::wire::MAX_MESSAGE;
use pcmk_remote_rs::wire::ipc::{Assembler, IpcLayout, IpcRequest, detect, encode};

const LAYOUTS: [IpcLayout; 2] = [IpcLayout::Old, IpcLayout::New];

/// The bytes as they are, with their length put right, and in two messages.
fn receive(data: &[u8]) {
    let mut sized = data.to_vec();
    if let Some(size) = sized.get_mut(8..12) {
        size.copy_from_slice(&i32::try_from(data.len()).unwrap_or(0).to_ne_bytes());
    }
    for bytes in [data, &sized] {
        let detected = detect(bytes);
        for layout in LAYOUTS {
            let mut assembler = Assembler::new(layout);
            for _ in 0..2 {
                match assembler.push(bytes) {
                    Ok(Some(request)) => {
                        assert!(request.text.len() <= 3 * MAX_MESSAGE);
                        assert!(detected.is_some(), "read but not detected");
                    }
                    Ok(None) => assert!(assembler.is_waiting()),
                    Err(error) => {
                        assert!(!error.to_string().is_empty());
                        assert!(!assembler.is_waiting());
                    }
                }
            }
        }
    }
}

pub fn fuzz_one(data: &[u8]) {
    receive(data);
    let text: String = String::from_utf8_lossy(data).chars().filter(|c| *c != '\0').collect();
    let flags = u32::from(data.first().copied().unwrap_or_default()) << 8;
    let repeat = if data.len().is_multiple_of(16) { 131_031 / text.len().max(1) } else { 1 };
    let text = text.repeat(repeat.max(1));
    for layout in LAYOUTS {
        let Ok(parts) = encode(layout, 5, flags, &text, IPC_BUFFER) else { continue };
        assert_eq!(detect(&parts[0]), Some(layout));
        let mut assembler = Assembler::new(layout);
        let mut received = None;
        for part in &parts {
            assert_eq!(received, None, "complete too early");
            assert!(part.len() <= IPC_BUFFER);
            received = assembler.push(part).expect("we read what we write");
        }
        assert_eq!(received, Some(IpcRequest { id: 5, flags, text: text.clone() }));
    }
}

/// Golden messages in both layouts; a small buffer makes the old one compress.
pub fn seeds() -> Vec<Vec<u8>> {
    let dress = |(number, text): (usize, String)| {
        let layout = LAYOUTS[number % 2];
        let buffer = if number.is_multiple_of(4) { 600 } else { IPC_BUFFER };
        encode(layout, 1, 0x200, &text, buffer).ok().map(|mut parts| parts.remove(0))
    };
    golden::strings().into_iter().enumerate().filter_map(dress).collect()
}
