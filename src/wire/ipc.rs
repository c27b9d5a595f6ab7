// SPDX-License-Identifier: LGPL-2.1-or-later
//! The 40-byte header of local IPC messages, in this machine's byte order.
//!
//! Two layouts of the same length and with the same version number are in use: up to 3.0.0 large messages are
//! compressed; from 3.0.1 on they come in parts. Nothing names the layout, but the fields contradict each
//! other when read in the wrong one, so a connection's first message tells ([`detect`]).
//!
//! | offset | both | [`Old`](IpcLayout::Old) | [`New`](IpcLayout::New) |
//! |---|---|---|---|
//! | 0 | i32 id, then i32 length of the whole at 8, i32 error at 16 | | |
//! | 24 | | u32 length of the text | u32 length of this part's text |
//! | 28 | | u32 length of it compressed, or 0 | u32 flags |
//! | 32 | | u32 flags | u8 version, and u16 number of the part at 34 |
//! | 36 | | u8 version | |
//!
//! Lengths of texts count the NUL at their end; every part has one.
use super::MAX_MESSAGE;
use super::bytes::{bunzip, bzip, four, native_u32, without_nul};
use super::frame::LARGE;
use crate::model::site::IPC_BUFFER;
use std::fmt;

/// Length of the header, libqb's 24 bytes included.
pub const HEADER_LEN: usize = 40;
/// Text in a full part of the new layout.
const CHUNK: usize = IPC_BUFFER - HEADER_LEN - 1;
const VERSION: u8 = 1;

/// Bits of the header's flags.
pub mod flag {
    /// The old layout's payload is bzip2.
    pub const COMPRESSED: u32 = 0x1;
    /// The client wants to be treated as a proxied one.
    pub const PROXIED: u32 = crate::model::site::IPC_FLAG_PROXIED;
    /// The client waits for a response. Requests to an executor must have it.
    pub const RESPONSE_WANTED: u32 = 0x200;
    /// Server to client: nobody asked for this.
    pub const EVENT: u32 = 0x1_0000;
    /// Internal to old servers, yet seen on the wire.
    pub const FREED: u32 = 0x2_0000;
    /// Server to a proxied client: a response, although it comes as an event.
    pub const PROXIED_RESPONSE: u32 = 0x4_0000;
    /// The new layout: one part of several.
    pub const MULTIPART: u32 = 0x8_0000;
    /// The new layout: the last of several.
    pub const MULTIPART_END: u32 = 0x10_0000;
    /// All that a client of the old layout may set. The new layout's version lies in the same place: in the lowest byte of
    /// a little-endian number, where it reads as [`COMPRESSED`], and in the highest of a big-endian one.
    pub(super) const KNOWN_TO_OLD: u32 = COMPRESSED | 0xff00 | 0xff_0000;
    /// What concerns one hop alone and is not passed on.
    pub(super) const OF_ENCODING: u32 = COMPRESSED | MULTIPART | MULTIPART_END;
}

/// How a client lays its headers out, and wants ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IpcLayout {
    /// Up to 3.0.0.
    Old,
    /// From 3.0.1 on.
    New,
}

/// One message of a local client (or, read by a client, of a server).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IpcRequest {
    /// The client's number for it; a response repeats it.
    pub id: i32,
    /// Flags without those of the encoding (compressed, multipart).
    pub flags: u32,
    /// The text; bytes that are not UTF-8 became U+FFFD.
    pub text: String,
}

/// One whole message whose text has not been looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnreadRequest {
    /// The client's number for it.
    pub id: i32,
    /// Flags without those of the encoding.
    pub flags: u32,
    payload: Vec<u8>,
    /// The length of the text if the payload is compressed.
    compressed: Option<usize>,
}

impl UnreadRequest {
    /// Bytes of memory that it takes.
    pub fn held_bytes(&self) -> usize {
        self.payload.len()
    }

    /// May reading it, or looking at its text, take longer than a loop should? So it is with what is compressed, too,
    /// since it may become large.
    pub fn is_large(&self) -> bool {
        self.compressed.is_some() || self.payload.len() > LARGE
    }

    /// Decompresses it if need be.
    ///
    /// # Errors
    /// What makes the connection useless.
    pub fn read(self) -> Result<IpcRequest, IpcError> {
        let mut text = match self.compressed {
            None => self.payload,
            Some(length) if length > MAX_MESSAGE => {
                return Err(IpcError::TooLarge { length, limit: MAX_MESSAGE });
            }
            Some(length) => {
                bunzip(&self.payload, length).map_err(|reason| IpcError::Compression { reason })?
            }
        };
        text.truncate(without_nul(&text).len());
        request(self.id, self.flags, text)
    }
}

/// Why a local message cannot be read or sent.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields name themselves")]
pub enum IpcError {
    /// Shorter than its header, or than its header says.
    Short { length: usize },
    /// The header fits neither layout, or not the connection's.
    BadHeader { reason: &'static str },
    /// Above the limit, or above what the client can receive even compressed.
    TooLarge { length: usize, limit: usize },
    /// The compressed payload is damaged or lies about its size.
    Compression { reason: String },
    /// A part came that does not continue the message.
    OutOfOrder { id: i32, part: u16, expected: u16 },
}

impl fmt::Display for IpcError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Short { length } => write!(f, "a local message of {length} bytes is shorter than it says"),
            Self::BadHeader { reason } => write!(f, "bad header of a local message: {reason}"),
            Self::TooLarge { length, limit } => {
                write!(f, "a local message of {length} bytes exceeds the limit of {limit}")
            }
            Self::Compression { reason } => write!(f, "cannot decompress a local message: {reason}"),
            Self::OutOfOrder { id, part, expected } => {
                write!(f, "part {part} of local message {id} came where part {expected} was due")
            }
        }
    }
}

impl std::error::Error for IpcError {}

/// The whole of libqb's message that the slice begins with: its header knows the length.
fn whole(message: &[u8]) -> Result<&[u8], IpcError> {
    let short = || IpcError::Short { length: message.len() };
    let length = native_u32(message, 8).and_then(|length| usize::try_from(length).ok()).ok_or_else(short)?;
    message.get(..length).filter(|message| message.len() >= HEADER_LEN).ok_or_else(short)
}

fn byte(message: &[u8], at: usize) -> u8 {
    message.get(at).copied().unwrap_or_default()
}

fn length_at(message: &[u8], at: usize) -> usize {
    native_u32(message, at).and_then(|length| usize::try_from(length).ok()).unwrap_or(usize::MAX)
}

fn fits_old(message: &[u8]) -> bool {
    let payload = message.len().saturating_sub(HEADER_LEN);
    let (text, compressed) = (length_at(message, 24), length_at(message, 28));
    let flags = native_u32(message, 32).unwrap_or_default();
    byte(message, 36) == VERSION
        && if flags & flag::COMPRESSED == 0 {
            compressed == 0 && text == payload
        } else {
            compressed == payload
                && message.get(HEADER_LEN..).is_some_and(|payload| payload.starts_with(b"BZh"))
        }
}

fn fits_new(message: &[u8]) -> bool {
    let payload = message.len().saturating_sub(HEADER_LEN);
    byte(message, 32) == VERSION && length_at(message, 24) == payload
}

/// The layout of a client's first message; None if it is neither, which ends the connection.
///
/// ```
/// use pcmk_remote_rs::wire::ipc::{IpcLayout, detect, encode};
/// for layout in [IpcLayout::Old, IpcLayout::New] {
///     let parts = encode(layout, 1, 0x200, "<a/>", 131_072).unwrap();
///     assert_eq!(detect(&parts[0]), Some(layout));
/// }
/// ```
pub fn detect(message: &[u8]) -> Option<IpcLayout> {
    let message = whole(message).ok()?;
    let known = native_u32(message, 32).unwrap_or_default() & !flag::KNOWN_TO_OLD == 0;
    match (fits_old(message) && known, fits_new(message)) {
        // Both fit only if compression left the length as it was; nothing but a compressed payload begins so.
        (true, _) => Some(IpcLayout::Old),
        (false, true) => Some(IpcLayout::New),
        (false, false) => None,
    }
}

/// A message that comes in parts.
#[derive(Debug)]
struct Partly {
    id: i32,
    next_part: u16,
    flags: u32,
    text: Vec<u8>,
}

/// Local messages to texts, for one connection.
///
/// ```
/// use pcmk_remote_rs::wire::ipc::{Assembler, IpcLayout, encode};
/// let text = format!("<a b=\"{}\"/>", "x".repeat(200_000));
/// let mut assembler = Assembler::new(IpcLayout::New);
/// let parts = encode(IpcLayout::New, 7, 0x200, &text, 131_072).unwrap();
/// assert_eq!(assembler.push(&parts[0]), Ok(None));
/// assert_eq!(assembler.push(&parts[1]).unwrap().unwrap().text, text);
/// ```
#[derive(Debug)]
pub struct Assembler {
    layout: IpcLayout,
    partly: Option<Partly>,
}

impl Assembler {
    /// For a connection of this layout.
    pub const fn new(layout: IpcLayout) -> Self {
        Self { layout, partly: None }
    }

    /// The connection's layout.
    pub const fn layout(&self) -> IpcLayout {
        self.layout
    }

    /// Bytes of a message that is incomplete.
    pub fn held_bytes(&self) -> usize {
        self.partly.as_ref().map_or(0, |partly| partly.text.len())
    }

    /// Is a message incomplete?
    pub const fn is_waiting(&self) -> bool {
        self.partly.is_some()
    }

    /// Takes one message of libqb; None if further parts must come. After an error what was incomplete is
    /// forgotten; the next message may be fine.
    pub fn push(&mut self, message: &[u8]) -> Result<Option<IpcRequest>, IpcError> {
        self.push_unread(message)?.map(UnreadRequest::read).transpose()
    }

    /// The same, but the text is left to the caller.
    pub fn push_unread(&mut self, message: &[u8]) -> Result<Option<UnreadRequest>, IpcError> {
        let partly = self.partly.take();
        let message = whole(message)?;
        match self.layout {
            IpcLayout::Old => unread_old(message).map(Some),
            IpcLayout::New => self.push_part(message, partly),
        }
    }

    fn push_part(
        &mut self,
        message: &[u8],
        partly: Option<Partly>,
    ) -> Result<Option<UnreadRequest>, IpcError> {
        if !fits_new(message) {
            return Err(IpcError::BadHeader { reason: "length or version do not fit the layout of 3.0.1" });
        }
        let flags = native_u32(message, 28).unwrap_or_default();
        let (id, payload) = (id(message), message.get(HEADER_LEN..).unwrap_or_default());
        let clean = flags & !flag::OF_ENCODING;
        if flags & (flag::MULTIPART | flag::MULTIPART_END) == 0 && partly.is_none() {
            let payload = without_nul(payload).to_vec();
            return Ok(Some(UnreadRequest { id, flags: clean, payload, compressed: None }));
        }
        let part =
            message.get(34..).and_then(|tail| tail.first_chunk()).copied().map_or(0, u16::from_ne_bytes);
        let mut partly = partly.unwrap_or(Partly { id, next_part: 0, flags: clean, text: Vec::new() });
        if part != partly.next_part || id != partly.id || flags & flag::MULTIPART == 0 {
            return Err(IpcError::OutOfOrder { id, part, expected: partly.next_part });
        }
        let length = partly.text.len().saturating_add(payload.len());
        if length > MAX_MESSAGE {
            return Err(IpcError::TooLarge { length, limit: MAX_MESSAGE });
        }
        partly.text.extend_from_slice(payload.strip_suffix(b"\0").unwrap_or(payload));
        if flags & flag::MULTIPART_END != 0 {
            let Partly { id, flags, text: payload, .. } = partly;
            return Ok(Some(UnreadRequest { id, flags, payload, compressed: None }));
        }
        partly.next_part = part.checked_add(1).ok_or(IpcError::TooLarge { length, limit: MAX_MESSAGE })?;
        self.partly = Some(partly);
        Ok(None)
    }
}

/// A message of the new layout that Pacemaker's own library has put together from its parts: one header, which says
/// how long the whole text is, and then that. libqb's length in it is that of the first part.
///
/// # Errors
/// The header is damaged, or the text is too large.
pub fn read_assembled(message: &[u8]) -> Result<IpcRequest, IpcError> {
    let payload = message.get(HEADER_LEN..).ok_or(IpcError::Short { length: message.len() })?;
    if !fits_new(message) {
        return Err(IpcError::BadHeader { reason: "length or version do not fit the layout of 3.0.1" });
    }
    let flags = native_u32(message, 28).unwrap_or_default();
    request(id(message), flags & !flag::OF_ENCODING, without_nul(payload).to_vec())
}

fn id(message: &[u8]) -> i32 {
    four(message, 0).map_or(0, i32::from_ne_bytes)
}

fn request(id: i32, flags: u32, text: Vec<u8>) -> Result<IpcRequest, IpcError> {
    if text.len() > MAX_MESSAGE {
        return Err(IpcError::TooLarge { length: text.len(), limit: MAX_MESSAGE });
    }
    let text =
        String::from_utf8(text).unwrap_or_else(|bad| String::from_utf8_lossy(bad.as_bytes()).into_owned());
    Ok(IpcRequest { id, flags, text })
}

fn unread_old(message: &[u8]) -> Result<UnreadRequest, IpcError> {
    if !fits_old(message) {
        return Err(IpcError::BadHeader { reason: "lengths or version do not fit the layout of 2.1" });
    }
    let flags = native_u32(message, 32).unwrap_or_default();
    Ok(UnreadRequest {
        id: id(message),
        flags: flags & !flag::OF_ENCODING,
        payload: message.get(HEADER_LEN..).unwrap_or_default().to_vec(),
        compressed: (flags & flag::COMPRESSED != 0).then(|| length_at(message, 24)),
    })
}

/// Writes one text as the messages that libqb must send, one after the other and nothing between them.
/// `buffer`: the largest message that the peer can receive, where the layout does not fix it (old).
pub fn encode(
    layout: IpcLayout,
    id: i32,
    flags: u32,
    text: &str,
    buffer: usize,
) -> Result<Vec<Vec<u8>>, IpcError> {
    let flags = flags & !flag::OF_ENCODING;
    if text.len() >= MAX_MESSAGE {
        return Err(IpcError::TooLarge { length: text.len(), limit: MAX_MESSAGE });
    }
    match layout {
        IpcLayout::Old => encode_old(id, flags, text, buffer).map(|message| vec![message]),
        IpcLayout::New => encode_new(id, flags, text),
    }
}

/// Is a text so long that [`encode`] has to compress it? That takes some 0.1 s for each MiB.
pub fn is_compressed(layout: IpcLayout, text: &str, buffer: usize) -> bool {
    layout == IpcLayout::Old && !fits_plain(text, buffer)
}

/// A response to request `id`. A proxied client's comes as an event.
pub fn encode_response(
    layout: IpcLayout,
    id: i32,
    proxied: bool,
    text: &str,
    buffer: usize,
) -> Result<Vec<Vec<u8>>, IpcError> {
    let flags = if proxied { flag::EVENT | flag::PROXIED_RESPONSE } else { 0 };
    encode(layout, id, flags, text, buffer)
}

/// An event; `number` counts the connection's events.
pub fn encode_event(
    layout: IpcLayout,
    number: i32,
    text: &str,
    buffer: usize,
) -> Result<Vec<Vec<u8>>, IpcError> {
    encode(layout, number, flag::EVENT, text, buffer)
}

/// A message from its header's last 16 bytes and its payload's pieces.
fn message(id: i32, own: [[u8; 4]; 4], payload: &[&[u8]]) -> Result<Vec<u8>, IpcError> {
    let length = payload.iter().map(|piece| piece.len()).fold(HEADER_LEN, usize::saturating_add);
    let size = i32::try_from(length).map_err(|_| IpcError::TooLarge { length, limit: MAX_MESSAGE })?;
    let mut out = Vec::with_capacity(length);
    for number in [id, 0, size, 0, 0, 0] {
        out.extend_from_slice(&number.to_ne_bytes());
    }
    own.iter().for_each(|field| out.extend_from_slice(field));
    payload.iter().for_each(|piece| out.extend_from_slice(piece));
    Ok(out)
}

fn size_field(length: usize) -> Result<[u8; 4], IpcError> {
    u32::try_from(length).map(u32::to_ne_bytes).map_err(|_| IpcError::TooLarge { length, limit: MAX_MESSAGE })
}

/// Does it fit with its NUL and header? A message of a buffer's whole size is none that libqb sends.
const fn fits_plain(text: &str, buffer: usize) -> bool {
    fits(text.len().saturating_add(1), buffer)
}

const fn fits(payload: usize, buffer: usize) -> bool {
    payload.saturating_add(HEADER_LEN) < buffer
}

fn encode_old(id: i32, flags: u32, text: &str, buffer: usize) -> Result<Vec<u8>, IpcError> {
    let length = text.len().saturating_add(1);
    let version = [VERSION, 0, 0, 0];
    if fits_plain(text, buffer) {
        let own = [size_field(length)?, [0; 4], flags.to_ne_bytes(), version];
        return message(id, own, &[text.as_bytes(), b"\0"]);
    }
    let mut plain = Vec::with_capacity(length);
    plain.extend_from_slice(text.as_bytes());
    plain.push(0);
    let compressed = bzip(&plain).map_err(|reason| IpcError::Compression { reason })?;
    if !fits(compressed.len(), buffer) {
        return Err(IpcError::TooLarge { length: compressed.len(), limit: buffer });
    }
    let flags = flags | flag::COMPRESSED;
    let own = [size_field(length)?, size_field(compressed.len())?, flags.to_ne_bytes(), version];
    message(id, own, &[&compressed])
}

fn encode_new(id: i32, flags: u32, text: &str) -> Result<Vec<Vec<u8>>, IpcError> {
    let mut parts = Vec::new();
    let mut rest = text.as_bytes();
    let mut number: u16 = 0;
    loop {
        let full = rest.split_at_checked(CHUNK);
        let (chunk, tail) = full.unwrap_or((rest, &[]));
        let of_part = match (full, number) {
            (Some(_), _) => flag::MULTIPART,
            (None, 0) => 0,
            (None, _) => flag::MULTIPART | flag::MULTIPART_END,
        };
        let [a, b] = number.to_ne_bytes();
        let own = [
            size_field(chunk.len().saturating_add(1))?,
            (flags | of_part).to_ne_bytes(),
            [VERSION, 0, a, b],
            [0; 4],
        ];
        parts.push(message(id, own, &[chunk, b"\0"])?);
        if full.is_none() {
            return Ok(parts);
        }
        rest = tail;
        let length = text.len();
        number = number.checked_add(1).ok_or(IpcError::TooLarge { length, limit: MAX_MESSAGE })?;
    }
}

#[cfg(test)]
#[path = "ipc_tests.rs"]
mod tests;
