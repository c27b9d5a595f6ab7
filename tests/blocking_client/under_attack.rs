// SPDX-License-Identifier: LGPL-2.1-or-later
//! The client and servers that mean it harm: its limits hold, and a loop of the caller's has its turn. What they cost
//! in memory is measured with programs in C, in `tests/capi_programs`.
use crate::hostile::Hostility;
use crate::raw_peer::RawPeer;
use crate::{Node, Seen};
use pcmk_remote_rs::client::Event;
use pcmk_remote_rs::driver::blocking::{CallProblem, Client, ClientError, Problem};
use pcmk_remote_rs::model::{Millis, Request};
use std::time::{Duration, Instant};

fn hostile(hostility: Hostility) -> Node {
    Node::new(move |stream| {
        let _ = hostility.show(&mut RawPeer::new(stream, vec![1; 4096]));
        Seen::default()
    })
}

/// In use; the server has begun to do harm.
fn client_of(node: &Node) -> Client {
    let mut client = Client::connect(&node.target(), "tester").unwrap();
    client.call(Request::Poke).unwrap();
    client
}

/// Of each that goes on for ever.
const ENDLESS: [Hostility; 6] = [
    Hostility::Compressed,
    Hostility::Notifications,
    Hostility::LargeNotifications,
    Hostility::Drip,
    Hostility::Junk,
    Hostility::Answers,
];

/// Some messages may take as long in a build without optimization, on a busy machine; what comes has no end.
const SLACK: Duration = Duration::from_secs(20);

#[test]
fn a_waited_call_keeps_its_limit_whatever_comes() {
    for hostility in ENDLESS {
        let node = hostile(hostility);
        let mut client = client_of(&node);
        let limit = Duration::from_millis(200);
        let begun = Instant::now();
        let problem = client.call_within(Request::ResourceInfo(None), Millis(200)).unwrap_err();
        assert!(begun.elapsed() < limit + SLACK, "{hostility:?}: {:?}", begun.elapsed());
        let expected = matches!(problem, CallProblem::TimedOut | CallProblem::Ended(Problem::Flooded));
        assert!(expected, "{hostility:?}: {problem:?}");
    }
}

#[test]
fn a_wait_for_notifications_keeps_its_limit_whatever_comes() {
    for hostility in [Hostility::Compressed, Hostility::Drip, Hostility::Junk, Hostility::Answers] {
        let node = hostile(hostility);
        let mut client = client_of(&node);
        let limit = Duration::from_millis(100);
        let begun = Instant::now();
        assert_eq!(client.next_notification(begun + limit), Ok(None), "{hostility:?}");
        assert!(begun.elapsed() < limit + SLACK, "{hostility:?}: {:?}", begun.elapsed());
    }
}

#[test]
fn a_flood_during_a_call_ends_the_connection_with_its_reason() {
    let node = hostile(Hostility::LargeNotifications);
    let mut client = client_of(&node);
    let problem = client.call_within(Request::ResourceInfo(None), Millis(10_000)).unwrap_err();
    assert_eq!(problem, CallProblem::Ended(Problem::Flooded));
    assert!(!problem.remedy().is_empty());
    // The events that came before the call are told; then its end.
    let end = loop {
        match client.next_notification(Instant::now() + SLACK) {
            Ok(Some(_)) => {}
            Ok(None) => panic!("its end is told"),
            Err(problem) => break problem,
        }
    };
    assert_eq!(end, Problem::Flooded);
}

#[test]
fn before_the_sign_on_is_answered_little_is_taken() {
    let flooded = Client::connect(&hostile(Hostility::EarlyNotifications).target(), "tester").unwrap_err();
    assert_eq!(flooded, Problem::SignOn(ClientError::Flooded));
    let giant = Client::connect(&hostile(Hostility::EarlyGiant).target(), "tester").unwrap_err();
    assert!(matches!(giant, Problem::Garbled(_)), "{giant:?}");
    assert!(giant.to_string().contains("65536"), "{giant}");
}

#[test]
fn a_turn_of_the_callers_loop_ends_early_and_the_rest_is_not_forgotten() {
    let node = hostile(Hostility::Notifications);
    let mut client = client_of(&node);
    let connection = client.connection();
    let begun = Instant::now();
    let (mut cut, mut told) = (0, 0);
    while cut < 20 {
        assert!(begun.elapsed() < Duration::from_secs(60), "{cut} turns were cut");
        connection.advance();
        let mut of_turn = 0;
        while let Some(event) = connection.next_event() {
            assert!(matches!(event, Event::Notification(_)), "{event:?}");
            of_turn += 1;
            // Whoever serves an event has a share in the turn.
            let until = Instant::now() + Duration::from_micros(100);
            while Instant::now() < until {}
        }
        // 256 KiB are read at once, some 2000 of these messages.
        assert!(of_turn <= 21, "{of_turn} events of one turn");
        told += of_turn;
        if connection.has_events() {
            cut += 1;
            assert!(connection.deadline().unwrap() <= Instant::now(), "the loop has to come back");
        }
    }
    assert!(told >= cut, "each turn gets ahead");
}
