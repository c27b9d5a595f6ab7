// SPDX-License-Identifier: LGPL-2.1-or-later
//! The waiting client against a small server on loopback, and what goes wrong at each stage, with its remedy.
#![allow(clippy::disallowed_methods, reason = "keeps time limits")]

mod faults;
#[allow(dead_code, reason = "programs in C meet more of them")]
#[path = "../capi_programs/hostile.rs"]
mod hostile;
#[path = "../capi_programs/raw_peer.rs"]
mod raw_peer;
mod under_attack;

use pcmk_remote_rs::driver::blocking::{
    CallProblem, Client, ClientError, Problem, Stage, Step, Target, check,
};
use pcmk_remote_rs::model::{
    CallId, ClientId, Notification, ProtocolVersion, Registered, Reply, ReplyBody, Request,
};
use pcmk_remote_rs::session::{EncodedNotification, ServerEvent, ServerSession};
use pcmk_remote_rs::sys::tls::{Policy, Psk, ServerContext};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// What the server saw of one connection.
#[derive(Debug, Default, PartialEq)]
struct Seen {
    handshakes: usize,
    requests: Vec<Request>,
}

struct Node {
    port: u16,
    directory: tempfile::TempDir,
    server: Option<JoinHandle<Seen>>,
}

impl Node {
    /// A node with its own thread that serves one connection.
    fn new(serve: impl FnOnce(TcpStream) -> Seen + Send + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("authkey"), [1; 4096]).unwrap();
        let server = thread::spawn(move || serve(listener.accept().unwrap().0));
        Self { port, directory, server: Some(server) }
    }

    fn executor(key: u8, policy: Policy, sign_on_rc: i32) -> Self {
        Self::new(move |stream| executor(stream, key, &policy, sign_on_rc))
    }

    fn key_file(&self) -> PathBuf {
        self.directory.path().join("authkey")
    }

    fn target(&self) -> Target {
        Target::new("127.0.0.1", self.port).with_key_file(self.key_file())
    }

    fn seen(mut self) -> Seen {
        self.server.take().unwrap().join().unwrap()
    }
}

/// Answers like an executor until the peer is gone. A poke is answered and told.
fn executor(mut stream: TcpStream, key: u8, policy: &Policy, sign_on_rc: i32) -> Seen {
    let context = ServerContext::new(&Psk::new(vec![key; 4096]).unwrap(), policy).unwrap();
    let mut session = ServerSession::new(&context);
    let mut seen = Seen::default();
    let mut buffer = [0; 4096];
    while let Ok(count @ 1..) = stream.read(&mut buffer) {
        session.receive(&buffer[..count]);
        while let Some(event) = session.next_event() {
            match event {
                ServerEvent::Handshaken { .. } => seen.handshakes += 1,
                ServerEvent::Message { token, incoming } => {
                    let poke = incoming.request == Request::Poke;
                    let (rc, body) = match &incoming.request {
                        Request::Register { .. } => (sign_on_rc, ReplyBody::Registered(registered())),
                        _ => (0, ReplyBody::Plain),
                    };
                    if poke {
                        session.send_notification(&EncodedNotification::new(&Notification::NewClient));
                    }
                    session.send_reply(token, &Reply { rc, call_id: CallId(1), body });
                    seen.requests.push(incoming.request);
                }
                _ => {}
            }
        }
        let _ = stream.write_all(session.output());
        session.sent(session.queued_bytes());
    }
    seen
}

fn registered() -> Registered {
    Registered {
        client_id: ClientId::new("b3f3a5c4-0000-0000-0000-000000000000"),
        version: Some(ProtocolVersion::OURS),
        uptime_s: Some(1),
        node_start_state: None,
    }
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(10)
}

fn steps(target: &Target, full: Option<&str>) -> (Vec<Step>, Result<(), Problem>) {
    let mut steps = Vec::new();
    let result = check(target, full, &mut |step| steps.push(step));
    (steps, result)
}

#[test]
fn calls_are_answered_and_notifications_kept() {
    let node = Node::executor(1, Policy::default(), 0);
    let mut client = Client::connect(&node.target(), "tester").unwrap();
    assert!(client.describe().starts_with("TLS 1.3, ") && client.describe().ends_with("protocol 1.2"));
    assert_eq!(client.call(Request::Poke).unwrap().result(), Ok(CallId(0)));
    assert_eq!(client.next_notification(soon()).unwrap(), Some(Notification::NewClient));
    assert_eq!(client.next_notification(Instant::now()).unwrap(), None);
    client.send(Request::Poke).unwrap();
    assert_eq!(client.next_notification(soon()).unwrap(), Some(Notification::NewClient));
    drop(client);
    let seen = node.seen();
    assert_eq!((seen.handshakes, seen.requests.len()), (1, 3));
}

#[test]
fn a_check_is_not_noticed_and_a_full_one_is() {
    let node = Node::executor(1, Policy::default(), 0);
    let (steps_seen, result) = steps(&node.target(), None);
    assert_eq!(result, Ok(()));
    assert!(matches!(
        steps_seen.as_slice(),
        [
            Step::Resolved(_),
            Step::Connected(_),
            Step::KeyRead(_),
            Step::KeyAccepted { version: "TLS 1.3", .. }
        ]
    ));
    assert_eq!(node.seen(), Seen::default());
    let node = Node::executor(1, Policy::default(), 0);
    let (steps_seen, result) = steps(&node.target(), Some("tester"));
    assert_eq!(result, Ok(()));
    assert!(matches!(steps_seen.last(), Some(Step::SignedOn(_))));
    assert_eq!(node.seen().handshakes, 1);
}

#[test]
fn at_tls_1_2_a_check_says_that_it_does_not_know() {
    let policy = Policy { max: pcmk_remote_rs::sys::tls::TlsVersion::Tls12, ..Policy::default() };
    let node = Node::executor(2, policy, 0);
    let (steps_seen, result) = steps(&node.target(), None);
    assert_eq!((steps_seen.last(), result), (Some(&Step::KeyUndecided), Ok(())));
    assert_eq!(node.seen(), Seen::default());
}

fn failure(target: &Target) -> Problem {
    Client::connect(target, "tester").unwrap_err()
}

#[test]
fn a_name_without_address() {
    let failure = failure(&Target::new("no-such-host.invalid", 1));
    assert_eq!(failure.stage(), Stage::Name);
    assert!(failure.to_string().contains("no-such-host.invalid") && !failure.remedy().is_empty());
}

#[test]
fn a_port_without_a_listener() {
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
    let failure = failure(&Target::new("127.0.0.1", port));
    assert_eq!(failure.stage(), Stage::Connect);
    assert!(failure.remedy().contains("pacemaker_remote"), "{failure}");
}

#[test]
fn no_key_here() {
    let node = Node::executor(1, Policy::default(), 0);
    let failure = failure(&node.target().with_key_file("/nonexistent/authkey"));
    assert_eq!(failure.stage(), Stage::Key);
    assert!(failure.to_string().contains("/nonexistent/authkey"), "{failure}");
    let failure =
        self::failure(&Node::executor(1, Policy::default(), 0).target().with_tls_priorities("FANCY"));
    assert_eq!(failure.stage(), Stage::Key);
    assert!(failure.to_string().contains("FANCY"), "{failure}");
}

#[test]
fn another_key_there() {
    for full in [None, Some("tester")] {
        let node = Node::executor(2, Policy::default(), 0);
        let failure = steps(&node.target(), full).1.unwrap_err();
        assert_eq!(failure.stage(), Stage::Handshake);
        assert!(failure.to_string().contains("another key"), "{failure}");
        assert_eq!(node.seen(), Seen::default());
    }
}

#[test]
fn something_else_there() {
    let node = Node::new(|mut stream| {
        stream.write_all(b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n").unwrap();
        let _ = stream.read(&mut [0; 4096]);
        Seen::default()
    });
    let failure = failure(&node.target());
    assert_eq!(failure.stage(), Stage::Handshake);
    assert!(failure.to_string().contains("does not speak TLS"), "{failure}");
}

#[test]
fn a_peer_that_closes_at_once() {
    let node = Node::new(|stream| {
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let _ = (&stream).read(&mut [0; 4096]);
        Seen::default()
    });
    let failure = failure(&node.target());
    assert_eq!(failure.stage(), Stage::Handshake);
    assert!(failure.to_string().contains("closed the connection"), "{failure}");
}

#[test]
fn a_version_that_is_refused() {
    let node = Node::executor(1, Policy::default(), -71);
    let failure = failure(&node.target());
    assert_eq!(failure.stage(), Stage::SignOn);
    assert!(failure.to_string().contains("version"), "{failure}");
}

#[test]
fn a_request_that_no_executor_answers_is_refused_here_and_harms_nothing() {
    let node = Node::executor(1, Policy::default(), 0);
    let mut client = Client::connect(&node.target(), "tester").unwrap();
    let check = Request::Check { watchdog: None };
    assert_eq!(client.call(check), Err(CallProblem::Refused(ClientError::NeverAnswered)));
    assert_eq!(client.call(Request::Poke).unwrap().result(), Ok(CallId(0)));
}

#[test]
fn a_connection_that_breaks_stays_broken() {
    let node = Node::new(|mut stream| {
        sign_on(&mut stream);
        Seen::default()
    });
    let mut client = Client::connect(&node.target(), "tester").unwrap();
    for _ in 0..2 {
        let failure = client.call(Request::Poke).unwrap_err();
        assert!(matches!(&failure, CallProblem::Ended(Problem::Lost | Problem::Broken(_))), "{failure:?}");
    }
    for _ in 0..2 {
        assert_eq!(client.next_notification(soon()).unwrap_err().stage(), Stage::Ready);
    }
}

/// Answers the first message.
fn sign_on(stream: &mut TcpStream) {
    let context = ServerContext::new(&Psk::new(vec![1; 4096]).unwrap(), &Policy::default()).unwrap();
    let mut session = ServerSession::new(&context);
    let mut buffer = [0; 4096];
    let mut answered = false;
    while !answered {
        let count = stream.read(&mut buffer).unwrap();
        session.receive(&buffer[..count]);
        while let Some(event) = session.next_event() {
            if let ServerEvent::Message { token, .. } = event {
                let body = ReplyBody::Registered(registered());
                session.send_reply(token, &Reply { rc: 0, call_id: CallId(1), body });
                answered = true;
            }
        }
        stream.write_all(session.output()).unwrap();
        session.sent(session.queued_bytes());
    }
}
