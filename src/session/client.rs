// SPDX-License-Identifier: LGPL-2.1-or-later
//! A connection to an executor over TLS: the handshake, then the client core on top of it.
use super::channel::{Arrival, Channel, EncodedMessage};
use super::error::SessionError;
use crate::core::{
    Client, ClientCarrier, ClientError, ClientOutput, ClientSettings, FromServer, Outgoing, RequestId,
};
use crate::model::{ClientId, Incoming, Millis, Moment, Notification, ProtocolVersion, Reply, Request};
use crate::sys::tls::{ClientContext, Stream};
use crate::wire::codec::{self, Envelope, RequestFields, decode_from_server, encode_request};
use std::collections::VecDeque;

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
    /// Signed on: calls are possible.
    Ready {
        /// Our identity on this connection.
        client_id: ClientId,
        /// The server's version of the lrmd protocol.
        version: ProtocolVersion,
        /// The whole answer.
        reply: Reply,
    },
    /// The call got its answer.
    Answered(RequestId, Reply),
    /// The call will get none.
    Unanswered(RequestId, ClientError),
    /// The answer to a request that nobody waited for.
    LateReply(RequestId, Reply),
    /// The server tells something. Never while a call waits.
    Notification(Notification),
    /// A message that is none, with the reason; it is skipped.
    Undecodable(String),
    /// A request was not sent, with the reason. The call that it belongs to runs into its limit.
    Unsendable(String),
    /// The server closed, we closed, or the protocol failed. Nothing follows.
    Disconnected(ClientError),
    /// TLS or the frames failed; [`ClientEvent::Disconnected`] follows if the client had signed on.
    Failed(SessionError),
}

/// One connection, from handshake to goodbye. The driver passes bytes and the time; see
/// [`ServerSession`](super::ServerSession) for the order of calls.
#[derive(Debug)]
pub struct ClientSession {
    channel: Channel,
    core: Client,
    name: Option<String>,
    /// Told before anything else.
    urgent: VecDeque<ClientEvent>,
}

impl ClientSession {
    /// A connection that begins with the first [`next_event`](Self::next_event). `client_name`: what the server
    /// shall call us; without one it tells us nothing unasked.
    pub fn new(context: &ClientContext, client_name: Option<&str>, is_provider: bool) -> Self {
        let name = client_name.map(str::to_owned);
        let settings = ClientSettings { name: name.clone(), is_provider, carrier: ClientCarrier::Remote };
        Self {
            channel: Channel::new(Stream::client(context)),
            core: Client::new(settings),
            name,
            urgent: VecDeque::new(),
        }
    }

    /// Takes what came from the socket.
    pub fn receive(&mut self, ciphertext: &[u8]) {
        self.channel.receive(ciphertext);
    }

    /// The socket is closed.
    pub fn disconnected(&mut self) {
        self.channel.close();
        self.core.disconnected();
    }

    /// The next thing that happened; None: more has to be received, or asked.
    pub fn next_event(&mut self, now: Moment) -> Option<ClientEvent> {
        loop {
            if let Some(event) = self.urgent.pop_front() {
                return Some(event);
            }
            match self.core.poll() {
                Some(ClientOutput::Send(outgoing)) => self.transmit(outgoing),
                Some(output) => return event(output),
                None => self.take_arrival(now)?,
            }
        }
    }

    fn take_arrival(&mut self, now: Moment) -> Option<()> {
        match self.channel.next()? {
            Arrival::Handshaken => {
                let (version, cipher) = self.channel.describe();
                self.urgent.push_back(ClientEvent::Handshaken { version, cipher });
                self.core.connected(now);
            }
            Arrival::Text(text) => self.take_text(&text),
            Arrival::Closed => self.core.disconnected(),
            Arrival::Failed(error) => {
                self.urgent.push_back(ClientEvent::Failed(error));
                self.core.disconnected();
            }
        }
        Some(())
    }

    fn take_text(&mut self, text: &str) {
        match decode_from_server(text) {
            Ok((codec::FromServer::Reply(reply), received)) => {
                let id = RequestId(received.msg_id.unwrap_or_default());
                self.core.received(FromServer::Reply(id, reply));
            }
            Ok((codec::FromServer::Notification(notification), _)) => {
                self.core.received(FromServer::Notification(notification));
            }
            Ok((codec::FromServer::Refused { status }, _)) => {
                let text = format!("the server did not take a request (status {status})");
                self.urgent.push_back(ClientEvent::Undecodable(text));
            }
            Ok((codec::FromServer::Unknown { op }, _)) => {
                self.urgent.push_back(ClientEvent::Undecodable(format!("unknown notification \"{op}\"")));
            }
            Err(error) => self.urgent.push_back(ClientEvent::Undecodable(error.to_string())),
        }
    }

    fn transmit(&mut self, outgoing: Outgoing) {
        let Outgoing { request_id, timeout, token, options, request } = outgoing;
        let incoming = Incoming { client_name: self.name.clone(), options, request };
        let fields = RequestFields { timeout, token: token.as_ref().map(ClientId::as_str) };
        let text = encode_request(&incoming, &fields, Envelope::Tls { msg_id: request_id.0 });
        if let Err(error) = self.channel.send(&EncodedMessage::new(text)) {
            self.urgent.push_back(ClientEvent::Unsendable(error.to_string()));
        }
    }

    /// Asks and waits: see [`Client::call`].
    pub fn call(&mut self, request: Request, timeout: Millis, now: Moment) -> Result<RequestId, ClientError> {
        self.core.call(request, timeout, now)
    }

    /// The same with option bits for the message.
    pub fn call_with(
        &mut self,
        request: Request,
        options: u32,
        timeout: Millis,
        now: Moment,
    ) -> Result<RequestId, ClientError> {
        self.core.call_with(request, options, timeout, now)
    }

    /// Signed on?
    pub fn is_ready(&self) -> bool {
        self.core.is_ready()
    }

    /// Asks without waiting: see [`Client::send`].
    pub fn send(&mut self, request: Request) -> Result<RequestId, ClientError> {
        self.core.send(request)
    }

    /// When [`tick`](Self::tick) is due.
    pub fn next_deadline(&self) -> Option<Moment> {
        self.core.next_deadline()
    }

    /// A deadline may have passed.
    pub fn tick(&mut self, now: Moment) {
        self.core.tick(now);
    }

    /// Is the handshake finished?
    pub fn is_established(&self) -> bool {
        self.channel.is_established()
    }

    /// Ciphertext for the socket. Requests appear here once [`next_event`](Self::next_event) was called.
    pub fn output(&self) -> &[u8] {
        self.channel.output()
    }

    /// The first `count` bytes of the output were passed on.
    pub fn sent(&mut self, count: usize) {
        self.channel.sent(count);
    }

    /// Says goodbye. Nothing more is received or queued.
    pub fn close(&mut self) {
        self.channel.close();
        self.core.close();
    }
}

pub(super) fn event(output: ClientOutput) -> Option<ClientEvent> {
    Some(match output {
        ClientOutput::Send(_) => return None,
        ClientOutput::Ready { client_id, version, reply } => ClientEvent::Ready { client_id, version, reply },
        ClientOutput::Answered(id, reply) => ClientEvent::Answered(id, reply),
        ClientOutput::Failed(id, error) => ClientEvent::Unanswered(id, error),
        ClientOutput::LateReply(id, reply) => ClientEvent::LateReply(id, reply),
        ClientOutput::Notification(notification) => ClientEvent::Notification(notification),
        ClientOutput::Disconnected(error) => ClientEvent::Disconnected(error),
    })
}
