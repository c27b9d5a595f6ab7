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
use crate::wire::frame::{FrameDecoder, FrameError, encode_header};
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

/// TLS and frames of one connection.
#[derive(Debug)]
pub(super) struct Channel {
    /// None when OpenSSL could not make one; told by the first [`Channel::next`].
    stream: Option<Box<dyn TlsStream>>,
    refused: Option<TlsError>,
    phase: Phase,
    decoder: FrameDecoder,
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
        if let Some(error) = self.refused.take() {
            return Some(self.lost(error.into()));
        }
        match self.phase {
            Phase::Over => None,
            Phase::Handshake => match self.stream.as_mut()?.handshake() {
                Ok(Progress::Pending) => None,
                Ok(Progress::Done) => {
                    self.phase = Phase::Established;
                    self.established = true;
                    Some(Arrival::Handshaken)
                }
                Err(error) => Some(self.lost(error.into())),
            },
            Phase::Established => match self.next_text() {
                Ok(arrival) => arrival,
                Err(error) => Some(self.lost(error)),
            },
        }
    }

    /// Empties the decoder before it is given more, so that a bad header is seen before its payload is kept.
    fn next_text(&mut self) -> Result<Option<Arrival>, SessionError> {
        loop {
            if let Some(frame) = self.decoder.next()? {
                return Ok(Some(Arrival::Text(frame.into_text())));
            }
            let Some(stream) = self.stream.as_mut() else { return Ok(None) };
            match stream.read(&mut |record| self.decoder.push(record))? {
                Received::Data(_) => self.heard = true,
                Received::Pending => return Ok(None),
                Received::Closed => {
                    self.phase = Phase::Over;
                    return Ok(Some(Arrival::Closed));
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
        let records = std::iter::once(header.as_slice()).chain(message.0.chunks(MAX_RECORD_LEN));
        for record in records {
            let written = self.stream.as_mut().map_or(Ok(()), |stream| stream.write_record(record));
            if let Err(error) = written {
                // What went wrong is told by the next call of `next`.
                self.refused = Some(error);
                break;
            }
        }
        Ok(())
    }

    pub(super) fn output(&self) -> &[u8] {
        self.stream.as_ref().map_or(&[], |stream| stream.output())
    }

    pub(super) fn sent(&mut self, count: usize) {
        if let Some(stream) = &mut self.stream {
            stream.sent(count);
        }
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

    /// Which of a server's credentials the peer was accepted with: 0 for the first.
    pub(super) fn credential_place(&self) -> usize {
        self.stream.as_ref().map_or(0, |stream| stream.credential_place())
    }

    /// Version and cipher suite, for logs.
    pub(super) fn describe(&self) -> (&'static str, &'static str) {
        self.stream.as_ref().map_or(("no TLS", "none"), |stream| stream.describe())
    }

    /// Says goodbye, if the handshake is finished. Nothing more is received or sent.
    pub(super) fn close(&mut self) {
        if let Some(stream) = self.stream.as_mut().filter(|_| self.phase == Phase::Established) {
            stream.shutdown();
        }
        self.phase = Phase::Over;
    }
}
