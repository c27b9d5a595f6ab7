// SPDX-License-Identifier: LGPL-2.1-or-later
//! A client of the executor on the same node: texts in and out, over the client core. Who carries them, and the
//! header of local messages, is the driver's business.
use super::client::{ClientEvent, Messages, Origin};
use crate::core::{Client, ClientCarrier, RequestId};
use crate::model::Moment;
use crate::wire::codec::Envelope;

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
pub struct LocalClientSession(Messages);

impl LocalClientSession {
    /// A client that has not signed on. `client_name`: as for [`ClientSession`](super::ClientSession::new).
    pub fn new(client_name: Option<&str>, is_provider: bool) -> Self {
        Self(Messages::new(client_name, is_provider, ClientCarrier::Local))
    }

    /// The client's side of the protocol: for the connection's beginning and end, to ask, and for its deadline. What
    /// the executor sends reaches it through this session.
    pub const fn core(&mut self) -> &mut Client {
        &mut self.0.core
    }

    /// When the core's [`tick`](Client::tick) is due.
    pub fn next_deadline(&self) -> Option<Moment> {
        self.0.core.next_deadline()
    }

    /// The response to request `id` came.
    pub fn response(&mut self, id: i32, text: &str) {
        self.0.take(text, Origin::Response(RequestId(u32::try_from(id).unwrap_or_default())));
    }

    /// Something unasked came.
    pub fn event(&mut self, text: &str) {
        self.0.take(text, Origin::Event);
    }

    /// The next thing that happened; None: more has to be received, or asked.
    pub fn next_event(&mut self) -> Option<ClientEvent> {
        self.0.next_event()
    }

    /// Would [`next_event`](Self::next_event) give something, or [`next_request`](Self::next_request)?
    pub fn has_events(&self) -> bool {
        !self.0.is_idle()
    }

    /// The next message for the executor.
    pub fn next_request(&mut self) -> Option<LocalRequest> {
        let outgoing = self.0.next_request()?;
        let waited = self.0.core.is_waiting_for(outgoing.request_id);
        let id = i32::try_from(outgoing.request_id.0).unwrap_or_default();
        Some(LocalRequest { id, waited, text: self.0.encode(outgoing, Envelope::Local) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::{ClientError, ClientOutput};
    use crate::model::{
        CallId, ClientId, Millis, Notification, ProtocolVersion, Registered, Reply, ReplyBody, Request, errno,
    };
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
        session.core().connected(NOW);
        assert!(session.next_event().is_none());
        let hello = session.next_request().unwrap();
        assert!(hello.waited && hello.text.contains("lrmd_clientname=\"tester\""), "{hello:?}");
        assert!(session.next_deadline().is_none(), "the local executor may take its time");
        session.response(hello.id, &registered());
        assert!(matches!(session.next_event(), Some(ClientEvent::Core(ClientOutput::Ready { .. }))));
        session
    }

    #[test]
    fn a_notification_waits_for_the_end_of_a_call() {
        let mut session = ready();
        let asked = session.core().call_with(Request::Poke, 0, Millis(100), NOW).unwrap();
        assert!(session.next_event().is_none());
        let request = session.next_request().unwrap();
        session.event(&encode_notification(&Notification::NewClient, Envelope::Local));
        assert!(session.next_event().is_none());
        session.response(request.id, &plain(-errno::ENODEV));
        assert!(matches!(session.next_event(), Some(ClientEvent::Core(ClientOutput::Answered(id, reply)))
            if id == asked && reply.rc == -errno::ENODEV));
        assert_eq!(
            session.next_event(),
            Some(ClientEvent::Core(ClientOutput::Notification(Notification::NewClient)))
        );
    }

    #[test]
    fn a_late_response_opens_the_way_again() {
        let mut session = ready();
        let asked = session.core().call_with(Request::Poke, 0, Millis(100), NOW).unwrap();
        assert!(session.next_event().is_none());
        let request = session.next_request().unwrap();
        let later = Moment::new(Duration::from_millis(100));
        session.core().tick(later);
        let unanswered = ClientOutput::Unanswered(asked, ClientError::TimedOut);
        assert_eq!(session.next_event(), Some(ClientEvent::Core(unanswered)));
        assert_eq!(session.core().call_with(Request::Poke, 0, Millis(100), later), Err(ClientError::Stale));
        session.response(request.id, &plain(0));
        assert!(session.next_event().is_none());
        assert!(session.core().call_with(Request::Poke, 0, Millis(100), later).is_ok());
    }

    #[test]
    fn a_refusal_ends_the_wait() {
        let mut session = ready();
        let asked = session.core().call_with(Request::Poke, 0, Millis(100), NOW).unwrap();
        assert!(session.next_event().is_none());
        let request = session.next_request().unwrap();
        session.response(request.id, r#"<ack status="1"/>"#);
        assert!(matches!(session.next_event(), Some(ClientEvent::Undecodable(_))));
        let unanswered = ClientOutput::Unanswered(asked, ClientError::Refused);
        assert_eq!(session.next_event(), Some(ClientEvent::Core(unanswered)));
    }
}
