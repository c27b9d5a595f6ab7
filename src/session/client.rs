// SPDX-License-Identifier: LGPL-2.1-or-later
//! A connection to an executor over TLS: the handshake, then the client core on top of it.
use super::channel::{Arrival, Channel, EncodedMessage};
use super::error::SessionError;
use crate::core::{Client, ClientCarrier, ClientOutput, ClientSettings, FromServer, Outgoing, RequestId};
use crate::model::{ClientId, Moment, RequestMessage};
use crate::sys::tls::{ClientContext, Stream};
use crate::wire::MAX_MESSAGE;
use crate::wire::codec::{self, Envelope, RequestFields, decode_from_server, encode_request};
use std::collections::VecDeque;

/// The longest message before the sign-on is answered; the answer has some hundred bytes.
const MOST_BEFORE_SIGN_ON: usize = 64 * 1024;

/// What a connection has to tell.
#[derive(Debug, PartialEq)]
pub enum ClientEvent {
    /// The server has the key; the sign-on is on its way.
    Handshaken {
        /// Protocol version, for logs.
        version: &'static str,
        /// Cipher suite, for logs.
        cipher: &'static str,
    },
    /// The sign-on, answers, notifications, the connection's end.
    Core(ClientOutput),
    /// A message that cannot be read, with the reason; it is skipped.
    Undecodable(String),
    /// A request was not sent, with the reason. The call that it belongs to runs into its limit.
    Unsendable(String),
    /// TLS or the frames failed; [`ClientOutput::Disconnected`] follows if the client had begun to sign on.
    Failed(SessionError),
}

/// What a step of a session was.
#[derive(Debug, PartialEq)]
pub enum ClientStep {
    /// Something to be told.
    Happened(ClientEvent),
    /// A message was taken. What it causes is told by further steps.
    Worked,
    /// More has to be received, or asked.
    Idle,
}

/// One connection, from handshake to goodbye. The driver passes bytes and the time; see
/// [`ServerSession`](super::ServerSession) for the order of calls.
#[derive(Debug)]
pub struct ClientSession {
    channel: Channel,
    messages: Messages,
    /// What people call our certificate, if we show one.
    certificate: Option<String>,
}

impl ClientSession {
    /// A connection that begins with the first [`next_event`](Self::next_event). `client_name`: what the server
    /// shall call us; without one it tells us nothing unasked.
    pub fn new(context: &ClientContext, client_name: Option<&str>, is_provider: bool) -> Self {
        let messages = Messages::new(client_name, is_provider, ClientCarrier::Remote);
        let certificate = context.certificate().map(str::to_owned);
        let mut channel = Channel::new(Stream::client(context));
        channel.limit_messages(MOST_BEFORE_SIGN_ON);
        Self { channel, messages, certificate }
    }

    /// Our certificate, as long as the server has said nothing behind the handshake: it may still refuse it.
    pub fn unheard_certificate(&self) -> Option<&str> {
        self.certificate.as_deref().filter(|_| self.channel.was_established() && !self.channel.has_heard())
    }

    /// Takes what came from the socket.
    pub fn receive(&mut self, ciphertext: &[u8]) {
        self.channel.receive(ciphertext);
    }

    /// The socket is closed.
    pub fn disconnected(&mut self) {
        self.channel.close();
        self.messages.core.disconnected();
    }

    /// The next thing that happened; None: more has to be received, or asked.
    pub fn next_event(&mut self, now: Moment) -> Option<ClientEvent> {
        loop {
            match self.step(now) {
                ClientStep::Happened(event) => return Some(event),
                ClientStep::Worked => {}
                ClientStep::Idle => return None,
            }
        }
    }

    /// The same, one message at a time: for drivers that keep time.
    pub fn step(&mut self, now: Moment) -> ClientStep {
        self.transmit_queued();
        if let Some(event) = self.messages.next_event() {
            return ClientStep::Happened(event);
        }
        match self.take_arrival(now) {
            Some(()) => ClientStep::Worked,
            None => ClientStep::Idle,
        }
    }

    /// Makes output of the requests, and takes nothing of what has come. The answer is an
    /// [`Unsendable`](ClientEvent::Unsendable) request, if there was one.
    pub fn submit(&mut self) -> Option<ClientEvent> {
        self.transmit_queued();
        self.messages.take_unsendable()
    }

    fn transmit_queued(&mut self) {
        while let Some(outgoing) = self.messages.next_request() {
            self.transmit(outgoing);
        }
    }

    /// Has [`next_event`](Self::next_event) nothing to do unless more is received, or asked? A message of which a part
    /// is there counts as something to do.
    pub fn is_idle(&self) -> bool {
        self.messages.is_idle() && !self.channel.mid_message()
    }

    fn take_arrival(&mut self, now: Moment) -> Option<()> {
        match self.channel.next()? {
            Arrival::Handshaken => {
                let (version, cipher) = self.channel.describe();
                self.messages.tell(ClientEvent::Handshaken { version, cipher });
                self.messages.core.connected(now);
            }
            Arrival::Text(text) => {
                let was_ready = self.messages.core.is_ready();
                self.messages.take(&text, Origin::Stream);
                if !was_ready && self.messages.core.is_ready() {
                    self.channel.limit_messages(MAX_MESSAGE);
                }
            }
            Arrival::Closed => self.messages.core.disconnected(),
            Arrival::Failed(error) => {
                self.messages.tell(ClientEvent::Failed(error));
                self.messages.core.disconnected();
            }
        }
        Some(())
    }

    fn transmit(&mut self, outgoing: Outgoing) {
        let envelope = Envelope::Tls { msg_id: outgoing.request_id.0 };
        let text = self.messages.encode(outgoing, envelope);
        if let Err(error) = self.channel.send(&EncodedMessage::new(text)) {
            self.messages.tell(ClientEvent::Unsendable(error.to_string()));
        }
    }

    /// The client's side of the protocol: to ask, and for its deadline. What the server sends reaches it through this
    /// session.
    pub const fn core(&mut self) -> &mut Client {
        &mut self.messages.core
    }

    /// When the core's [`tick`](Client::tick) is due.
    pub fn next_deadline(&self) -> Option<Moment> {
        self.messages.core.next_deadline()
    }

    /// Is the handshake finished?
    pub fn is_established(&self) -> bool {
        self.channel.is_established()
    }

    /// Ciphertext for the socket; more follows when it was sent. Requests appear here once
    /// [`next_event`](Self::next_event) was called.
    pub fn output(&self) -> &[u8] {
        self.channel.output()
    }

    /// Bytes that wait to be sent, of which [`output`](Self::output) may be the first only.
    pub fn queued_bytes(&self) -> usize {
        self.channel.queued_bytes()
    }

    /// The first `count` bytes of the output were passed on.
    pub fn sent(&mut self, count: usize) {
        self.channel.sent(count);
    }

    /// Forgets the output: the other side takes nothing more.
    pub fn discard_output(&mut self) {
        self.channel.discard_output();
    }

    /// Says goodbye. Nothing more is received or queued.
    pub fn close(&mut self) {
        self.channel.close();
        self.messages.core.close();
    }
}

/// The client core, and how messages get into it and out of it: the same for both carriers.
#[derive(Debug)]
pub(super) struct Messages {
    pub(super) core: Client,
    name: Option<String>,
    /// Told before what the core tells.
    urgent: VecDeque<ClientEvent>,
}

/// Where a text came from.
#[derive(Clone, Copy)]
pub(super) enum Origin {
    /// A connection on which replies and notifications follow each other.
    Stream,
    /// The response to this request.
    Response(RequestId),
    /// Sent unasked.
    Event,
}

impl Messages {
    pub(super) fn new(client_name: Option<&str>, is_provider: bool, carrier: ClientCarrier) -> Self {
        let name = client_name.map(str::to_owned);
        let core = Client::new(ClientSettings { name: name.clone(), is_provider, carrier });
        Self { core, name, urgent: VecDeque::new() }
    }

    pub(super) fn tell(&mut self, event: ClientEvent) {
        self.urgent.push_back(event);
    }

    pub(super) fn next_event(&mut self) -> Option<ClientEvent> {
        self.urgent.pop_front().or_else(|| self.core.poll().map(ClientEvent::Core))
    }

    /// Would neither [`next_event`](Self::next_event) nor [`next_request`](Self::next_request) give anything?
    pub(super) fn is_idle(&self) -> bool {
        self.urgent.is_empty() && !self.core.has_output()
    }

    fn take_unsendable(&mut self) -> Option<ClientEvent> {
        let unsendable = matches!(self.urgent.back(), Some(ClientEvent::Unsendable(_)));
        if unsendable { self.urgent.pop_back() } else { None }
    }

    /// None before what is urgent was told.
    pub(super) fn next_request(&mut self) -> Option<Outgoing> {
        self.urgent.is_empty().then(|| self.core.next_request())?
    }

    pub(super) fn encode(&self, outgoing: Outgoing, envelope: Envelope) -> String {
        let Outgoing { timeout, token, options, request, .. } = outgoing;
        let message = RequestMessage { client_name: self.name.clone(), options, request };
        let fields = RequestFields { timeout, token: token.as_ref().map(ClientId::as_str) };
        encode_request(&message, &fields, envelope)
    }

    pub(super) fn take(&mut self, text: &str, origin: Origin) {
        use codec::FromServer as Text;
        let reason = match (decode_from_server(text), origin) {
            (Ok((Text::Reply(reply), received)), Origin::Stream) => {
                let id = RequestId(received.msg_id.unwrap_or_default());
                return self.core.received(FromServer::Reply(id, reply));
            }
            (Ok((Text::Reply(reply), _)), Origin::Response(id)) => {
                return self.core.received(FromServer::Reply(id, reply));
            }
            (Ok((Text::Notification(notification), _)), Origin::Stream | Origin::Event) => {
                return self.core.received(FromServer::Notification(notification));
            }
            (Ok((Text::Refused { status }, _)), _) => {
                format!("the server did not take a request (status {status})")
            }
            (Ok((Text::Unknown { op }, _)), Origin::Stream | Origin::Event) => {
                format!("unknown notification \"{op}\"")
            }
            (Ok(_), Origin::Response(_)) => "a response that is no reply".to_owned(),
            (Ok(_), Origin::Event) => "an event that is no notification".to_owned(),
            (Err(error), _) => error.to_string(),
        };
        self.tell(ClientEvent::Undecodable(reason));
        if let Origin::Response(id) = origin {
            self.core.refused(id);
        }
    }
}
