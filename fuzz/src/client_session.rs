// SPDX-License-Identifier: LGPL-2.1-or-later
//! A client under a server that sends what it likes: each call ends once and in time, nothing is told while a call waits,
//! the end comes once, and what the client sends can be read.
use super::requests::Ask;
use super::tls_ends::{Bytes, Contexts, RawEnd, text_frame};
use arbitrary::{Arbitrary, Unstructured};
use pcmk_remote_rs::core::{ClientOutput, RequestId};
use pcmk_remote_rs::model::{
    CallId, ClientId, Millis, Moment, Notification, Payload, ProtocolVersion, ProxyNotice, Registered, Reply,
    ReplyBody, ResourceId,
};
use pcmk_remote_rs::session::{ClientEvent, ClientSession};
use pcmk_remote_rs::sys::tls::Stream;
use pcmk_remote_rs::wire::codec::{Envelope, decode_incoming, encode_notification, encode_reply};
use std::time::Duration;

#[derive(Arbitrary, Debug)]
enum Step<'a> {
    Send { bytes: Bytes<'a>, piece: u8 },
    Reply { id: u8, rc: i32, is_registration: bool, piece: u8 },
    Notify { kind: u8, piece: u8 },
    Call { ask: Ask<'a>, timeout: u16 },
    Post(Ask<'a>),
    Pass(u16),
    Lost,
    Close,
}

struct World {
    session: ClientSession,
    server: RawEnd,
    now_ms: u64,
    waiting: Option<RequestId>,
    asked: u32,
    is_over: bool,
}

impl World {
    fn new() -> Self {
        let contexts = Contexts::cheap();
        let mut world = Self {
            session: ClientSession::new(&contexts.client, Some("fuzzer"), true),
            server: RawEnd::new(Stream::server(&contexts.server).expect("a stream")),
            now_ms: 0,
            waiting: None,
            asked: 0,
            is_over: false,
        };
        world.pump();
        for _ in 0..2 {
            world.deliver(255);
        }
        assert!(world.session.is_established());
        world
    }

    fn now(&self) -> Moment {
        Moment::new(Duration::from_millis(self.now_ms))
    }

    fn happens(&mut self, step: &Step<'_>) {
        match step {
            Step::Send { bytes, piece } => {
                self.server.send_bytes(bytes);
                self.deliver(*piece);
            }
            Step::Reply { id, rc, is_registration, piece } => self.reply(*id, *rc, *is_registration, *piece),
            Step::Notify { kind, piece } => {
                let text = encode_notification(&notification(*kind), Envelope::Tls { msg_id: 0 });
                self.server.send(&text_frame(&text));
                self.deliver(*piece);
            }
            Step::Call { ask, timeout } => {
                let (now, limit) = (self.now(), Millis(u64::from(*timeout)));
                if let Ok(id) = self.session.core().call(ask.request(), limit, now) {
                    assert_eq!(self.waiting.replace(id), None, "two calls at once");
                }
            }
            Step::Post(ask) => drop(self.session.core().send(ask.request())),
            Step::Pass(ms) => self.pass(u64::from(*ms)),
            Step::Lost => self.session.disconnected(),
            Step::Close => self.session.close(),
        }
        self.pump();
    }

    /// A reply to one of the latest requests.
    fn reply(&mut self, id: u8, rc: i32, is_registration: bool, piece: u8) {
        let msg_id = self.asked.saturating_sub(u32::from(id % 4));
        let registered = Registered {
            client_id: ClientId::new("id"),
            version: Some(ProtocolVersion::OURS),
            uptime_s: None,
            node_start_state: None,
        };
        let body = if is_registration { ReplyBody::Registered(registered) } else { ReplyBody::Plain };
        let text = encode_reply(&Reply { rc, call_id: CallId(1), body }, Envelope::Tls { msg_id });
        self.server.send(&text_frame(&text));
        self.deliver(piece);
    }

    fn pass(&mut self, ms: u64) {
        self.now_ms += ms;
        let now = self.now();
        self.session.core().tick(now);
        self.pump();
        assert!(self.session.next_deadline().is_none_or(|deadline| deadline > now), "a limit has passed");
    }

    fn deliver(&mut self, piece: u8) {
        let mut pieces = Vec::new();
        self.server.deliver(piece, |bytes| pieces.push(bytes.to_vec()));
        for bytes in pieces {
            self.session.receive(&bytes);
            self.pump();
        }
    }

    /// Takes what the session tells and sends, and hands that to the server.
    fn pump(&mut self) {
        let now = self.now();
        while let Some(event) = self.session.next_event(now) {
            self.told(event);
        }
        let output = self.session.output().to_vec();
        self.session.sent(output.len());
        for text in self.server.receive(&output) {
            let decoded = decode_incoming(&text).expect("we send requests");
            self.asked = decoded.received.msg_id.expect("each request has a number");
        }
    }

    fn told(&mut self, event: ClientEvent) {
        match event {
            ClientEvent::Core(ClientOutput::Answered(id, _) | ClientOutput::Unanswered(id, _)) => {
                assert_eq!(self.waiting.take(), Some(id), "answered twice");
            }
            ClientEvent::Core(ClientOutput::Notification(_)) => {
                assert!(self.waiting.is_none(), "told something inside a call");
            }
            ClientEvent::Core(ClientOutput::Disconnected(_)) => {
                assert!(!std::mem::replace(&mut self.is_over, true), "the end comes twice");
                assert!(self.waiting.is_none(), "the end comes before that of the call");
            }
            ClientEvent::Core(ClientOutput::Ready { .. } | ClientOutput::LateReply(..)) => {
                assert!(!self.is_over, "something comes after the end");
            }
            ClientEvent::Undecodable(reason) | ClientEvent::Unsendable(reason) => assert!(!reason.is_empty()),
            ClientEvent::Failed(error) => assert!(!error.to_string().is_empty()),
            ClientEvent::Handshaken { .. } => {}
        }
    }
}

fn notification(kind: u8) -> Notification {
    let (rc, call_id, resource_id) = (0, CallId(i32::from(kind)), Some(ResourceId::new("r")));
    let session = ClientId::new("session");
    match kind % 6 {
        0 => Notification::Registered { rc, call_id, resource_id },
        1 => Notification::Poke { rc, call_id, resource_id },
        2 => Notification::NewClient,
        3 => Notification::Proxy(ProxyNotice::ShutdownRequest),
        4 => Notification::Proxy(ProxyNotice::Destroy { session }),
        _ => Notification::Proxy(ProxyNotice::Request {
            session,
            client: "c".into(),
            user: "root".into(),
            msg_id: 1,
            flags: 0x300,
            payload: Payload::from_checked("<a/>"),
        }),
    }
}

pub fn fuzz_one(data: &[u8]) {
    let mut input = Unstructured::new(data);
    let mut world = World::new();
    if input.arbitrary().unwrap_or(true) {
        world.reply(0, 0, true, 255);
    }
    while !input.is_empty()
        && let Ok(step) = Step::arbitrary(&mut input)
    {
        world.happens(&step);
    }
    world.pass(20_000);
    world.happens(&Step::Lost);
    assert!(world.waiting.is_none() && world.is_over);
}
