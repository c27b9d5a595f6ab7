// SPDX-License-Identifier: LGPL-2.1-or-later
use super::*;
use crate::model::{CallId, Registered, ResourceId};
use std::time::Duration;

fn at(ms: u64) -> Moment {
    Moment::new(Duration::from_millis(ms))
}

fn client(carrier: ClientCarrier) -> Client {
    Client::new(ClientSettings { name: Some("tester".into()), is_provider: false, carrier })
}

fn registered(rc: i32) -> Reply {
    let body =
        Registered { client_id: ClientId::new("c1"), version: None, uptime_s: None, node_start_state: None };
    Reply { rc, call_id: CallId(1), body: ReplyBody::Registered(body) }
}

fn plain(rc: i32) -> Reply {
    Reply { rc, call_id: CallId(2), body: ReplyBody::Plain }
}

fn all(client: &mut Client) -> Vec<ClientOutput> {
    std::iter::from_fn(|| client.poll()).collect()
}

fn requests(client: &mut Client) -> Vec<Outgoing> {
    std::iter::from_fn(|| client.next_request()).collect()
}

fn ready(carrier: ClientCarrier) -> Client {
    let mut client = client(carrier);
    client.connected(at(0));
    client.received(FromServer::Reply(RequestId(1), registered(0)));
    assert_eq!((requests(&mut client).len(), all(&mut client).len()), (1, 1));
    assert!(client.is_ready());
    client
}

#[test]
fn signs_on_with_its_name_and_learns_its_identity() {
    let mut client = client(ClientCarrier::Remote);
    client.connected(at(0));
    let request = Request::Register {
        version: Some(ProtocolVersion::OURS),
        is_provider: false,
        client_name: Some("tester".into()),
    };
    let first =
        Outgoing { request_id: RequestId(1), timeout: REMOTE_LIMIT, token: None, options: 0, request };
    assert_eq!((requests(&mut client), all(&mut client)), (vec![first], vec![]));
    client.received(FromServer::Reply(RequestId(1), registered(0)));
    let version = ProtocolVersion::OLDEST;
    let expected = ClientOutput::Ready { client_id: ClientId::new("c1"), version, reply: registered(0) };
    assert_eq!(all(&mut client), [expected]);
}

#[test]
fn sign_on_fails_only_for_the_version_or_a_strange_answer() {
    let table = [
        (registered(-errno::EPROTO), Some(ClientError::VersionRefused)),
        (plain(0), Some(ClientError::NotAServer)),
        (registered(-errno::EACCES), None),
    ];
    for (reply, expected) in table {
        let mut client = client(ClientCarrier::Remote);
        client.connected(at(0));
        all(&mut client);
        client.received(FromServer::Reply(RequestId(1), reply));
        match expected {
            Some(error) => assert_eq!(all(&mut client), [ClientOutput::Disconnected(error)]),
            None => assert!(client.is_ready()),
        }
    }
}

#[test]
fn sign_on_times_out_over_tls() {
    let mut client = client(ClientCarrier::Remote);
    client.connected(at(5));
    all(&mut client);
    client.tick(at(10_004));
    assert_eq!(all(&mut client), []);
    client.tick(at(10_005));
    assert_eq!(all(&mut client), [ClientOutput::Disconnected(ClientError::TimedOut)]);
    assert_eq!(client.next_deadline(), None);
}

#[test]
fn notifications_wait_for_the_answer_and_keep_their_order() {
    let mut client = ready(ClientCarrier::Remote);
    client.received(FromServer::Notification(Notification::NewClient));
    let id = client.call(Request::Poke, Millis(0), at(0)).unwrap();
    let poke = Notification::Poke { rc: 0, call_id: CallId(2), resource_id: None };
    client.received(FromServer::Notification(poke.clone()));
    assert_eq!(requests(&mut client).len(), 1);
    assert_eq!(all(&mut client), []);
    client.received(FromServer::Reply(id, plain(0)));
    assert_eq!(
        all(&mut client),
        [
            ClientOutput::Answered(id, plain(0)),
            ClientOutput::Notification(Notification::NewClient),
            ClientOutput::Notification(poke),
        ]
    );
}

#[test]
fn answers_that_are_not_waited_for_are_counted_and_passed_on() {
    let mut client = ready(ClientCarrier::Remote);
    let poke = client.send(Request::Poke).unwrap();
    client.send(Request::Check { watchdog: None }).unwrap();
    assert_eq!(client.expected_late_replies(), 1, "a check is never answered");
    let call = client.call(Request::ResourceInfo(None), Millis(0), at(0)).unwrap();
    all(&mut client);
    client.received(FromServer::Reply(poke, plain(0)));
    assert_eq!(all(&mut client), [ClientOutput::LateReply(poke, plain(0))]);
    assert_eq!(client.expected_late_replies(), 0);
    client.received(FromServer::Reply(call, plain(-19)));
    assert_eq!(all(&mut client), [ClientOutput::Answered(call, plain(-19))]);
}

#[test]
fn a_late_answer_breaks_a_remote_connection_after_ten_seconds_at_most() {
    for (asked, limit) in [(0, 10_000), (60_000, 10_000), (300, 300)] {
        let mut client = ready(ClientCarrier::Remote);
        let id = client.call(Request::Poke, Millis(asked), at(0)).unwrap();
        all(&mut client);
        client.tick(at(limit - 1));
        assert_eq!(all(&mut client), []);
        client.tick(at(limit));
        let why = ClientError::TimedOut;
        assert_eq!(all(&mut client), [ClientOutput::Unanswered(id, why), ClientOutput::Disconnected(why)]);
        assert_eq!(client.call(Request::Poke, Millis(0), at(limit)), Err(ClientError::NotConnected));
    }
}

#[test]
fn a_late_answer_blocks_a_local_connection_until_it_comes() {
    let mut client = ready(ClientCarrier::Local);
    let id = client.call(Request::Poke, Millis(0), at(0)).unwrap();
    all(&mut client);
    client.tick(at(5_000));
    assert_eq!(all(&mut client), [ClientOutput::Unanswered(id, ClientError::TimedOut)]);
    assert_eq!(client.call(Request::Poke, Millis(0), at(5_000)), Err(ClientError::Stale));
    client.received(FromServer::Reply(id, plain(0)));
    assert!(client.call(Request::Poke, Millis(0), at(5_000)).is_ok());
}

#[test]
fn one_call_at_a_time_and_none_that_is_never_answered() {
    let mut client = ready(ClientCarrier::Remote);
    let check = Request::Check { watchdog: None };
    assert_eq!(client.call(check, Millis(0), at(0)), Err(ClientError::NeverAnswered));
    client.call(Request::Poke, Millis(0), at(0)).unwrap();
    assert_eq!(client.call(Request::Poke, Millis(0), at(0)), Err(ClientError::Busy));
}

#[test]
fn a_lost_connection_fails_the_call_and_drops_what_was_deferred() {
    let mut client = ready(ClientCarrier::Remote);
    let id = client.call(Request::Poke, Millis(0), at(0)).unwrap();
    client.received(FromServer::Notification(Notification::NewClient));
    client.disconnected();
    client.disconnected();
    let why = ClientError::NotConnected;
    assert_eq!(all(&mut client), [ClientOutput::Unanswered(id, why), ClientOutput::Disconnected(why)]);
    client.received(FromServer::Notification(Notification::NewClient));
    assert_eq!(all(&mut client), []);
    assert_eq!(requests(&mut client), [], "what was not sent yet is not sent any longer");
    client.connected(at(1));
    client.received(FromServer::Reply(RequestId(3), registered(0)));
    assert!(client.is_ready(), "the same client signs on again, with numbers that go on");
}

/// A notification of about `length` bytes.
fn long(length: usize) -> FromServer {
    let resource_id = Some(ResourceId::new("x".repeat(length)));
    FromServer::Notification(Notification::Poke { rc: 0, call_id: CallId(0), resource_id })
}

#[test]
fn who_is_told_too_much_while_an_answer_is_due_loses_the_connection_and_nothing_is_kept() {
    let mut client = ready(ClientCarrier::Remote);
    let id = client.call(Request::Poke, Millis(0), at(0)).unwrap();
    all(&mut client);
    let mut told = 0;
    while client.is_ready() {
        client.received(long(1024 * 1024));
        told += 1;
        assert!(told < 20, "there is a bound");
    }
    let why = ClientError::Flooded;
    assert_eq!(all(&mut client), [ClientOutput::Unanswered(id, why), ClientOutput::Disconnected(why)]);
    assert_eq!(client.held_bytes(), 0);
    assert!(told > 10);
}

#[test]
fn before_the_sign_on_is_answered_little_is_kept() {
    let mut client = client(ClientCarrier::Remote);
    client.connected(at(0));
    for _ in 0..3 {
        client.received(long(1024 * 1024));
    }
    assert_eq!(all(&mut client), [ClientOutput::Disconnected(ClientError::Flooded)]);
}

#[test]
fn without_a_waited_call_its_driver_decides_how_much_is_kept() {
    let mut client = ready(ClientCarrier::Remote);
    (0..40).for_each(|_| client.received(long(1024 * 1024)));
    assert_eq!(all(&mut client).len(), 40);
    assert_eq!(client.held_bytes(), 0);
}
