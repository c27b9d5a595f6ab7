// SPDX-License-Identifier: LGPL-2.1-or-later
//! Both sessions joined in memory.
use super::*;
use crate::core::{ClientError, ClientOutput, RequestToken};
use crate::model::{
    CallId, ClientId, Millis, Moment, Notification, ProtocolVersion, Registered, Reply, ReplyBody, Request,
};
use crate::sys::tls::{ClientContext, Policy, Psk, Received, ServerContext, Stream, TlsError};
use crate::wire::frame::{FrameError, HEADER_LEN};

const NOW: Moment = Moment::new(std::time::Duration::ZERO);

fn key(byte: u8) -> Psk {
    Psk::new(vec![byte; 4096]).unwrap()
}

fn server() -> ServerSession {
    ServerSession::new(&ServerContext::new(&key(1), &Policy::default()).unwrap())
}

fn client(byte: u8) -> ClientSession {
    let context = ClientContext::new(&key(byte), &Policy::default()).unwrap();
    ClientSession::new(&context, Some("tester"), false)
}

struct Pair {
    client: ClientSession,
    server: ServerSession,
    heard: Vec<ClientEvent>,
    asked: Vec<ServerEvent>,
}

impl Pair {
    fn new(client: ClientSession) -> Self {
        Self { client, server: server(), heard: vec![], asked: vec![] }
    }

    /// Moves everything that is waiting, in pieces of `piece` bytes.
    fn pump(&mut self, piece: usize) {
        loop {
            while let Some(event) = self.client.next_event(NOW) {
                self.heard.push(event);
            }
            let mut moved = false;
            for part in self.client.output().to_vec().chunks(piece) {
                moved = true;
                self.server.receive(part);
                while let Some(event) = self.server.next_event() {
                    self.asked.push(event);
                }
            }
            self.client.sent(self.client.output().len());
            for part in self.server.output().to_vec().chunks(piece) {
                moved = true;
                self.client.receive(part);
                while let Some(event) = self.client.next_event(NOW) {
                    self.heard.push(event);
                }
            }
            self.server.sent(self.server.output().len());
            if !moved {
                return;
            }
        }
    }

    fn ready(piece: usize) -> Self {
        let mut pair = Self::new(client(1));
        pair.pump(piece);
        let token = RequestToken(1);
        assert!(matches!(pair.asked.remove(0), ServerEvent::Handshaken { version: "TLS 1.3", .. }));
        assert!(matches!(pair.asked.remove(0), ServerEvent::Message { token: RequestToken(1), .. }));
        pair.server.send_reply(token, &registered());
        pair.pump(piece);
        assert!(matches!(pair.heard.remove(0), ClientEvent::Handshaken { .. }));
        assert!(matches!(pair.heard.remove(0), ClientEvent::Core(ClientOutput::Ready { .. })));
        pair
    }
}

fn registered() -> Reply {
    let body = ReplyBody::Registered(Registered {
        client_id: ClientId::new("me"),
        version: Some(ProtocolVersion::OURS),
        uptime_s: None,
        node_start_state: None,
    });
    Reply { rc: 0, call_id: CallId(1), body }
}

#[test]
fn requests_replies_and_notifications_pass_in_any_pieces() {
    for piece in [1, 7, 100_000] {
        let mut pair = Pair::ready(piece);
        let id = pair.client.core().call(Request::Poke, Millis(0), NOW).unwrap();
        pair.pump(piece);
        let ServerEvent::Message { token, incoming } = pair.asked.remove(0) else { panic!() };
        assert_eq!((token.0, incoming.request), (id.0, Request::Poke));
        let answer = Reply { rc: 0, call_id: CallId(2), body: ReplyBody::Plain };
        pair.server.send_notification(&EncodedNotification::new(&Notification::NewClient));
        pair.server.send_reply(token, &answer);
        pair.pump(piece);
        assert_eq!(
            pair.heard,
            [ClientOutput::Answered(id, answer), ClientOutput::Notification(Notification::NewClient)]
                .map(ClientEvent::Core)
        );
        assert!(!pair.server.mid_message());
    }
}

#[test]
fn half_a_message_is_seen_as_such() {
    // Five bytes are a record's own header, of which OpenSSL keeps no count.
    for length in [0, 6, 20, 66, 67, 75, 150] {
        let mut pair = Pair::ready(100_000);
        pair.client.core().send(Request::Poke).unwrap();
        assert_eq!(pair.client.next_event(NOW), None);
        let bytes = pair.client.output().to_vec();
        pair.server.receive(&bytes[..length]);
        assert_eq!(pair.server.next_event(), None);
        assert_eq!(pair.server.mid_message(), length > 0, "{length}");
    }
}

#[test]
fn each_message_is_a_header_record_and_payload_records() {
    let mut client = Stream::client(&ClientContext::new(&key(1), &Policy::default()).unwrap()).unwrap();
    let mut server = server();
    client.handshake().unwrap();
    for _ in 0..2 {
        let mut bytes = Vec::new();
        client.take_output(&mut bytes);
        server.receive(&bytes);
        while server.next_event().is_some() {}
        client.feed(server.output());
        server.sent(server.queued_bytes());
        client.handshake().unwrap();
    }
    server.send_notification(&EncodedNotification::new(&Notification::NewClient));
    let large = Notification::Poke {
        rc: 0,
        call_id: CallId(1),
        resource_id: Some(crate::model::ResourceId::new("x".repeat(40_000))),
    };
    server.send_notification(&EncodedNotification::new(&large));
    client.feed(server.output());
    let mut sizes = Vec::new();
    while let Received::Data(count) = client.read(|_| {}).unwrap() {
        sizes.push(count);
    }
    assert_eq!((sizes[0], sizes[2]), (HEADER_LEN, HEADER_LEN));
    assert!(sizes[1] < 500);
    assert_eq!(sizes[3..5], [16384, 16384]);
    assert_eq!(sizes.len(), 6);
}

#[test]
fn a_wrong_key_ends_both_sides() {
    let mut pair = Pair::new(client(2));
    pair.pump(100_000);
    assert_eq!(pair.asked, [ServerEvent::Failed(SessionError::Tls(TlsError::WrongKey))]);
    assert_eq!(pair.heard, [ClientEvent::Failed(SessionError::Tls(TlsError::WrongKey))]);
}

#[test]
fn plain_text_is_refused_and_nothing_follows() {
    let mut session = server();
    session.receive(b"GET / HTTP/1.0\r\n\r\n");
    assert_eq!(session.next_event(), Some(ServerEvent::Failed(SessionError::Tls(TlsError::NotTls))));
    session.receive(b"more");
    assert_eq!(session.next_event(), None);
    session.send_reply(RequestToken(1), &registered());
}

#[test]
fn what_is_no_message_is_skipped_and_what_is_no_frame_ends_the_connection() {
    let mut raw = Stream::client(&ClientContext::new(&key(1), &Policy::default()).unwrap()).unwrap();
    let mut server = server();
    raw.handshake().unwrap();
    for _ in 0..2 {
        let mut bytes = Vec::new();
        raw.take_output(&mut bytes);
        server.receive(&bytes);
        while server.next_event().is_some() {}
        raw.feed(server.output());
        server.sent(server.queued_bytes());
        raw.handshake().unwrap();
    }
    let mut send = |server: &mut ServerSession, bytes: &[u8]| {
        raw.write_record(bytes).unwrap();
        let mut ciphertext = Vec::new();
        raw.take_output(&mut ciphertext);
        server.receive(&ciphertext);
        server.next_event()
    };
    // Header and payload in one record, which upstream does not take.
    let text = b"no message\0";
    let mut message = crate::wire::frame::encode_header(1, text.len() - 1).unwrap().to_vec();
    message.extend_from_slice(text);
    assert!(matches!(send(&mut server, &message), Some(ServerEvent::Undecodable(_))));
    assert!(matches!(
        send(&mut server, b"GET / HTTP/1.0\r\n\r\n"),
        Some(ServerEvent::Failed(SessionError::Frame(FrameError::NotAHeader { .. })))
    ));
}

#[test]
fn goodbyes_are_heard() {
    let mut pair = Pair::ready(100_000);
    pair.client.close();
    pair.pump(100_000);
    assert_eq!(pair.asked, [ServerEvent::Closed]);
    assert_eq!(pair.heard, [ClientEvent::Core(ClientOutput::Disconnected(ClientError::Closed))]);
    let mut pair = Pair::ready(100_000);
    pair.server.send_notification(&EncodedNotification::new(&Notification::NewClient));
    pair.server.close();
    pair.pump(100_000);
    assert_eq!(pair.heard.len(), 2);
    assert!(matches!(pair.heard[1], ClientEvent::Core(ClientOutput::Disconnected(_))));
}

#[test]
fn a_message_that_is_too_large_is_told_and_the_connection_goes_on() {
    let mut pair = Pair::ready(100_000);
    let large = Notification::Poke {
        rc: 0,
        call_id: CallId(1),
        resource_id: Some(crate::model::ResourceId::new("x".repeat(crate::wire::MAX_MESSAGE))),
    };
    pair.server.send_notification(&EncodedNotification::new(&large));
    pair.server.send_notification(&EncodedNotification::new(&Notification::NewClient));
    assert!(matches!(pair.server.next_event(), Some(ServerEvent::Unsendable(_))));
    pair.pump(100_000);
    assert_eq!(pair.heard, [ClientEvent::Core(ClientOutput::Notification(Notification::NewClient))]);
}

#[test]
fn a_message_that_waits_to_be_read_or_sent_is_counted_and_given_back() {
    let mut pair = Pair::ready(100_000);
    let long = "x".repeat(1024 * 1024);
    let of_server = Notification::Poke {
        rc: 0,
        call_id: CallId(1),
        resource_id: Some(crate::model::ResourceId::new(long.clone())),
    };
    pair.server.send_notification(&EncodedNotification::new(&of_server));
    assert!(pair.server.output().len() < long.len() && pair.server.queued_bytes() > long.len());
    let of_client = Request::ResourceInfo(Some(crate::model::ResourceId::new(long.clone())));
    pair.client.core().call(of_client.clone(), Millis(0), NOW).unwrap();
    while pair.client.next_event(NOW).is_some() {}
    assert!(pair.client.queued_bytes() > long.len());
    loop {
        let output = pair.client.output().to_vec();
        pair.server.receive(&output);
        pair.client.sent(output.len());
        match pair.server.step() {
            None => assert!(!output.is_empty(), "the message is not complete"),
            Some(ServerStep::Large(large)) => break assert!(large.held_bytes() > long.len()),
            Some(other) => panic!("{other:?}"),
        }
    }
    assert!(pair.server.received_bytes() < long.len(), "it is counted once");
    pair.server.abandon();
    assert_eq!((pair.server.output(), pair.server.queued_bytes()), (&[][..], 0));
    let mut pair = Pair::ready(100_000);
    pair.client.core().call(of_client, Millis(0), NOW).unwrap();
    while pair.client.next_event(NOW).is_some() {}
    pair.client.discard_output();
    assert_eq!((pair.client.output(), pair.client.queued_bytes()), (&[][..], 0));
}
