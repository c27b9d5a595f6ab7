// SPDX-License-Identifier: LGPL-2.1-or-later
//! What an agent printed, as text that fits into a message.

/// What was read from one output of an agent.
#[derive(Debug, Default)]
pub struct Stream {
    /// The beginning, as far as kept.
    pub kept: Vec<u8>,
    /// How many bytes followed and were dropped.
    pub dropped: u64,
}

impl Stream {
    /// Bytes kept of each output of a run.
    pub const LIMIT: usize = 10 * 1024 * 1024;

    /// Takes `bytes`, as far as there is room.
    pub fn add(&mut self, bytes: &[u8]) {
        let room = Self::LIMIT - self.kept.len().min(Self::LIMIT);
        let (taken, dropped) = bytes.split_at(room.min(bytes.len()));
        self.kept.extend_from_slice(taken);
        self.dropped += dropped.len() as u64;
    }
}

/// Both outputs of a run.
#[derive(Debug, Default)]
#[allow(missing_docs, reason = "the fields name themselves")]
pub struct Capture {
    pub stdout: Stream,
    pub stderr: Stream,
}

#[cfg(test)]
impl Capture {
    /// What an agent printed, for tests of what is made of it.
    pub(in crate::agents) fn of(stdout: &str, stderr: &str) -> Self {
        let mut capture = Self::default();
        capture.stdout.add(stdout.as_bytes());
        capture.stderr.add(stderr.as_bytes());
        capture
    }
}

impl Capture {
    /// What is reported: standard error if anything was written there, else standard output.
    pub(super) fn into_text(self) -> Option<String> {
        let stream = if self.stderr.kept.is_empty() { self.stdout } else { self.stderr };
        (!stream.kept.is_empty()).then(|| text(stream))
    }
}

/// Characters that a message spells out: a result is one attribute of an XML document.
fn length_in_message(character: char) -> usize {
    match character {
        '&' | '<' | '>' | '"' | '\'' | '\0'..='\x1f' => 6,
        _ => character.len_utf8(),
    }
}

/// As text; what was cut is said at its end. No text holds a NUL.
fn text(stream: Stream) -> String {
    /// Messages are limited to 20 MiB, of which the rest of the result needs a little.
    const LONGEST_IN_MESSAGE: usize = 16 * 1024 * 1024;
    let Stream { kept, mut dropped } = stream;
    let mut text = String::from_utf8(kept)
        .unwrap_or_else(|not_utf8| String::from_utf8_lossy(not_utf8.as_bytes()).into_owned());
    if text.contains('\0') {
        text = text.replace('\0', "\u{fffd}");
    }
    if text.len() > LONGEST_IN_MESSAGE / 6 {
        let mut length = 0;
        let fits = |(_, character): &(usize, char)| {
            length += length_in_message(*character);
            length > LONGEST_IN_MESSAGE
        };
        if let Some((end, _)) = text.char_indices().find(fits) {
            dropped += (text.len() - end) as u64;
            text.truncate(end);
            text.shrink_to_fit();
        }
    }
    if dropped > 0 {
        text.push_str(&format!("\n[{dropped} more bytes of output were cut]"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(bytes: &[u8]) -> Stream {
        let mut stream = Stream::default();
        stream.add(bytes);
        stream
    }

    #[test]
    fn standard_error_wins() {
        let capture =
            |stdout: &[u8], stderr: &[u8]| Capture { stdout: stream(stdout), stderr: stream(stderr) };
        assert_eq!(capture(b"out", b"err").into_text().unwrap(), "err");
        assert_eq!(capture(b"out", b"").into_text().unwrap(), "out");
        assert_eq!(capture(b"", b"").into_text(), None);
    }

    #[test]
    fn any_bytes_become_text() {
        assert_eq!(text(stream(b"a\0b\xff\xc3\xa9")), "a\u{fffd}b\u{fffd}é");
    }

    #[test]
    fn what_is_cut_is_said() {
        let mut long = stream(&vec![b'x'; Stream::LIMIT - 1]);
        long.add(b"yz");
        long.add(b"!");
        let text = text(long);
        assert!(text.ends_with("xy\n[2 more bytes of output were cut]"));
        assert!(text.len() < Stream::LIMIT + 100);
    }

    #[test]
    fn text_that_grows_in_a_message_is_cut_further() {
        let text = text(stream(&vec![b'\n'; 9 * 1024 * 1024]));
        let length: usize = text.chars().map(length_in_message).sum();
        assert!(length > 15 << 20 && length < 17 << 20, "{length}");
        assert!(text.ends_with("were cut]"));
        assert!(super::text(stream(&vec![b'x'; 9 * 1024 * 1024])).ends_with("xx"));
    }
}
