// SPDX-License-Identifier: LGPL-2.1-or-later
//! TLS and frames, for both roles.
//!
//! The record layout is what peers up to 3.0 depend on: a message's header is a record of its own, its
//! payload fills the following ones, and no record holds parts of two messages. All records of a message lie
//! one after the other in the output, so that they leave together.
use super::SessionError;
use super::tls_stream::TlsStream;
use crate::sys::tls::{MAX_RECORD_LEN, Progress, Received, Stream, TlsError};
use crate::sys::x509::About;
use crate::wire::frame::{Complete, FrameDecoder, FrameError, HEADER_LEN, LargeFrame, encode_header};
use std::collections::VecDeque;
use std::sync::Arc;

/// A message's text with its NUL, made once for any number of connections.
#[derive(Clone, Debug)]
pub struct EncodedMessage(Arc<[u8]>);

impl EncodedMessage {
    /// Takes a message's text.
    pub fn new(text: String) -> Self {
        let mut bytes = text.into_bytes();
        bytes.push(0);
        Self(bytes.into())
    }

    /// Length of the text.
    pub fn text_len(&self) -> usize {
        self.0.len().saturating_sub(1)
    }
}

/// What a channel has to tell.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Arrival {
    /// The handshake is finished.
    Handshaken,
    /// A message's text.
    Text(String),
    /// The peer is done.
    Closed,
    /// The connection is lost.
    Failed(SessionError),
}

/// Where a channel stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Handshake,
    Established,
    Over,
}

/// Output of which no more is made in advance, in bytes: about what a socket takes at once.
const SEALED: usize = 128 * 1024;

/// A message of which not all is in the output.
#[derive(Debug)]
struct Unsealed {
    message: EncodedMessage,
    header: [u8; HEADER_LEN],
    /// Bytes of header and message that are in the output.
    sealed: usize,
}

/// TLS and frames of one connection.
#[derive(Debug)]
pub(super) struct Channel {
    /// None when OpenSSL could not make one; told by the first [`Channel::next`].
    stream: Option<Box<dyn TlsStream>>,
    refused: Option<TlsError>,
    phase: Phase,
    decoder: FrameDecoder,
    /// Messages of which records are made when the output has got shorter: sealing takes time, and a message that many
    /// are sent is kept once.
    unsealed: VecDeque<Unsealed>,
    unsealed_bytes: usize,
    /// Is a goodbye to follow what is queued?
    ends: bool,
    /// Was the handshake finished?
    established: bool,
    /// Has the peer sent anything behind the handshake?
    heard: bool,
    /// Number of the last message sent, for people who look at frames.
    last_id: u64,
}

impl Channel {
    pub(super) fn new(stream: Result<Stream, TlsError>) -> Self {
        let (stream, refused) = match stream {
            Ok(stream) => (Some(Box::new(stream) as Box<dyn TlsStream>), None),
            Err(error) => (None, Some(error)),
        };
        Self {
            stream,
            refused,
            phase: Phase::Handshake,
            decoder: FrameDecoder::new(),
            unsealed: VecDeque::new(),
            unsealed_bytes: 0,
            ends: false,
            established: false,
            heard: false,
            last_id: 0,
        }
    }

    /// No longer message is taken from now on.
    pub(super) fn limit_messages(&mut self, most: usize) {
        self.decoder.limit(most);
    }

    /// Takes what came from the socket.
    pub(super) fn receive(&mut self, ciphertext: &[u8]) {
        if let Some(stream) = self.stream.as_mut().filter(|_| self.phase != Phase::Over) {
            stream.feed(ciphertext);
        }
    }

    /// The next thing that happened; None: more has to be received.
    pub(super) fn next(&mut self) -> Option<Arrival> {
        Some(match self.next_or_large()? {
            Ok(arrival) => arrival,
            Err(large) => match large.decode() {
                Ok(frame) => Arrival::Text(frame.into_text()),
                Err(error) => self.lost(error.into()),
            },
        })
    }

    /// The same, but what is costly to read is left to the caller.
    pub(super) fn next_or_large(&mut self) -> Option<Result<Arrival, LargeFrame>> {
        if let Some(error) = self.refused.take() {
            return Some(Ok(self.lost(error.into())));
        }
        match self.phase {
            Phase::Over => None,
            Phase::Handshake => match self.stream.as_mut()?.handshake() {
                Ok(Progress::Pending) => None,
                Ok(Progress::Done) => {
                    self.phase = Phase::Established;
                    self.established = true;
                    Some(Ok(Arrival::Handshaken))
                }
                Err(error) => Some(Ok(self.lost(error.into()))),
            },
            Phase::Established => match self.next_text() {
                Ok(arrival) => arrival,
                Err(error) => Some(Ok(self.lost(error))),
            },
        }
    }

    /// Empties the decoder before it is given more, so that a bad header is seen before its payload is kept.
    fn next_text(&mut self) -> Result<Option<Result<Arrival, LargeFrame>>, SessionError> {
        loop {
            match self.decoder.next_or_large()? {
                Some(Complete::Frame(frame)) => return Ok(Some(Ok(Arrival::Text(frame.into_text())))),
                Some(Complete::Large(large)) => return Ok(Some(Err(large))),
                None => {}
            }
            let Some(stream) = self.stream.as_mut() else { return Ok(None) };
            match stream.read(&mut |record| self.decoder.push(record))? {
                Received::Data(_) => self.heard = true,
                Received::Pending => return Ok(None),
                Received::Closed => {
                    self.phase = Phase::Over;
                    return Ok(Some(Ok(Arrival::Closed)));
                }
            }
        }
    }

    fn lost(&mut self, error: SessionError) -> Arrival {
        self.phase = Phase::Over;
        Arrival::Failed(error)
    }

    /// Queues a message. Nothing is queued when it is too large, or when the connection is not up.
    pub(super) fn send(&mut self, message: &EncodedMessage) -> Result<(), FrameError> {
        if self.phase != Phase::Established {
            return Ok(());
        }
        let header = encode_header(self.last_id.wrapping_add(1), message.text_len())?;
        self.last_id = self.last_id.wrapping_add(1);
        let sealed = if self.unsealed.is_empty() { self.seal(message, &header, 0) } else { 0 };
        if sealed < HEADER_LEN.saturating_add(message.0.len()) {
            self.unsealed_bytes = self.unsealed_bytes.saturating_add(message.0.len());
            self.unsealed.push_back(Unsealed { message: message.clone(), header, sealed });
        }
        Ok(())
    }

    /// Makes records of what follows the first `sealed` bytes of a message and its header, as long as little output
    /// waits; how many bytes are sealed then.
    fn seal(&mut self, message: &EncodedMessage, header: &[u8; HEADER_LEN], mut sealed: usize) -> usize {
        let length = HEADER_LEN.saturating_add(message.0.len());
        while let Some(stream) = self.stream.as_mut().filter(|stream| stream.output().len() < SEALED)
            && sealed < length
        {
            let record = match sealed.checked_sub(HEADER_LEN) {
                None => header.as_slice(),
                Some(at) => message.0.get(at..).unwrap_or_default(),
            };
            let record = record.get(..MAX_RECORD_LEN).unwrap_or(record);
            if let Err(error) = stream.write_record(record) {
                // What went wrong is told by the next call of `next`.
                self.refused = Some(error);
                return length;
            }
            sealed = sealed.saturating_add(record.len());
        }
        sealed
    }

    /// Goes on with what waits to be sealed, and says goodbye behind it.
    fn seal_more(&mut self) {
        while let Some(mut next) = self.unsealed.pop_front() {
            next.sealed = self.seal(&next.message, &next.header, next.sealed);
            if next.sealed < HEADER_LEN.saturating_add(next.message.0.len()) {
                return self.unsealed.push_front(next);
            }
            self.unsealed_bytes = self.unsealed_bytes.saturating_sub(next.message.0.len());
        }
        if let Some(stream) = self.stream.as_mut().filter(|_| std::mem::take(&mut self.ends)) {
            stream.shutdown();
        }
    }

    /// Ciphertext for the socket; there is none only when nothing waits.
    pub(super) fn output(&self) -> &[u8] {
        self.stream.as_ref().map_or(&[], |stream| stream.output())
    }

    /// Bytes that wait to be sent, sealed or not.
    pub(super) fn queued_bytes(&self) -> usize {
        self.output().len().saturating_add(self.unsealed_bytes)
    }

    pub(super) fn sent(&mut self, count: usize) {
        if let Some(stream) = &mut self.stream {
            stream.sent(count);
        }
        if !self.unsealed.is_empty() {
            self.seal_more();
        }
    }

    /// Forgets what waits to be sent.
    pub(super) fn discard_output(&mut self) {
        (self.unsealed, self.unsealed_bytes, self.ends) = (VecDeque::new(), 0, false);
        self.sent(self.output().len());
    }

    /// Bytes of a message that arrives.
    pub(super) fn received_bytes(&self) -> usize {
        self.decoder.held_bytes()
    }

    /// Gives back what is held. Nothing more is received or sent.
    pub(super) fn abandon(&mut self) {
        self.phase = Phase::Over;
        self.stream = None;
        self.decoder = FrameDecoder::new();
        self.discard_output();
    }

    /// Has part of a message arrived? Meaningful after `next` returned None.
    pub(super) fn mid_message(&self) -> bool {
        self.phase == Phase::Established
            && (self.decoder.awaiting().is_some()
                || self.stream.as_ref().is_some_and(|stream| stream.has_partial_record()))
    }

    pub(super) fn is_established(&self) -> bool {
        self.phase == Phase::Established
    }

    /// Was the handshake finished, whatever has happened since?
    pub(super) fn was_established(&self) -> bool {
        self.established
    }

    /// Has the peer sent anything behind the handshake?
    pub(super) fn has_heard(&self) -> bool {
        self.heard
    }

    /// The peer's certificate, if it has shown one.
    pub(super) fn peer_certificate(&self) -> Option<About> {
        self.stream
            .as_ref()
            .filter(|stream| stream.uses_certificates())
            .and_then(|stream| stream.peer_certificate())
    }

    /// Version and cipher suite, for logs.
    pub(super) fn describe(&self) -> (&'static str, &'static str) {
        self.stream.as_ref().map_or(("no TLS", "none"), |stream| stream.describe())
    }

    /// Says goodbye behind what is queued, if the handshake is finished. Nothing more is received or queued.
    pub(super) fn close(&mut self) {
        self.ends = self.phase == Phase::Established;
        self.phase = Phase::Over;
        self.seal_more();
    }
}
