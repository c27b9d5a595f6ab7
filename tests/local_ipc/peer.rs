// SPDX-License-Identifier: LGPL-2.1-or-later
//! A Pacemaker client of either release, written from the layouts alone: it shares no code with the servers.
use nix::errno::Errno;
use pcmk_remote_rs::sys::qb::{Client, Trusted};

pub(crate) const EXPECTS_RESPONSE: u32 = 0x200;
pub(crate) const COMPRESSED: u32 = 1;
pub(crate) const PROXIED: u32 = 0x100;
pub(crate) const MULTIPART: u32 = 0x80000;
pub(crate) const MULTIPART_END: u32 = 0x100000;
pub(crate) const BUFFER: usize = 131_072;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Release {
    /// Up to 3.0.0.
    Old,
    /// From 3.0.1 on.
    New,
}

pub(crate) struct Peer {
    pub(crate) qb: Client,
    release: Release,
    last_id: i32,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) id: i32,
    pub(crate) flags: u32,
    pub(crate) text: String,
}

impl Peer {
    pub(crate) fn connect(name: &str, release: Release) -> Result<Self, Errno> {
        Ok(Self {
            qb: Client::connect(name, BUFFER, Trusted::Root).map_err(|error| error.errno())?,
            release,
            last_id: 0,
        })
    }

    pub(crate) fn ask(&mut self, text: &str) -> Answer {
        let id = self.send(text, EXPECTS_RESPONSE);
        let answer = self.response(30_000).expect("a response");
        assert_eq!(answer.id, id);
        answer
    }

    pub(crate) fn send(&mut self, text: &str, flags: u32) -> i32 {
        self.last_id += 1;
        for message in self.encode(text, flags) {
            while let Err(errno) = self.qb.send(&message) {
                assert_eq!(errno, Errno::EAGAIN);
                std::thread::yield_now();
            }
        }
        self.last_id
    }

    pub(crate) fn response(&self, timeout_ms: i32) -> Result<Answer, Errno> {
        self.collect(|| self.qb.receive(timeout_ms))
    }

    pub(crate) fn event(&self, timeout_ms: i32) -> Result<Answer, Errno> {
        self.collect(|| self.qb.receive_event(timeout_ms))
    }

    pub(crate) fn encode(&self, text: &str, flags: u32) -> Vec<Vec<u8>> {
        let mut bytes = text.as_bytes().to_vec();
        bytes.push(0);
        match self.release {
            Release::Old if bytes.len() + 40 >= BUFFER => {
                let packed = compress(&bytes);
                let sizes = [bytes.len(), packed.len()].map(|n| u32::try_from(n).unwrap());
                vec![self.message([sizes[0], sizes[1], flags | COMPRESSED, 1], &packed)]
            }
            Release::Old => {
                vec![self.message([u32::try_from(bytes.len()).unwrap(), 0, flags, 1], &bytes)]
            }
            Release::New => {
                let mut chunks: Vec<&[u8]> = text.as_bytes().chunks(BUFFER - 41).collect();
                if chunks.last().is_none_or(|last| last.len() == BUFFER - 41) {
                    chunks.push(&[]); // As upstream does.
                }
                let last = chunks.len().saturating_sub(1);
                let part = |(number, chunk): (usize, &&[u8])| {
                    let mut chunk = chunk.to_vec();
                    chunk.push(0);
                    let flags = match (last, number == last) {
                        (0, _) => flags,
                        (_, false) => flags | MULTIPART,
                        (_, true) => flags | MULTIPART | MULTIPART_END,
                    };
                    let third = 1 | u32::try_from(number).unwrap() << 16;
                    self.message([u32::try_from(chunk.len()).unwrap(), flags, third, 0], &chunk)
                };
                chunks.iter().enumerate().map(part).collect()
            }
        }
    }

    fn message(&self, words: [u32; 4], payload: &[u8]) -> Vec<u8> {
        let mut message = vec![0; 24];
        message[..4].copy_from_slice(&self.last_id.to_ne_bytes());
        message[8..12].copy_from_slice(&i32::try_from(40 + payload.len()).unwrap().to_ne_bytes());
        message.extend(words.iter().flat_map(|word| word.to_ne_bytes()));
        message.extend(payload);
        message
    }

    /// One message, of as many parts as it has.
    fn collect(&self, mut receive: impl FnMut() -> Result<Vec<u8>, Errno>) -> Result<Answer, Errno> {
        let mut text = Vec::new();
        for part in 0.. {
            let message = receive()?;
            let word = |at: usize| u32::from_ne_bytes(message[at..at + 4].try_into().unwrap());
            assert_eq!((word(8) as usize, word(16)), (message.len(), 0));
            let id = i32::from_ne_bytes(message[..4].try_into().unwrap());
            let payload = &message[40..];
            let (flags, more) = match self.release {
                Release::Old => {
                    assert_eq!(message[36], 1);
                    let flags = word(32);
                    if flags & COMPRESSED == 0 {
                        assert_eq!((word(24) as usize, word(28)), (payload.len(), 0));
                        text = payload.to_vec();
                    } else {
                        assert_eq!(word(28) as usize, payload.len());
                        text = decompress(payload);
                        assert_eq!(word(24) as usize, text.len());
                    }
                    (flags & !COMPRESSED, false)
                }
                Release::New => {
                    assert_eq!((message[32], word(24) as usize), (1, payload.len()));
                    assert_eq!(word(32) >> 16, part);
                    text.pop();
                    text.extend(payload);
                    let flags = word(28);
                    (flags & !MULTIPART & !MULTIPART_END, flags & (MULTIPART | MULTIPART_END) == MULTIPART)
                }
            };
            if !more {
                assert_eq!(text.pop(), Some(0));
                return Ok(Answer { id, flags, text: String::from_utf8(text).unwrap() });
            }
        }
        unreachable!()
    }
}

fn compress(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::new(4));
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn decompress(bytes: &[u8]) -> Vec<u8> {
    use std::io::Read;
    let mut text = Vec::new();
    bzip2::read::BzDecoder::new(bytes).read_to_end(&mut text).unwrap();
    text
}
