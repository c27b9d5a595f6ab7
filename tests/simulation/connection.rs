// SPDX-License-Identifier: LGPL-2.1-or-later
//! A byte pipe in both directions: bytes keep their order within a direction, arrive in pieces of any size,
//! and stop at the byte where the connection breaks.
use crate::random::Random;
use pcmk_remote_rs::wire::frame::{FrameDecoder, encode_header};

/// Which end receives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Toward {
    Server,
    Client,
}

#[derive(Debug)]
struct Direction {
    decoder: FrameDecoder,
    sent: usize,
    messages: u64,
    last_arrival_ms: u64,
    /// Bytes that pass before the connection breaks.
    cut: Option<usize>,
}

#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) client: usize,
    to_server: Direction,
    to_client: Direction,
    /// Has either end seen the end already?
    pub(crate) server_gone: bool,
    pub(crate) client_gone: bool,
    /// Does the client not read? Then messages wait on the server's side.
    pub(crate) stalled: bool,
    pub(crate) held: Vec<String>,
    /// Has more waited than may wait?
    pub(crate) overfull: bool,
    /// Notifications that the hub has sent here.
    pub(crate) notified: u64,
    /// How long every byte is on its way, at least.
    lag_ms: u64,
}

/// What one message becomes: pieces with their arrival, and maybe the end of the connection.
pub(crate) struct Passage {
    pub(crate) pieces: Vec<(u64, Vec<u8>)>,
    pub(crate) broken_at: Option<u64>,
}

impl Connection {
    pub(crate) fn new(client: usize, now_ms: u64, cut: Option<(bool, usize)>, lag_ms: u64) -> Self {
        let direction = |to_server| Direction {
            decoder: FrameDecoder::new(),
            sent: 0,
            messages: 0,
            last_arrival_ms: now_ms,
            cut: cut.filter(|(which, _)| *which == to_server).map(|(_, bytes)| bytes),
        };
        let (to_server, to_client) = (direction(true), direction(false));
        Self {
            client,
            to_server,
            to_client,
            server_gone: false,
            client_gone: false,
            stalled: false,
            held: Vec::new(),
            overfull: false,
            notified: 0,
            lag_ms,
        }
    }

    fn direction(&mut self, toward: Toward) -> &mut Direction {
        match toward {
            Toward::Server => &mut self.to_server,
            Toward::Client => &mut self.to_client,
        }
    }

    /// Sends `text` as one message.
    pub(crate) fn send(&mut self, toward: Toward, text: &str, now_ms: u64, random: &mut Random) -> Passage {
        let earliest_ms = now_ms + self.lag_ms;
        let direction = self.direction(toward);
        direction.messages += 1;
        let mut bytes = encode_header(direction.messages, text.len()).unwrap().to_vec();
        bytes.extend_from_slice(text.as_bytes());
        bytes.push(0);
        let room = direction.cut.map(|cut| cut - direction.sent.min(cut));
        let broken = room.is_some_and(|room| room < bytes.len());
        bytes.truncate(room.unwrap_or(bytes.len()));
        direction.sent += bytes.len();
        let mut pieces = Vec::new();
        while !bytes.is_empty() {
            let most = if random.chance(10) { 3 } else { 400 };
            let length = usize::try_from(1 + random.below(most)).unwrap();
            let rest = bytes.split_off(length.min(bytes.len()));
            direction.last_arrival_ms = direction.last_arrival_ms.max(earliest_ms + random.below(12));
            pieces.push((direction.last_arrival_ms, std::mem::replace(&mut bytes, rest)));
        }
        Passage { pieces, broken_at: broken.then_some(direction.last_arrival_ms.max(now_ms)) }
    }

    /// Takes in what arrived; gives the messages that are now complete.
    pub(crate) fn arrived(&mut self, toward: Toward, bytes: &[u8]) -> Vec<String> {
        let decoder = &mut self.direction(toward).decoder;
        decoder.push(bytes);
        std::iter::from_fn(|| decoder.next().unwrap().map(|frame| frame.into_text())).collect()
    }
}
