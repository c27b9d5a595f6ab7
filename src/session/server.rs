// SPDX-License-Identifier: LGPL-2.1-or-later
//! An accepted connection.
use super::channel::{Arrival, Channel, EncodedMessage};
use super::error::SessionError;
use crate::core::RequestToken;
use crate::model::{Notification, Reply, RequestMessage};
use crate::sys::tls::{ServerContext, Stream};
use crate::sys::x509::About;
use crate::wire::codec::{Envelope, decode_incoming, encode_notification, encode_reply};
use crate::wire::frame::{FrameError, LargeFrame};
use std::collections::VecDeque;

/// What a connection has to tell.
#[derive(Debug, PartialEq)]
pub enum ServerEvent {
    /// The peer has the key, or a certificate that is accepted. Comes once, before any message.
    Handshaken {
        /// Protocol version, for logs.
        version: &'static str,
        /// Cipher suite, for logs.
        cipher: &'static str,
        /// The peer's certificate; None: it has the key.
        certificate: Option<Box<About>>,
    },
    /// A request.
    Message {
        /// For the reply.
        token: RequestToken,
        /// The request.
        incoming: RequestMessage,
    },
    /// A message that is none, with the reason; it is skipped and the connection goes on.
    Undecodable(String),
    /// A message to the peer was not sent, with the reason: it is too large. The connection goes on.
    Unsendable(String),
    /// The peer is done. Nothing follows.
    Closed,
    /// The connection is lost. Nothing follows; there may be output that tells the peer.
    Failed(SessionError),
}

impl ServerEvent {
    /// Is it what came of a message from the peer?
    pub const fn is_message(&self) -> bool {
        matches!(self, Self::Message { .. } | Self::Undecodable(_))
    }
}

/// What a connection has to tell, or a message that is to be read first.
#[derive(Debug)]
pub enum ServerStep {
    /// Something happened.
    Event(ServerEvent),
    /// A message that may be costly to read.
    Large(LargeMessage),
}

/// A message that is large, or compressed and may become large. Any thread may read it.
#[derive(Debug)]
pub struct LargeMessage(LargeFrame);

impl LargeMessage {
    /// Bytes of memory that it takes until it is read.
    pub fn held_bytes(&self) -> usize {
        self.0.held_bytes()
    }

    /// What it says: a [`Message`](ServerEvent::Message), or why it is none; and how many bytes of text it was.
    pub fn decode(self) -> (ServerEvent, usize) {
        match self.0.decode() {
            Ok(frame) => {
                let text = frame.into_text();
                (read_message(&text), text.len())
            }
            Err(error) => (ServerEvent::Failed(error.into()), 0),
        }
    }
}

fn read_message(text: &str) -> ServerEvent {
    match decode_incoming(text) {
        Ok(decoded) => ServerEvent::Message {
            token: RequestToken(decoded.received.msg_id.unwrap_or_default()),
            incoming: decoded.incoming,
        },
        Err(error) => ServerEvent::Undecodable(error.to_string()),
    }
}

/// A notification in the form that all TLS connections share.
#[derive(Clone, Debug)]
pub struct EncodedNotification(EncodedMessage);

impl EncodedNotification {
    /// Encodes once, for any number of [`ServerSession::send_notification`].
    pub fn new(notification: &Notification) -> Self {
        Self(EncodedMessage::new(encode_notification(notification, Envelope::Tls { msg_id: 0 })))
    }
}

/// One accepted connection: feed it with [`receive`](Self::receive), then call
/// [`next_event`](Self::next_event) until it returns None, then pass [`output`](Self::output) on.
#[derive(Debug)]
pub struct ServerSession {
    channel: Channel,
    unsendable: VecDeque<String>,
    /// Length of the text of the latest message.
    message_bytes: usize,
}

impl ServerSession {
    /// A connection that has heard nothing yet.
    pub fn new(context: &ServerContext) -> Self {
        Self { channel: Channel::new(Stream::server(context)), unsendable: VecDeque::new(), message_bytes: 0 }
    }

    /// Takes what came from the socket.
    pub fn receive(&mut self, ciphertext: &[u8]) {
        self.channel.receive(ciphertext);
    }

    /// The next thing that happened; None: more has to be received.
    pub fn next_event(&mut self) -> Option<ServerEvent> {
        match self.step()? {
            ServerStep::Event(event) => Some(event),
            ServerStep::Large(large) => {
                let (event, bytes) = large.decode();
                self.message_bytes = bytes;
                Some(event)
            }
        }
    }

    /// The same, but messages that may be costly to read are left to the caller, who is to read them before asking for
    /// the next event.
    pub fn step(&mut self) -> Option<ServerStep> {
        if let Some(reason) = self.unsendable.pop_front() {
            return Some(ServerStep::Event(ServerEvent::Unsendable(reason)));
        }
        let arrival = match self.channel.next_or_large()? {
            Ok(arrival) => arrival,
            Err(large) => return Some(ServerStep::Large(LargeMessage(large))),
        };
        Some(ServerStep::Event(match arrival {
            Arrival::Handshaken => {
                let (version, cipher) = self.channel.describe();
                let certificate = self.channel.peer_certificate().map(Box::new);
                ServerEvent::Handshaken { version, cipher, certificate }
            }
            Arrival::Text(text) => {
                self.message_bytes = text.len();
                read_message(&text)
            }
            Arrival::Closed => ServerEvent::Closed,
            Arrival::Failed(error) => ServerEvent::Failed(error),
        }))
    }

    /// How long the text of the latest message was, in bytes: what is kept of it may be as long.
    pub fn message_bytes(&self) -> usize {
        self.message_bytes
    }

    /// Queues the answer to a request.
    pub fn send_reply(&mut self, token: RequestToken, reply: &Reply) {
        let text = encode_reply(reply, Envelope::Tls { msg_id: token.0 });
        let sent = self.channel.send(&EncodedMessage::new(text));
        self.note_unsendable("a reply", sent);
    }

    /// Queues a notification.
    pub fn send_notification(&mut self, notification: &EncodedNotification) {
        let sent = self.channel.send(&notification.0);
        self.note_unsendable("a notification", sent);
    }

    fn note_unsendable(&mut self, what: &str, sent: Result<(), FrameError>) {
        if let Err(error) = sent {
            self.unsendable.push_back(format!("{what} was not sent: {error}"));
        }
    }

    /// Ciphertext for the socket; there is none only when nothing waits. More follows when it was sent.
    pub fn output(&self) -> &[u8] {
        self.channel.output()
    }

    /// Bytes that wait to be sent, of which [`output`](Self::output) may be the first only.
    pub fn queued_bytes(&self) -> usize {
        self.channel.queued_bytes()
    }

    /// Bytes of memory that hold what the peer has sent of a message, or have held it.
    pub fn received_bytes(&self) -> usize {
        self.channel.received_bytes()
    }

    /// Gives back what is held. Nothing more is received or sent, not even a goodbye.
    pub fn abandon(&mut self) {
        self.channel.abandon();
    }

    /// The first `count` bytes of the output were passed on.
    pub fn sent(&mut self, count: usize) {
        self.channel.sent(count);
    }

    /// Has part of a message arrived? Meaningful after [`next_event`](Self::next_event) returned None.
    pub fn mid_message(&self) -> bool {
        self.channel.mid_message()
    }

    /// Says goodbye after what is queued. Nothing more is received or queued.
    pub fn close(&mut self) {
        self.channel.close();
    }
}
