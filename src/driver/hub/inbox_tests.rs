// SPDX-License-Identifier: LGPL-2.1-or-later
use super::*;
use crate::core::{RequestToken, RunId};
use crate::model::{ExecStatus, OcfExit, Outcome, Request, RequestMessage, RunResult};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Wake};

type TestInbox = Inbox<(), ()>;

#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn joined(inbox: &TestInbox) -> PeerId {
    let peer = inbox.new_peer();
    inbox.put(Arrival::Joined(peer, NewPeer::Remote(())));
    peer
}

fn poke(peer: PeerId, token: u32) -> Input {
    let incoming = RequestMessage { client_name: None, options: 0, request: Request::Poke };
    Input::Request { peer, token: RequestToken(token), incoming }
}

fn finished(run: u64) -> Input {
    let result = RunResult::new(Outcome::new(OcfExit::OK, ExecStatus::Done), Some(0));
    Input::Finished { run: RunId(run), result }
}

/// Takes an arrival that costs so much time; a short name of it.
fn serve(inbox: &TestInbox, millis: u64) -> Option<String> {
    let arrival = inbox.take()?;
    inbox.served(Duration::from_millis(millis), true);
    Some(match arrival {
        Arrival::Joined(peer, _) => format!("{} joins", peer.0),
        Arrival::Left(peer) => format!("{} leaves", peer.0),
        Arrival::Drained(peer) => format!("{} drained", peer.0),
        Arrival::Input(Input::Request { peer, token, .. })
        | Arrival::Message(Input::Request { peer, token, .. }, _) => {
            format!("{} asks {}", peer.0, token.0)
        }
        Arrival::Input(Input::Finished { run, .. }) => format!("run {}", run.0),
        Arrival::Input(other) | Arrival::Message(other, _) => format!("{other:?}"),
    })
}

fn serve_all(inbox: &TestInbox) -> Vec<String> {
    std::iter::from_fn(|| serve(inbox, 1)).collect()
}

#[test]
fn only_the_first_arrival_wakes() {
    let inbox = TestInbox::default();
    inbox.input(Input::Terminate);
    inbox.take();
    let count = Arc::new(Count::default());
    inbox.wake(&Arc::clone(&count).into());
    for wakes in [1, 1, 1] {
        inbox.clone().input(Input::Terminate);
        assert_eq!(count.0.load(Ordering::Relaxed), wakes);
    }
    serve_all(&inbox);
    joined(&inbox);
    assert_eq!(count.0.load(Ordering::Relaxed), 2);
}

#[test]
fn a_peer_s_messages_fill_its_own_line_until_they_are_taken() {
    let inbox = TestInbox::default();
    let (one, two) = (joined(&inbox), joined(&inbox));
    inbox.message(poke(one, 1), FULL_BYTES / 2);
    assert!(inbox.has_room(one));
    inbox.message(poke(one, 2), FULL_BYTES / 2);
    assert!(!inbox.has_room(one) && inbox.has_room(two));
    let count = Arc::new(Count::default());
    let waker = Arc::clone(&count).into();
    let mut room = pin!(inbox.room(one));
    assert!(room.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    while count.0.load(Ordering::Relaxed) == 0 {
        assert!(serve(&inbox, 1).is_some(), "room is made before everything is taken");
    }
    assert!(inbox.has_room(one));
    assert!(room.as_mut().poll(&mut Context::from_waker(&waker)).is_ready());
}

#[test]
fn a_peer_that_takes_little_at_a_time_is_told_of_once() {
    let inbox = TestInbox::default();
    let peer = joined(&inbox);
    (0..10).for_each(|_| inbox.put(Arrival::Drained(peer)));
    inbox.message(poke(peer, 1), 1);
    inbox.put(Arrival::Drained(peer));
    assert_eq!(serve_all(&inbox), ["1 joins", "1 drained", "1 asks 1", "1 drained"]);
    assert!(inbox.is_empty());
}

#[test]
fn a_flood_leaves_no_memory_behind() {
    let inbox = TestInbox::default();
    let flooder = joined(&inbox);
    (0..10_000).for_each(|_| inbox.input(Input::Terminate));
    (0..10_000).for_each(|token| inbox.input(poke(flooder, token)));
    for _ in 0..1000 {
        joined(&inbox);
    }
    while serve(&inbox, 1).is_some() {}
    let queue = inbox.queue.borrow();
    assert!(queue.own.capacity() <= KEPT_PLACES && queue.ready.capacity() <= KEPT_PLACES);
    assert!(queue.lines.values().all(|line| line.arrivals.capacity() <= KEPT_IN_LINE));
}

#[test]
fn a_small_request_does_not_wait_behind_what_another_peer_has_put_in() {
    let inbox = TestInbox::default();
    let (flooder, bystander) = (joined(&inbox), joined(&inbox));
    serve_all(&inbox);
    (0..1000).for_each(|token| inbox.input(poke(flooder, token)));
    serve(&inbox, 1);
    inbox.input(poke(bystander, 7));
    let served: Vec<_> = (0..2).filter_map(|_| serve(&inbox, 1)).collect();
    assert!(served.contains(&"2 asks 7".to_owned()), "{served:?}");
}

#[test]
fn one_that_costs_little_waits_for_one_of_many_that_cost_much() {
    let inbox = TestInbox::default();
    let bystander = joined(&inbox);
    let flooders: Vec<_> = (0..50).map(|_| joined(&inbox)).collect();
    serve_all(&inbox);
    for flooder in &flooders {
        (0..100).for_each(|token| inbox.input(poke(*flooder, token)));
    }
    for number in 0..50 {
        (0..60).for_each(|_| drop(serve(&inbox, 2)));
        inbox.input(poke(bystander, number));
        let served: Vec<_> = (0..2).filter_map(|_| serve(&inbox, 0)).collect();
        assert!(served.contains(&format!("1 asks {number}")), "{served:?}");
    }
}

#[test]
fn order_is_kept_within_a_peer_from_its_coming_to_its_leaving() {
    let inbox = TestInbox::default();
    let (one, two) = (joined(&inbox), joined(&inbox));
    for token in 1..=3 {
        inbox.input(poke(one, token));
        inbox.input(poke(two, token));
    }
    inbox.put(Arrival::Left(one));
    inbox.input(poke(one, 4));
    let all = serve_all(&inbox);
    for peer in [1, 2] {
        let mine: Vec<_> = all.iter().filter(|line| line.starts_with(&format!("{peer} "))).cloned().collect();
        let asks = (1..=3).map(|token| format!("{peer} asks {token}"));
        let mut expected = vec![format!("{peer} joins")];
        expected.extend(asks);
        expected.extend((peer == 1).then(|| "1 leaves".to_owned()));
        assert_eq!(mine, expected);
    }
    assert!(inbox.is_empty(), "what a peer sent behind its end is forgotten");
}

#[test]
fn the_ends_of_runs_are_served_in_turn_with_the_peers() {
    let inbox = TestInbox::default();
    let peer = joined(&inbox);
    serve_all(&inbox);
    (1..=3).for_each(|run| inbox.input(finished(run)));
    (1..=3).for_each(|token| inbox.input(poke(peer, token)));
    let expected = ["run 1", "1 asks 1", "run 2", "1 asks 2", "run 3", "1 asks 3"];
    assert_eq!(serve_all(&inbox), expected);
    inbox.input(poke(peer, 4));
    inbox.input(finished(4));
    assert_eq!(serve_all(&inbox), ["1 asks 4", "run 4"], "of two that came alone the first is first");
}
