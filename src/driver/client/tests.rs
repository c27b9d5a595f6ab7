// SPDX-License-Identifier: LGPL-2.1-or-later
//! Connections to a server of ours on loopback, which does what each test wants.
use super::*;
use crate::core::RequestToken;
use crate::model::{CallId, ClientId, Millis, Params, ProtocolVersion, Reply, ReplyBody};
use crate::session::{EncodedNotification, ServerEvent, ServerSession};
use crate::sys::tls::{Policy, Psk, ServerContext};
use nix::sys::socket::{getsockopt, sockopt};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

const KEY: [u8; 100] = [7; 100];

/// The server's side of one connection.
struct Peer {
    stream: TcpStream,
    session: ServerSession,
}

impl Peer {
    /// Waits for what the client does next.
    fn next(&mut self) -> ServerEvent {
        loop {
            let event = self.session.next_event();
            self.stream.write_all(self.session.output()).unwrap();
            self.session.sent(self.session.queued_bytes());
            if let Some(event) = event {
                return event;
            }
            let mut bytes = [0; 65536];
            match self.stream.read(&mut bytes) {
                Ok(0) | Err(_) => return ServerEvent::Closed,
                Ok(count) => self.session.receive(&bytes[..count]),
            }
        }
    }

    fn request(&mut self) -> RequestToken {
        match self.next() {
            ServerEvent::Message { token, .. } => token,
            other => panic!("a request, not {other:?}"),
        }
    }

    fn sign_on(&mut self) {
        assert!(matches!(self.next(), ServerEvent::Handshaken { .. }));
        let token = self.request();
        let registered = Registered {
            client_id: ClientId::new("me"),
            version: Some(ProtocolVersion::OURS),
            uptime_s: Some(5),
            node_start_state: None,
        };
        let body = ReplyBody::Registered(registered);
        self.session.send_reply(token, &Reply { rc: 0, call_id: CallId(1), body });
        self.flush();
    }

    fn answer(&mut self, token: RequestToken, rc: i32) {
        self.session.send_reply(token, &Reply { rc, call_id: CallId(2), body: ReplyBody::Plain });
        self.flush();
    }

    fn notify(&mut self) {
        self.session.send_notification(&EncodedNotification::new(&Notification::NewClient));
        self.flush();
    }

    fn flush(&mut self) {
        self.stream.write_all(self.session.output()).unwrap();
        self.session.sent(self.session.queued_bytes());
    }
}

/// A server for one connection, which does what `script` says.
fn serve(script: impl FnOnce(&mut Peer) + Send + 'static) -> (u16, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let context = ServerContext::new(&Psk::new(KEY.to_vec()).unwrap(), &Policy::default()).unwrap();
        script(&mut Peer { stream, session: ServerSession::new(&context) });
    });
    (port, server)
}

fn settings(server: &str, port: u16, key: &[u8], directory: &tempfile::TempDir) -> RemoteSettings {
    let file = directory.path().join("authkey");
    std::fs::write(&file, key).unwrap();
    RemoteSettings::new(server, port, Arc::new(Keys::new(vec![file], "")))
}

fn begin(settings: RemoteSettings) -> Connection {
    let identity = Identity { name: Some("tester".to_owned()), ..Identity::default() };
    Connection::remote(settings, identity).unwrap()
}

fn connected(port: u16) -> Connection {
    let directory = tempfile::tempdir().unwrap();
    let mut connection = begin(settings("127.0.0.1", port, &KEY, &directory));
    connection.wait_for_sign_on().unwrap();
    connection
}

/// The next event, which is waited for as a main loop does: on the descriptor, until the deadline.
fn next(connection: &mut Connection) -> Event {
    connection.wait_for_event(Instant::now() + Duration::from_secs(60)).expect("an event")
}

#[test]
fn what_comes_during_a_call_is_told_behind_it() {
    let (port, server) = serve(|peer| {
        peer.sign_on();
        let token = peer.request();
        peer.notify();
        peer.answer(token, -19);
        assert_eq!(peer.next(), ServerEvent::Closed);
    });
    let mut connection = connected(port);
    assert!(!connection.has_events());
    let reply = connection.call(Request::ResourceInfo(None), 0, Millis(0)).unwrap();
    assert_eq!(reply.rc, -19);
    assert!(connection.has_events());
    assert!(matches!(connection.next_event(), Some(Event::Notification(Notification::NewClient))));
    drop(connection);
    server.join().unwrap();
}

#[test]
fn nothing_waits_on_the_way_from_a_name_to_the_sign_on() {
    let (port, server) = serve(Peer::sign_on);
    let directory = tempfile::tempdir().unwrap();
    let mut connection = begin(settings("localhost", port, &KEY, &directory));
    assert!(!connection.is_ready());
    let Event::SignedOn(registered) = next(&mut connection) else { panic!("signed on") };
    assert_eq!(registered.uptime_s, Some(5));
    assert!(connection.is_ready());
    server.join().unwrap();
    // The peer is gone.
    assert!(matches!(next(&mut connection), Event::Ended(Problem::Lost)));
    assert!(connection.next_event().is_none() && !connection.is_ready());
    assert!(connection.descriptor().is_none() && connection.deadline().is_none());
    assert_eq!(connection.call(Request::Poke, 0, Millis(0)), Err(CallProblem::NotConnected));
}

#[test]
fn a_wrong_key_is_a_failed_handshake() {
    let (port, server) = serve(|peer| {
        assert!(matches!(peer.next(), ServerEvent::Failed(_)));
    });
    let directory = tempfile::tempdir().unwrap();
    let mut connection = begin(settings("127.0.0.1", port, b"another", &directory));
    let problem = connection.wait_for_sign_on().unwrap_err();
    assert_eq!(problem.stage(), Stage::Handshake);
    server.join().unwrap();
}

#[test]
fn without_a_key_no_byte_is_sent() {
    let (port, server) = serve(|peer| assert_eq!(peer.stream.read(&mut [0; 16]).unwrap(), 0));
    let directory = tempfile::tempdir().unwrap();
    let mut connection = begin(settings("127.0.0.1", port, b"", &directory));
    let problem = connection.wait_for_sign_on().unwrap_err();
    assert!(matches!(problem, Problem::Key(KeyProblem::NoKey(_))), "{problem:?}");
    drop(connection);
    server.join().unwrap();
}

#[test]
fn a_silent_peer_has_its_time_and_no_more() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let directory = tempfile::tempdir().unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut wanted = settings("127.0.0.1", port, &KEY, &directory);
    wanted.handshake_limit = Duration::from_millis(30);
    let begun = Instant::now();
    assert!(matches!(next(&mut begin(wanted)), Event::Ended(Problem::HandshakeTimedOut)));
    assert!(begun.elapsed() >= Duration::from_millis(30));
}

#[test]
fn an_answer_that_is_late_ends_the_connection() {
    let (port, server) = serve(|peer| {
        peer.sign_on();
        peer.request();
        while peer.next() != ServerEvent::Closed {}
    });
    let mut connection = connected(port);
    assert_eq!(connection.call(Request::ResourceInfo(None), 0, Millis(30)), Err(CallProblem::TimedOut));
    assert!(matches!(connection.next_event(), Some(Event::Ended(Problem::LateAnswer))));
    drop(connection);
    server.join().unwrap();
}

#[test]
fn a_peer_that_goes_away_ends_the_call() {
    let (port, server) = serve(|peer| {
        peer.sign_on();
        peer.request();
    });
    let mut connection = connected(port);
    let failed = connection.call(Request::ResourceInfo(None), 0, Millis(0));
    assert_eq!(failed, Err(CallProblem::Ended(Problem::Lost)));
    assert!(connection.is_over());
    server.join().unwrap();
}

#[test]
fn a_peer_that_takes_nothing_does_not_stop_the_caller_and_is_given_up() {
    let (done, wait) = std::sync::mpsc::channel::<()>();
    let (port, server) = serve(move |peer| {
        peer.sign_on();
        // Until the client has had enough.
        assert!(wait.recv().is_err());
    });
    let mut connection = connected(port);
    let mut params = Params::new();
    params.set("large", "x".repeat(8 * 1024 * 1024));
    let large = Request::Alert { id: None, path: None, timeout: Millis(0), params };
    let mut sent = 0;
    while !connection.has_events() {
        connection.send(large.clone()).unwrap();
        sent += 1;
        assert!(sent < 20, "there is a bound");
    }
    assert!(sent > 2);
    assert!(matches!(connection.next_event(), Some(Event::Ended(Problem::Stalled))));
    drop(done);
    server.join().unwrap();
}

#[test]
fn a_request_that_is_too_large_is_refused_and_ends_a_call_only_with_its_connection() {
    let (port, server) = serve(|peer| {
        peer.sign_on();
        while peer.next() != ServerEvent::Closed {}
    });
    let mut connection = connected(port);
    let mut params = Params::new();
    params.set("large", "x".repeat(crate::wire::MAX_MESSAGE));
    let large = Request::Alert { id: None, path: None, timeout: Millis(0), params };
    assert!(matches!(connection.send(large.clone()), Err(CallProblem::TooLarge(_))));
    assert!(connection.is_ready());
    assert!(matches!(connection.call(large, 0, Millis(0)), Err(CallProblem::TooLarge(_))));
    drop(connection);
    server.join().unwrap();
}

#[test]
fn a_connection_that_only_listens_is_asked_whether_it_still_exists() {
    let (port, server) = serve(|peer| {
        peer.sign_on();
        while peer.next() != ServerEvent::Closed {}
    });
    let mut connection = connected(port);
    let soon = Instant::now();
    assert!(connection.wait_for_event(soon).is_none() && !connection.is_over());
    let (descriptor, ..) = connection.descriptor().unwrap();
    assert!(getsockopt(&descriptor, sockopt::KeepAlive).unwrap());
    assert_eq!(getsockopt(&descriptor, sockopt::TcpUserTimeout).unwrap(), 60_000);
    drop(connection);
    server.join().unwrap();
}

#[test]
fn a_connection_may_go_to_another_thread() {
    fn is_send<T: Send>() {}
    is_send::<Connection>();
}
