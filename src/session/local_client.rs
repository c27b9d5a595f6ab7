// SPDX-License-Identifier: LGPL-2.1-or-later
//! A client of the executor on the same node: texts in and out, over the client core. Who carries them, and the
//! header of local messages, is the driver's business.
use super::client::{ClientEvent, event};
use crate::core::{
    Client, ClientCarrier, ClientError, ClientOutput, ClientSettings, FromServer, Outgoing, RequestId,
};
use crate::model::{ClientId, Incoming, Millis, Moment, Request};
use crate::wire::codec::{self, Envelope, RequestFields, decode_from_server, encode_request};
use std::collections::VecDeque;

/// A message to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalRequest {
    /// Its number, for the header.
    pub id: i32,
    /// Does the client wait for the response? Executors take no other requests.
    pub waited: bool,
    /// Its text.
    pub text: String,
}

/// One connection to the local executor.
#[derive(Debug)]
pub struct LocalClientSession {
    core: Client,
    name: Option<String>,
    outgoing: VecDeque<LocalRequest>,
    urgent: VecDeque<ClientEvent>,
}

impl LocalClientSession {
    /// A client that has not signed on. `client_name`: as for [`ClientSession`](super::ClientSession::new).
    pub fn new(client_name: Option<&str>, is_provider: bool) -> Self {
        let name = client_name.map(str::to_owned);
        let settings = ClientSettings { name: name.clone(), is_provider, carrier: ClientCarrier::Local };
        Self { core: Client::new(settings), name, outgoing: VecDeque::new(), urgent: VecDeque::new() }
    }

    /// The connection is there: signs on.
    pub fn connected(&mut self, now: Moment) {
        self.core.connected(now);
    }

    /// The connection is gone.
    pub fn disconnected(&mut self) {
        self.core.disconnected();
    }

    /// The response to request `id` came.
    pub fn response(&mut self, id: i32, text: &str) {
        let id = RequestId(u32::try_from(id).unwrap_or_default());
        match decode_from_server(text) {
            Ok((codec::FromServer::Reply(reply), _)) => self.core.received(FromServer::Reply(id, reply)),
            Ok((codec::FromServer::Refused { status }, _)) => {
                let text = format!("the executor did not take a request (status {status})");
                self.urgent.push_back(ClientEvent::Undecodable(text));
                self.core.refused(id);
            }
            Ok(_) => {
                self.urgent.push_back(ClientEvent::Undecodable("a response that is no reply".to_owned()));
                self.core.refused(id);
            }
            Err(error) => {
                self.urgent.push_back(ClientEvent::Undecodable(error.to_string()));
                self.core.refused(id);
            }
        }
    }

    /// Something unasked came.
    pub fn event(&mut self, text: &str) {
        match decode_from_server(text) {
            Ok((codec::FromServer::Notification(notification), _)) => {
                self.core.received(FromServer::Notification(notification));
            }
            Ok((codec::FromServer::Unknown { op }, _)) => {
                self.urgent.push_back(ClientEvent::Undecodable(format!("unknown notification \"{op}\"")));
            }
            Ok(_) => {
                let text = "an event that is no notification".to_owned();
                self.urgent.push_back(ClientEvent::Undecodable(text));
            }
            Err(error) => self.urgent.push_back(ClientEvent::Undecodable(error.to_string())),
        }
    }

    /// The next thing that happened; None: more has to be received, or asked. What is to be sent is ready for
    /// [`next_request`](Self::next_request) then.
    pub fn next_event(&mut self) -> Option<ClientEvent> {
        loop {
            if let Some(event) = self.urgent.pop_front() {
                return Some(event);
            }
            match self.core.poll()? {
                ClientOutput::Send(outgoing) => self.queue(outgoing),
                output => return event(output),
            }
        }
    }

    /// The next message for the executor.
    pub fn next_request(&mut self) -> Option<LocalRequest> {
        self.outgoing.pop_front()
    }

    fn queue(&mut self, outgoing: Outgoing) {
        let Outgoing { request_id, timeout, token, options, request } = outgoing;
        let incoming = Incoming { client_name: self.name.clone(), options, request };
        let fields = RequestFields { timeout, token: token.as_ref().map(ClientId::as_str) };
        let text = encode_request(&incoming, &fields, Envelope::Local);
        let id = i32::try_from(request_id.0).unwrap_or_default();
        self.outgoing.push_back(LocalRequest { id, waited: self.core.is_waiting_for(request_id), text });
    }

    /// Asks and waits: see [`Client::call_with`].
    pub fn call_with(
        &mut self,
        request: Request,
        options: u32,
        timeout: Millis,
        now: Moment,
    ) -> Result<RequestId, ClientError> {
        self.core.call_with(request, options, timeout, now)
    }

    /// The request that is waited for was not sent: nobody will answer it.
    pub fn give_up(&mut self) {
        self.core.give_up();
    }

    /// Asks without waiting.
    pub fn send(&mut self, request: Request) -> Result<RequestId, ClientError> {
        self.core.send(request)
    }

    /// Signed on?
    pub fn is_ready(&self) -> bool {
        self.core.is_ready()
    }

    /// When [`tick`](Self::tick) is due.
    pub fn next_deadline(&self) -> Option<Moment> {
        self.core.next_deadline()
    }

    /// A deadline may have passed.
    pub fn tick(&mut self, now: Moment) {
        self.core.tick(now);
    }

    /// The caller wants no more.
    pub fn close(&mut self) {
        self.core.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{CallId, Notification, ProtocolVersion, Registered, Reply, ReplyBody, errno};
    use crate::wire::codec::{encode_notification, encode_reply};
    use std::time::Duration;

    const NOW: Moment = Moment::new(Duration::ZERO);

    fn registered() -> String {
        let registered = Registered {
            client_id: ClientId::new("id"),
            version: Some(ProtocolVersion::OURS),
            uptime_s: None,
            node_start_state: None,
        };
        let reply = Reply { rc: 0, call_id: CallId(0), body: ReplyBody::Registered(registered) };
        encode_reply(&reply, Envelope::Local)
    }

    fn plain(rc: i32) -> String {
        encode_reply(&Reply { rc, call_id: CallId(1), body: ReplyBody::Plain }, Envelope::Local)
    }

    fn ready() -> LocalClientSession {
        let mut session = LocalClientSession::new(Some("tester"), false);
        session.connected(NOW);
        assert!(session.next_event().is_none());
        let hello = session.next_request().unwrap();
        assert!(hello.waited && hello.text.contains("lrmd_clientname=\"tester\""), "{hello:?}");
        assert!(session.next_deadline().is_none(), "the local executor may take its time");
        session.response(hello.id, &registered());
        assert!(matches!(session.next_event(), Some(ClientEvent::Ready { .. })));
        session
    }

    #[test]
    fn a_notification_waits_for_the_end_of_a_call() {
        let mut session = ready();
        let asked = session.call_with(Request::Poke, 0, Millis(100), NOW).unwrap();
        assert!(session.next_event().is_none());
        let request = session.next_request().unwrap();
        session.event(&encode_notification(&Notification::NewClient, Envelope::Local));
        assert!(session.next_event().is_none());
        session.response(request.id, &plain(-errno::ENODEV));
        assert!(matches!(session.next_event(), Some(ClientEvent::Answered(id, reply))
            if id == asked && reply.rc == -errno::ENODEV));
        assert_eq!(session.next_event(), Some(ClientEvent::Notification(Notification::NewClient)));
    }

    #[test]
    fn a_late_response_opens_the_way_again() {
        let mut session = ready();
        let asked = session.call_with(Request::Poke, 0, Millis(100), NOW).unwrap();
        assert!(session.next_event().is_none());
        let request = session.next_request().unwrap();
        let later = Moment::new(Duration::from_millis(100));
        session.tick(later);
        assert_eq!(session.next_event(), Some(ClientEvent::Unanswered(asked, ClientError::TimedOut)));
        assert_eq!(session.call_with(Request::Poke, 0, Millis(100), later), Err(ClientError::Stale));
        session.response(request.id, &plain(0));
        assert!(session.next_event().is_none());
        assert!(session.call_with(Request::Poke, 0, Millis(100), later).is_ok());
    }

    #[test]
    fn a_refusal_ends_the_wait() {
        let mut session = ready();
        let asked = session.call_with(Request::Poke, 0, Millis(100), NOW).unwrap();
        assert!(session.next_event().is_none());
        let request = session.next_request().unwrap();
        session.response(request.id, r#"<ack status="1"/>"#);
        assert!(matches!(session.next_event(), Some(ClientEvent::Undecodable(_))));
        assert_eq!(session.next_event(), Some(ClientEvent::Unanswered(asked, ClientError::Refused)));
    }
}
