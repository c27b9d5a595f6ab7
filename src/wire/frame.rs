// SPDX-License-Identifier: LGPL-2.1-or-later
//! Messages inside a TLS connection: a packed 40-byte header in the sender's byte order, then XML and a NUL.
//!
//! | offset | bytes | field |
//! |---|---|---|
//! | 0 | 4 | 0xBADADBBD: tells the byte order |
//! | 4 | 4 | version (1; not checked) |
//! | 8 | 8 | the sender's message counter (not used for matching) |
//! | 16 | 8 | flags (0) |
//! | 24 | 4 | length of the message, header included |
//! | 28 | 4 | where the payload begins (40) |
//! | 32 | 4 | length of the payload if compressed with bzip2, else 0 |
//! | 36 | 4 | length of the payload's text, NUL included |
//!
//! What is sent must go out as two TLS records, the header alone in the first (old peers depend on it), so
//! only the header is made here.
use super::MAX_MESSAGE;
use super::bytes::{bunzip, four, without_nul};
use std::fmt;

/// Length of the header.
pub const HEADER_LEN: usize = 40;
/// Farther than this no payload may begin.
const MAX_OFFSET: usize = 4096;
const MAGIC: u32 = 0xBADA_DBBD;
const VERSION: u32 = 1;
/// An idle connection keeps no more buffer than this.
const IDLE_BUFFER: usize = 64 * 1024;

/// One message as received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The sender's counter, for logs.
    pub id: u64,
    /// The text's bytes, decompressed, without the NUL. Old peers may send bytes that are not UTF-8.
    pub payload: Vec<u8>,
}

impl Frame {
    /// The text; bytes that are not UTF-8 become U+FFFD.
    pub fn into_text(self) -> String {
        String::from_utf8(self.payload)
            .unwrap_or_else(|bad| String::from_utf8_lossy(bad.as_bytes()).into_owned())
    }
}

/// A message of more bytes than this is large: reading it may take longer than a loop should.
pub const LARGE: usize = 32 * 1024;

/// A complete message as [`FrameDecoder::next_or_large`] gives it.
#[derive(Debug, PartialEq, Eq)]
pub enum Complete {
    /// A small one.
    Frame(Frame),
    /// A large one, or one that is compressed.
    Large(LargeFrame),
}

/// A large or compressed message that has not been looked at. Any thread may do that.
#[derive(Debug, PartialEq, Eq)]
pub struct LargeFrame {
    header: Header,
    message: Vec<u8>,
}

impl LargeFrame {
    /// Bytes of memory that it takes.
    pub fn held_bytes(&self) -> usize {
        self.message.len()
    }

    /// Decompresses it if need be.
    ///
    /// # Errors
    /// That of a connection that is lost.
    pub fn decode(mut self) -> Result<Frame, FrameError> {
        if self.header.compressed > 0 {
            return self.header.decode(&self.message);
        }
        self.message.truncate(without_nul(&self.message).len());
        self.message.drain(..self.header.offset.min(self.message.len()));
        Ok(Frame { id: self.header.id, payload: self.message })
    }
}

/// How far a message that has not arrived completely has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Partial {
    /// Bytes here.
    pub have: usize,
    /// Bytes of the whole message; of its header as long as that is incomplete.
    pub need: usize,
}

/// Why a connection's bytes cannot be read, or a message not be sent. Such a connection is lost: nothing
/// tells where the next message would begin.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are the header's")]
pub enum FrameError {
    /// The first four bytes are not the magic number in either byte order.
    NotAHeader { found: [u8; 4] },
    /// The message would exceed the limit, at most [`MAX_MESSAGE`].
    TooLarge { what: &'static str, length: u64, limit: usize },
    /// Lengths in the header contradict each other.
    Contradiction { total: usize, offset: usize, compressed: usize, uncompressed: usize },
    /// The compressed payload is damaged or lies about its size.
    Compression { reason: String },
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAHeader { found: [a, b, c, d] } => {
                write!(
                    f,
                    "the peer does not speak Pacemaker Remote: a message begins with {a:02x} {b:02x} {c:02x} {d:02x}"
                )
            }
            Self::TooLarge { what, length, limit } => {
                write!(f, "{what} of {length} bytes exceeds the limit of {limit}")
            }
            Self::Contradiction { total, offset, compressed, uncompressed } => write!(
                f,
                "lengths in a message header contradict each other (total {total}, offset {offset}, \
                 compressed {compressed}, uncompressed {uncompressed})"
            ),
            Self::Compression { reason } => write!(f, "cannot decompress a message: {reason}"),
        }
    }
}

impl std::error::Error for FrameError {}

/// The lengths of a header that has passed all checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Header {
    id: u64,
    total: usize,
    offset: usize,
    compressed: usize,
    uncompressed: usize,
}

impl Header {
    /// None as long as `bytes` does not hold a whole header. The magic number is judged as soon as it is there.
    fn read(bytes: &[u8], limit: usize) -> Result<Option<Self>, FrameError> {
        let Some(magic) = four(bytes, 0) else { return Ok(None) };
        let number: fn([u8; 4]) -> u32 = match magic {
            magic if u32::from_le_bytes(magic) == MAGIC => u32::from_le_bytes,
            magic if u32::from_be_bytes(magic) == MAGIC => u32::from_be_bytes,
            found => return Err(FrameError::NotAHeader { found }),
        };
        let field = |at| four(bytes, at).map(number);
        let length = |at| field(at).and_then(|value| usize::try_from(value).ok());
        let fields = (field(8), field(12), length(24), length(28), length(32), length(36));
        let (Some(a), Some(b), Some(total), Some(offset), Some(compressed), Some(uncompressed)) = fields
        else {
            return Ok(None);
        };
        let (low, high) = if u32::from_le_bytes(magic) == MAGIC { (a, b) } else { (b, a) };
        let id = u64::from(high) << 32 | u64::from(low);
        Self { id, total, offset, compressed, uncompressed }.checked(limit).map(Some)
    }

    fn checked(self, limit: usize) -> Result<Self, FrameError> {
        let Self { total, offset, compressed, uncompressed, .. } = self;
        for (what, length) in [("a message", total), ("a decompressed message", uncompressed)] {
            if length > limit {
                let length = u64::try_from(length).unwrap_or(u64::MAX);
                return Err(FrameError::TooLarge { what, length, limit });
            }
        }
        let on_wire = if compressed == 0 { uncompressed } else { compressed };
        let consistent =
            (HEADER_LEN..=MAX_OFFSET).contains(&offset) && offset.checked_add(on_wire) == Some(total);
        if consistent {
            Ok(self)
        } else {
            Err(FrameError::Contradiction { total, offset, compressed, uncompressed })
        }
    }

    fn decode(self, message: &[u8]) -> Result<Frame, FrameError> {
        let payload = message.get(self.offset..self.total).unwrap_or_default();
        let payload = if self.compressed == 0 {
            without_nul(payload).to_vec()
        } else {
            let mut text =
                bunzip(payload, self.uncompressed).map_err(|reason| FrameError::Compression { reason })?;
            text.truncate(without_nul(&text).len());
            text
        };
        Ok(Frame { id: self.id, payload })
    }
}

/// Bytes in, messages out, whatever the peer's record layout. Never holds more than one message of legal
/// size and what was pushed after it; after an error it repeats that error.
///
/// ```
/// use pcmk_remote_rs::wire::frame::{FrameDecoder, encode_header};
/// let text = "<lrmd_reply/>";
/// let mut bytes = encode_header(1, text.len()).unwrap().to_vec();
/// bytes.extend_from_slice(text.as_bytes());
/// let mut decoder = FrameDecoder::new();
/// decoder.push(&bytes);
/// assert_eq!(decoder.next(), Ok(None)); // the NUL is still to come
/// decoder.push(b"\0");
/// assert_eq!(decoder.next().unwrap().unwrap().into_text(), text);
/// assert!(decoder.is_empty());
/// ```
#[derive(Debug)]
pub struct FrameDecoder {
    buffer: Vec<u8>,
    /// Bytes of `buffer` that belong to messages already handed out.
    used: usize,
    limit: usize,
    failed: Option<FrameError>,
}

impl Default for FrameDecoder {
    fn default() -> Self {
        Self { buffer: Vec::new(), used: 0, limit: MAX_MESSAGE, failed: None }
    }
}

impl FrameDecoder {
    /// A decoder that has seen nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes no message longer than `most` from now on, compressed or not; [`MAX_MESSAGE`] unless told.
    pub fn limit(&mut self, most: usize) {
        self.limit = most.min(MAX_MESSAGE);
    }

    /// Adds received bytes. Call [`next`](Self::next) until it returns None before pushing more, so that a
    /// bad header is seen before its payload is kept.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.failed.is_none() {
            self.buffer.extend_from_slice(bytes);
        }
    }

    /// The next complete message; None if more bytes are needed.
    #[allow(clippy::should_implement_trait, reason = "None does not mean the end here")]
    pub fn next(&mut self) -> Result<Option<Frame>, FrameError> {
        match self.next_or_large()? {
            Some(Complete::Large(large)) => large.decode().map(Some).inspect_err(|error| self.fail(error)),
            Some(Complete::Frame(frame)) => Ok(Some(frame)),
            None => Ok(None),
        }
    }

    /// The same, but what is costly to read is left to the caller.
    pub fn next_or_large(&mut self) -> Result<Option<Complete>, FrameError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        self.take().inspect_err(|error| self.fail(error))
    }

    fn fail(&mut self, error: &FrameError) {
        self.failed = Some(error.clone());
        self.buffer = Vec::new();
        self.used = 0;
    }

    fn take(&mut self) -> Result<Option<Complete>, FrameError> {
        let waiting = self.buffer.get(self.used..).unwrap_or_default();
        let message = match Header::read(waiting, self.limit)? {
            Some(header) => waiting.get(..header.total).map(|message| (header, message)),
            None => None,
        };
        let Some((header, message)) = message else {
            self.compact();
            return Ok(None);
        };
        if header.compressed > 0 || header.total > LARGE {
            return Ok(Some(Complete::Large(self.take_large(header))));
        }
        let frame = header.decode(message)?;
        self.used = self.used.saturating_add(header.total);
        if self.used >= self.buffer.len() {
            self.compact();
        }
        Ok(Some(Complete::Frame(frame)))
    }

    /// Moves the message out, and copies what little lies behind it.
    fn take_large(&mut self, header: Header) -> LargeFrame {
        self.buffer.drain(..self.used.min(self.buffer.len()));
        self.used = 0;
        let rest = self.buffer.split_off(header.total.min(self.buffer.len()));
        LargeFrame { header, message: std::mem::replace(&mut self.buffer, rest) }
    }

    /// Forgets what was handed out, and gives a buffer back that one large message made grow.
    fn compact(&mut self) {
        self.buffer.drain(..self.used.min(self.buffer.len()));
        self.used = 0;
        if self.buffer.len() < IDLE_BUFFER && self.buffer.capacity() > IDLE_BUFFER {
            self.buffer.shrink_to(IDLE_BUFFER);
        }
    }

    /// Is nothing waiting, not even a part of a message?
    pub fn is_empty(&self) -> bool {
        self.buffer.len() <= self.used
    }

    /// The message that has begun to arrive, for the limit on half a message. Meaningful after
    /// [`next`](Self::next) returned None.
    pub fn awaiting(&self) -> Option<Partial> {
        let waiting = self.buffer.get(self.used..).filter(|waiting| !waiting.is_empty())?;
        let need = message_length(waiting).unwrap_or(HEADER_LEN);
        Some(Partial { have: waiting.len(), need })
    }

    /// Bytes that wait, or that an idle buffer keeps. What else a growing buffer has reserved was never touched.
    pub fn held_bytes(&self) -> usize {
        self.buffer.len().max(self.buffer.capacity().min(IDLE_BUFFER))
    }

    /// Bytes of memory held for the connection.
    pub fn capacity(&self) -> usize {
        self.buffer.capacity()
    }
}

/// The length of the message that begins here, header included; of its header as long as that is incomplete.
pub fn message_length(bytes: &[u8]) -> Result<usize, FrameError> {
    Ok(Header::read(bytes, MAX_MESSAGE)?.map_or(HEADER_LEN, |header| header.total))
}

/// The header of message number `id`, whose text has `text_len` bytes without the NUL. Text and NUL follow
/// in records of their own.
pub fn encode_header(id: u64, text_len: usize) -> Result<[u8; HEADER_LEN], FrameError> {
    let payload = text_len.saturating_add(1);
    let total = payload.saturating_add(HEADER_LEN);
    let too_large = || {
        let length = u64::try_from(total).unwrap_or(u64::MAX);
        FrameError::TooLarge { what: "a message", length, limit: MAX_MESSAGE }
    };
    if total > MAX_MESSAGE {
        return Err(too_large());
    }
    let payload = u32::try_from(payload).map_err(|_| too_large())?;
    let total = u32::try_from(total).map_err(|_| too_large())?;
    let fields: [&[u8]; 8] = [
        &MAGIC.to_ne_bytes(),
        &VERSION.to_ne_bytes(),
        &id.to_ne_bytes(),
        &0u64.to_ne_bytes(),
        &total.to_ne_bytes(),
        &40u32.to_ne_bytes(),
        &0u32.to_ne_bytes(),
        &payload.to_ne_bytes(),
    ];
    let mut header = [0; HEADER_LEN];
    for (slot, byte) in header.iter_mut().zip(fields.into_iter().flatten()) {
        *slot = *byte;
    }
    Ok(header)
}

#[cfg(test)]
#[path = "frame_tests.rs"]
mod tests;
