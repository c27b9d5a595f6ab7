// SPDX-License-Identifier: LGPL-2.1-or-later
//! Any bytes, in any pieces: the same messages, bounded memory, errors that stay.
use super::golden;
use pcmk_remote_rs::wire::MAX_MESSAGE;
use pcmk_remote_rs::wire::frame::{Frame, FrameDecoder, FrameError, HEADER_LEN, encode_header};

fn decode(data: &[u8], step: usize) -> (Vec<Frame>, Option<FrameError>) {
    let mut decoder = FrameDecoder::new();
    let mut frames = Vec::new();
    for chunk in data.chunks(step) {
        decoder.push(chunk);
        loop {
            match decoder.next() {
                Ok(Some(frame)) => {
                    assert!(frame.payload.len() <= MAX_MESSAGE);
                    assert_ne!(frame.payload.last(), Some(&0));
                    frames.push(frame);
                }
                Ok(None) => break,
                Err(error) => {
                    assert_eq!(decoder.next(), Err(error.clone()));
                    assert!(!error.to_string().is_empty());
                    assert_eq!(decoder.capacity(), 0);
                    return (frames, Some(error));
                }
            }
        }
        assert!(decoder.capacity() <= 2 * data.len().max(64 * 1024));
        assert_eq!(decoder.is_empty(), decoder.awaiting().is_none());
        if let Some(partial) = decoder.awaiting() {
            assert!(partial.have < partial.need && partial.need <= MAX_MESSAGE);
        }
    }
    (frames, None)
}

/// The first byte chooses how the rest is cut.
pub fn fuzz_one(data: &[u8]) {
    let Some((step, data)) = data.split_first() else { return };
    let whole = decode(data, data.len().max(1));
    assert_eq!(decode(data, usize::from(*step).max(1)), whole);
    // The rest as a payload: what we send is what is read.
    let text: Vec<u8> = data.iter().copied().filter(|byte| *byte != 0).collect();
    let mut message = encode_header(u64::from(*step), text.len()).expect("short").to_vec();
    assert_eq!(message.len(), HEADER_LEN);
    message.extend_from_slice(&text);
    message.push(0);
    let frame = Frame { id: u64::from(*step), payload: text };
    assert_eq!(decode(&message, 7), (vec![frame], None));
}

/// Golden messages as frames, some of them several times.
pub fn seeds() -> Vec<Vec<u8>> {
    let dress = |(number, text): (usize, Vec<u8>)| {
        let mut input = vec![number as u8];
        for _ in 0..1 + number % 3 {
            input.extend(encode_header(number as u64, text.len()).expect("short"));
            input.extend(&text);
            input.push(0);
        }
        input
    };
    golden::texts().into_iter().enumerate().map(dress).collect()
}
