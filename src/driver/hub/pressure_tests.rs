// SPDX-License-Identifier: LGPL-2.1-or-later
//! Producers that are held while turns end by time.
use super::*;

/// More than one producer may have in a queue.
const MUCH: usize = 300 * 1024;

/// A consumer, and a producer that has asked for six things and left, `slow` being who reads nothing. An effect takes
/// half of a turn.
fn bench(slow: impl FnOnce(PeerId, PeerId) -> PeerId) -> (Bench, PeerId, Vec<String>) {
    let mut bench = Bench::new();
    let (consumer, producer) = (bench.joins(false), bench.joins(false));
    bench.turn();
    let slow = slow(consumer, producer);
    let carrier = bench.hub.carrier_mut();
    carrier.slow.insert(slow.0, 0);
    (carrier.size, carrier.effect_takes) = (MUCH, Millis(1));
    (0..6).for_each(|number| bench.asks(producer, register(&format!("r{number}"))));
    bench.inbox.put(Arrival::Left(producer));
    let told = bench.turns();
    (bench, slow, told)
}

impl Bench {
    /// Turns until there is nothing more to do.
    fn turns(&mut self) -> Vec<String> {
        while self.hub.turn() == Next::Again {}
        std::mem::take(&mut self.hub.carrier_mut().lines)
    }
}

fn replies(told: &[String]) -> Vec<&str> {
    told.iter().filter(|line| line.starts_with("reply 2")).map(String::as_str).collect()
}

/// The replies to all that the producer has asked for.
fn all_replies() -> Vec<String> {
    (3..9).map(|token| format!("reply 2 #{token} 0")).collect()
}

#[test]
fn a_peer_leaves_behind_what_is_parked_of_it() {
    let (mut bench, slow, told) = bench(|consumer, _| consumer);
    assert_eq!(replies(&told), ["reply 2 #3 0"], "{told:?}");
    assert!(told.contains(&"hold 2".into()) && !told.contains(&"goodbye 2".into()), "{told:?}");
    let carrier = bench.hub.carrier_mut();
    carrier.size = 1;
    carrier.slow.insert(slow.0, 0);
    bench.inbox.put(Arrival::Drained(slow));
    let mut told = [told, bench.turns()].concat();
    assert_eq!(replies(&told), all_replies(), "{told:?}");
    let goodbye = told.iter().position(|line| line == "goodbye 2").unwrap();
    assert!(!told.split_off(goodbye).iter().any(|line| line.starts_with("reply")));
    assert_eq!(bench.hub.peers.hear(PeerId(2)), peers::Heard::No);
    assert_eq!(bench.hub.next_deadline(), None);
}

#[test]
fn a_peer_that_has_left_is_not_held_for_ever_by_what_waits_for_itself() {
    let (mut bench, _, mut told) = bench(|_, producer| producer);
    assert!(told.contains(&"hold 2".into()), "{told:?}");
    for _ in 0..20 {
        bench.pass(Millis(10_000));
        told.append(&mut bench.turns());
    }
    assert_eq!(replies(&told), all_replies(), "{told:?}");
    assert!(told.contains(&"goodbye 2".into()), "{told:?}");
    assert_eq!(bench.hub.next_deadline(), None);
}

#[test]
fn what_is_parked_is_taken_in_by_turns_with_what_others_ask() {
    let (mut bench, slow, _) = bench(|consumer, _| consumer);
    let bystander = bench.joins(false);
    bench.turns();
    let carrier = bench.hub.carrier_mut();
    carrier.size = 1;
    carrier.slow.insert(slow.0, 0);
    bench.inbox.put(Arrival::Drained(slow));
    (0..3).for_each(|_| bench.asks(bystander, Request::ResourceInfo(None)));
    let told = bench.turns();
    let of = |peer: &str| told.iter().rposition(|line| line.starts_with(&format!("reply {peer} ")));
    assert!(of("3").unwrap() < of("2").unwrap(), "{told:?}");
}

#[test]
fn a_peer_that_is_cut_off_while_it_leaves_is_forgotten() {
    let (mut bench, _, _) = bench(|consumer, _| consumer);
    bench.hub.close(PeerId(2), None);
    let told = bench.turns();
    assert!(told.contains(&"goodbye 2".into()) && replies(&told).is_empty(), "{told:?}");
    assert!(bench.hub.peers.find(PeerId(2)).is_none());
}
