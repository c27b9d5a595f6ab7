// SPDX-License-Identifier: LGPL-2.1-or-later
//! TLS connections over memory of which one end does what it likes.
use arbitrary::Arbitrary;
use pcmk_remote_rs::sys::tls::{
    ClientContext, MAX_RECORD_LEN, Policy, Psk, Received, ServerContext, Stream, TlsVersion,
};
use pcmk_remote_rs::wire::frame::{Frame, FrameDecoder, HEADER_LEN, encode_header};
use std::io::Read;
use std::sync::OnceLock;

pub struct Contexts {
    pub server: ServerContext,
    pub client: ClientContext,
}

impl Contexts {
    pub fn new(key: &[u8], policy: &Policy) -> Self {
        let key = Psk::new(key.to_vec()).expect("1 to 65535 bytes are a key");
        Self {
            server: ServerContext::new(&key, policy).expect("a server's context"),
            client: ClientContext::new(&key, policy).expect("a client's context"),
        }
    }

    /// With a short key and a handshake that costs little.
    pub fn cheap() -> &'static Self {
        static CHEAP: OnceLock<Contexts> = OnceLock::new();
        CHEAP.get_or_init(|| Self::new(&[7; 32], &cheap_policy()))
    }
}

/// No Diffie-Hellman exchange, whose cost is most of a handshake's.
pub fn cheap_policy() -> Policy {
    Policy { max: TlsVersion::Tls12, cipher_list: "PSK-AES128-GCM-SHA256".to_owned(), ..Policy::default() }
}

/// What an end sends that knows TLS and keeps to nothing else.
#[derive(Arbitrary, Debug)]
pub enum Bytes<'a> {
    /// A text in a frame of its own.
    Text(&'a str),
    /// A header whose fields are of its own choice, and what follows it.
    Header { id: u8, total: u16, offset: u8, compressed: u16, uncompressed: u16, rest: &'a [u8] },
    /// A compressed text whose length is not said truly, unless `more` is zero.
    Compressed { text: &'a [u8], more: i8 },
    /// A few bytes that become very many.
    Bomb { kind: u8, more: i8 },
    /// Anything inside a record.
    Plain(&'a [u8]),
    /// Anything instead of a record.
    Cipher(&'a [u8]),
    /// The end of the session.
    Goodbye,
}

/// A frame: a header with these lengths, and what follows it.
fn frame(id: u64, [total, offset, compressed, uncompressed]: [usize; 4], rest: &[u8]) -> Vec<u8> {
    let mut bytes = encode_header(id, 0).expect("short").to_vec();
    for (at, value) in [(24, total), (28, offset), (32, compressed), (36, uncompressed)] {
        bytes[at..at + 4].copy_from_slice(&(value as u32).to_ne_bytes());
    }
    bytes.extend_from_slice(rest);
    bytes
}

/// A text as a whole frame.
pub fn text_frame(text: &str) -> Vec<u8> {
    let mut bytes = encode_header(1, text.len()).expect("inputs are short").to_vec();
    bytes.extend_from_slice(text.as_bytes());
    bytes.push(0);
    bytes
}

fn compressed(text: &[u8]) -> Vec<u8> {
    let mut compressed = Vec::new();
    let mut encoder = bzip2::read::BzEncoder::new(text, bzip2::Compression::fast());
    encoder.read_to_end(&mut compressed).expect("it is in memory");
    compressed
}

fn compressed_frame(compressed: &[u8], length: usize, more: i8) -> Vec<u8> {
    let uncompressed = length.saturating_add_signed(more.into());
    frame(2, [HEADER_LEN + compressed.len(), HEADER_LEN, compressed.len(), uncompressed], compressed)
}

/// Texts on which a reader might look at the same bytes again and again, compressed.
fn bomb(kind: u8) -> &'static [u8] {
    static BOMBS: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    let bombs = BOMBS.get_or_init(|| {
        let pieces = ["<", "<b>", "<b c='1'/>", "&", " ", "<!-- -->", "b=\"\u{e9}\" ", "\u{0}"];
        pieces
            .iter()
            .map(|piece| compressed(&piece.repeat(BOMB_LEN / piece.len() + 1).as_bytes()[..BOMB_LEN]))
            .collect()
    });
    &bombs[usize::from(kind) % bombs.len()]
}

/// Length of the text in a bomb.
const BOMB_LEN: usize = 256 * 1024;
/// A connection sends no more of them, since each costs what thousands of other messages do.
const MOST_BOMBS: u8 = 3;

/// The raw end of a connection: what it has sent waits in `queued` until it is delivered.
pub struct RawEnd {
    stream: Stream,
    decoder: FrameDecoder,
    queued: Vec<u8>,
    failed: bool,
    bombs: u8,
}

impl RawEnd {
    pub fn new(stream: Stream) -> Self {
        Self { stream, decoder: FrameDecoder::new(), queued: Vec::new(), failed: false, bombs: 0 }
    }

    /// Sends plaintext in records.
    pub fn send(&mut self, plaintext: &[u8]) {
        for record in plaintext.chunks(MAX_RECORD_LEN) {
            if self.stream.is_established() && !self.failed {
                self.failed |= self.stream.write_record(record).is_err();
            }
        }
        self.stream.take_output(&mut self.queued);
    }

    pub fn send_bytes(&mut self, bytes: &Bytes<'_>) {
        match *bytes {
            Bytes::Text(text) => self.send(&text_frame(text)),
            Bytes::Header { id, total, offset, compressed, uncompressed, rest } => {
                let lengths = [total.into(), offset.into(), compressed.into(), uncompressed.into()];
                self.send(&frame(id.into(), lengths, rest));
            }
            Bytes::Compressed { text, more } => {
                self.send(&compressed_frame(&compressed(text), text.len(), more));
            }
            Bytes::Bomb { kind, more } if self.bombs < MOST_BOMBS => {
                self.bombs += 1;
                self.send(&compressed_frame(bomb(kind), BOMB_LEN, more));
            }
            Bytes::Bomb { .. } => {}
            Bytes::Plain(bytes) => self.send(bytes),
            Bytes::Cipher(bytes) => self.queued.extend_from_slice(bytes),
            Bytes::Goodbye => {
                self.stream.shutdown();
                self.stream.take_output(&mut self.queued);
            }
        }
    }

    /// The first of what waits, in pieces of this length; zero: nothing yet.
    pub fn deliver(&mut self, piece: u8, mut receive: impl FnMut(&[u8])) {
        if piece == 0 {
            return;
        }
        // Many short pieces cost more than they show.
        let length = usize::from(piece).max(self.queued.len() / 64);
        std::mem::take(&mut self.queued).chunks(length).for_each(&mut receive);
    }

    /// Takes what the other end has sent; the messages that are now complete. A failure of TLS ends it.
    ///
    /// # Panics
    /// When the other end sends what is no frame.
    pub fn receive(&mut self, ciphertext: &[u8]) -> Vec<String> {
        if self.failed {
            return Vec::new();
        }
        self.stream.feed(ciphertext);
        if !self.stream.is_established() {
            self.failed = self.stream.handshake().is_err();
            self.stream.take_output(&mut self.queued);
        }
        while self.stream.is_established() && !self.failed {
            match self.stream.read(|record| self.decoder.push(record)) {
                Ok(Received::Data(_)) => {}
                Ok(Received::Pending | Received::Closed) => break,
                Err(_) => self.failed = true,
            }
        }
        let frames = || self.decoder.next().expect("we send frames").map(Frame::into_text);
        std::iter::from_fn(frames).collect()
    }
}
