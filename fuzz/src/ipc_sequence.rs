// SPDX-License-Identifier: LGPL-2.1-or-later
//! Local messages one after the other, each with a header of its own making: parts in and out of order, of several
//! messages, too many, compressed, cut.
use arbitrary::{Arbitrary, Unstructured};
use pcmk_remote_rs::model::site::IPC_BUFFER;
use pcmk_remote_rs::wire::MAX_MESSAGE;
use pcmk_remote_rs::wire::ipc::{Assembler, HEADER_LEN, IpcLayout, encode};

#[derive(Arbitrary, Debug)]
enum Message<'a> {
    /// All fields as they come.
    Raw(&'a [u8]),
    /// A part that fits its header.
    Part { id: u8, number: u16, flags: u32, text: &'a [u8], repeat: u8 },
    /// What we would send.
    Whole { text: &'a str, repeat: u16, buffer: u16 },
    /// The same, with a few bytes changed.
    Damaged { text: &'a str, repeat: u8, at: u16, byte: u8 },
}

fn header(id: i32, length: usize, own: [[u8; 4]; 4]) -> Vec<u8> {
    let size = i32::try_from(length + HEADER_LEN).unwrap_or(i32::MAX);
    let mut bytes: Vec<u8> = [id, 0, size, 0, 0, 0].into_iter().flat_map(i32::to_ne_bytes).collect();
    bytes.extend(own.concat());
    bytes
}

impl Message<'_> {
    fn encode(&self, layout: IpcLayout) -> Vec<Vec<u8>> {
        match *self {
            Self::Raw(bytes) => vec![bytes.to_vec()],
            Self::Part { id, number, flags, text, repeat } => {
                let text = text.repeat(usize::from(repeat) + 1);
                let [a, b] = number.to_ne_bytes();
                let length = (text.len() as u32).to_ne_bytes();
                let own = match layout {
                    IpcLayout::New => [length, flags.to_ne_bytes(), [1, 0, a, b], [0; 4]],
                    IpcLayout::Old => [length, [0; 4], flags.to_ne_bytes(), [1, 0, 0, 0]],
                };
                vec![[header(i32::from(id % 3), text.len(), own), text].concat()]
            }
            Self::Whole { text, repeat, buffer } => {
                let text = text.replace('\0', "").repeat(usize::from(repeat) % 2000 + 1);
                encode(layout, 3, 0x200, &text, usize::from(buffer).max(600)).unwrap_or_default()
            }
            Self::Damaged { text, repeat, at, byte } => {
                let text = text.repeat(usize::from(repeat) + 1);
                let mut parts = encode(layout, 4, 0, &text, 600).unwrap_or_default();
                if let Some(part) = parts.first_mut() {
                    let at = usize::from(at) % part.len();
                    part[at] ^= byte;
                }
                parts
            }
        }
    }
}

pub fn fuzz_one(data: &[u8]) {
    let mut input = Unstructured::new(data);
    let layout = if input.arbitrary().unwrap_or(false) { IpcLayout::Old } else { IpcLayout::New };
    let mut assembler = Assembler::new(layout);
    // Texts of parts that are still waited for: an assembler holds no more than it was given.
    while let Ok(message) = Message::arbitrary(&mut input)
        && !input.is_empty()
    {
        let whole = matches!(message, Message::Whole { .. });
        let started = !assembler.is_waiting();
        for bytes in message.encode(layout) {
            assert!(!whole || bytes.len() <= IPC_BUFFER, "more than a buffer holds");
            match assembler.push(&bytes) {
                Ok(Some(request)) => {
                    // Bytes that are no text may become three times as many.
                    assert!(request.text.len() <= 3 * MAX_MESSAGE);
                    assert!(!assembler.is_waiting());
                }
                Ok(None) => assert!(assembler.is_waiting() && layout == IpcLayout::New),
                Err(error) => {
                    assert!(!error.to_string().is_empty());
                    assert!(!assembler.is_waiting(), "an error ends what was incomplete");
                    assert!(!whole || !started, "we read what we write: {error}");
                }
            }
        }
    }
}
