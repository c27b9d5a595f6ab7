// SPDX-License-Identifier: LGPL-2.1-or-later
use super::consumer::MARK;
use super::*;

/// A ledger, the queues that it is told of, and who is held.
#[derive(Default)]
struct Bench {
    ledger: Ledger,
    now: Moment,
    queued: BTreeMap<PeerId, usize>,
    held: BTreeSet<PeerId>,
    cut: Vec<(u64, Excess)>,
}

impl Bench {
    /// Queues a message for `to`, and looks what becomes of it.
    fn tell(&mut self, to: u64, cause: Cause, bytes: usize) {
        self.add(to, cause, bytes);
        self.settle(to);
    }

    fn add(&mut self, to: u64, cause: Cause, bytes: usize) {
        let queued = self.queued.entry(PeerId(to)).or_default();
        *queued += bytes;
        self.ledger.note(PeerId(to), cause, *queued);
    }

    /// A consumer takes some of its queue.
    fn takes(&mut self, peer: u64, bytes: usize) {
        *self.queued.get_mut(&PeerId(peer)).unwrap() -= bytes;
        self.settle(peer);
    }

    fn settle(&mut self, peer: u64) {
        self.ledger.settle(PeerId(peer), self.queued[&PeerId(peer)], self.now);
        self.obey();
    }

    fn pass(&mut self, time: Millis) {
        self.now = self.now.after(time);
        self.ledger.tick(self.now);
        self.obey();
    }

    fn obey(&mut self) {
        while let Some(order) = self.ledger.next_order() {
            match order {
                Order::Hold(peer) => drop(self.held.insert(peer)),
                Order::Release(peer) => drop(self.held.remove(&peer)),
                Order::Cut(peer, excess) => self.cut.push((peer.0, excess)),
            }
        }
    }

    fn is_held(&self, peer: u64) -> bool {
        assert_eq!(self.held.contains(&PeerId(peer)), self.ledger.is_held(PeerId(peer)), "{peer}");
        self.held.contains(&PeerId(peer))
    }
}

const fn by(peer: u64) -> Cause {
    Cause::Peer(PeerId(peer))
}

const fn session(peer: u64) -> Cause {
    Cause::Session(PeerId(peer))
}

#[test]
fn a_producer_is_held_above_the_mark_and_released_at_half_of_it() {
    let mut bench = Bench::default();
    bench.tell(1, by(2), MARK);
    assert!(!bench.is_held(2));
    bench.tell(1, by(2), 1);
    assert!(bench.is_held(2) && !bench.is_held(1));
    bench.takes(1, MARK / 2);
    assert!(bench.is_held(2));
    bench.takes(1, 1);
    assert!(!bench.is_held(2));
    bench.takes(1, MARK / 2);
    assert!(bench.ledger.producers.is_empty() && bench.ledger.pressed.is_empty());
}

#[test]
fn who_does_not_read_its_own_replies_is_held_without_a_turn() {
    let mut bench = Bench::default();
    bench.tell(1, by(1), MARK + 1);
    assert!(bench.is_held(1));
    bench.pass(Millis(60_000));
    assert!(bench.is_held(1) && bench.cut.is_empty(), "the limit of its connection sees to it");
    bench.takes(1, MARK);
    assert!(!bench.is_held(1));
}

#[test]
fn what_others_caused_is_charged_to_them() {
    let mut bench = Bench::default();
    bench.tell(1, by(3), 1000);
    bench.tell(1, by(2), MARK + 1);
    bench.tell(1, Cause::Executor, 10 * MARK);
    bench.tell(1, by(3), 1000);
    assert!(bench.is_held(2) && !bench.is_held(3) && !bench.is_held(1));
    // The queue leaves in order: what came first goes first.
    bench.takes(1, 1000 + MARK);
    assert!(!bench.is_held(2));
}

#[test]
fn sessions_wait_together_for_their_provider() {
    let mut bench = Bench::default();
    for peer in 10..30 {
        bench.ledger.add_session(PeerId(peer), PeerId(1));
    }
    for peer in 10..20 {
        assert!(!bench.is_held(peer));
        bench.tell(1, session(peer), SHARED / 10 + 1);
    }
    assert!((10..30).all(|peer| bench.is_held(peer)), "also those that have sent nothing");
    bench.ledger.add_session(PeerId(30), PeerId(1));
    bench.obey();
    assert!(bench.is_held(30), "and those that come");
    bench.pass(Millis(100));
    assert!(bench.is_held(10), "there is no reason to let them go on before the provider has read");
    assert_eq!(bench.ledger.deadline(), None);
    bench.takes(1, SHARED / 2 + 10);
    assert!((10..=30).all(|peer| !bench.is_held(peer)));
    bench.ledger.add_session(PeerId(40), PeerId(2));
    bench.tell(1, session(10), SHARED);
    assert!(!bench.is_held(40), "another provider's");
}

#[test]
fn many_producers_together_have_no_more_than_their_part() {
    let mut bench = Bench::default();
    for peer in 10..30 {
        bench.tell(1, by(peer), 60 * 1024);
    }
    bench.tell(1, by(30), 1000);
    assert!((10..30).all(|peer| bench.is_held(peer)), "{:?}", bench.held);
    assert!(!bench.is_held(30), "an honest one goes on");
}

#[test]
fn who_tells_others_goes_on_a_little_at_a_time_while_one_does_not_read() {
    let mut bench = Bench::default();
    bench.ledger.add_provider(PeerId(1));
    for peer in [2, 3] {
        bench.tell(1, by(peer), MARK + 1);
    }
    let mut sent = 0;
    for _ in 0..600 {
        bench.pass(Millis(100));
        for peer in [2, 3] {
            if !bench.is_held(peer) {
                assert!(bench.ledger.may_step(PeerId(peer), 20_000));
                bench.ledger.begin();
                bench.add(1, by(peer), 20_000);
                bench.ledger.stepped(PeerId(peer), bench.now);
                bench.settle(1);
                assert!(bench.is_held(peer), "one message only");
                sent += 20_000;
            }
        }
    }
    assert!((30 * TRICKLE_RATE..=60 * TRICKLE_RATE).contains(&sent), "{sent} bytes in a minute");
    assert!(bench.cut.is_empty());
}

#[test]
fn a_consumer_that_holds_others_up_is_cut_off_by_time_unless_it_is_a_provider() {
    let deaf = |is_provider| {
        let mut bench = Bench::default();
        if is_provider {
            bench.ledger.add_provider(PeerId(1));
        }
        bench.tell(1, by(2), MARK + 1);
        (0..99).for_each(|_| bench.pass(Millis(100)));
        assert!(bench.cut.is_empty());
        bench.pass(Millis(100));
        bench.cut
    };
    assert_eq!(deaf(false), [(1, Excess::HoldsUp(DEAF))]);
    assert!(deaf(true).is_empty());
    let mut bench = Bench::default();
    bench.tell(1, by(2), 2 * MARK);
    for _ in 0..20 {
        bench.pass(Millis(3_000));
        bench.takes(1, 1000);
    }
    assert_eq!(bench.cut, [(1, Excess::HoldsUp(SLOW))], "slow is as bad as deaf, but takes longer");
}

#[test]
fn a_large_message_waits_while_anybody_is_under_pressure() {
    let mut bench = Bench::default();
    assert!(bench.ledger.may_step(PeerId(3), LARGE + 1));
    bench.tell(1, by(2), MARK + 1);
    assert!(bench.ledger.may_step(PeerId(3), LARGE));
    assert!(!bench.ledger.may_step(PeerId(3), LARGE + 1));
    bench.obey();
    assert!(bench.is_held(3));
    assert!(!bench.ledger.may_step(PeerId(3), 1), "the next one is behind it");
    bench.takes(1, MARK);
    assert!(!bench.is_held(3) && bench.ledger.may_step(PeerId(3), LARGE + 1));
    // Or until its turn comes.
    bench.tell(1, by(2), MARK + 1);
    assert!(!bench.ledger.may_step(PeerId(3), LARGE + 1));
    bench.obey();
    (0..2).for_each(|_| bench.pass(TRICKLE));
    assert!(!bench.is_held(3) && bench.ledger.may_step(PeerId(3), LARGE + 1));
    bench.ledger.stepped(PeerId(3), bench.now);
    bench.obey();
    assert!(!bench.is_held(3));
}

#[test]
fn at_the_bound_the_producer_with_the_largest_share_is_cut_off() {
    let mut bench = Bench::default();
    bench.add(1, by(3), GUILT);
    bench.add(1, Cause::Executor, GUILT);
    bench.tell(1, by(2), BOUND);
    assert_eq!(bench.cut, [(2, Excess::Filled(BOUND))]);
    bench.tell(1, by(4), 1000);
    assert_eq!(bench.cut[1..], [(3, Excess::Filled(GUILT))], "its bytes stay, and are charged once");
    bench.tell(1, by(4), 1000);
    assert_eq!(bench.cut.len(), 2, "neither the innocent nor the consumer");
}

#[test]
fn a_consumer_is_cut_off_at_the_bound_when_nobody_else_has_filled_it() {
    let mut bench = Bench::default();
    bench.tell(1, by(1), BOUND + 1);
    assert_eq!(bench.cut, [(1, Excess::QueueFull(BOUND + 1))]);
    let mut bench = Bench::default();
    bench.tell(1, Cause::Executor, BOUND + 1);
    assert_eq!(bench.cut, [(1, Excess::QueueFull(BOUND + 1))]);
}

#[test]
fn who_leaves_holds_nobody_and_owes_nothing() {
    let mut bench = Bench::default();
    bench.ledger.add_session(PeerId(10), PeerId(1));
    bench.add(1, session(10), SHARED + 1);
    bench.tell(1, by(2), MARK + 1);
    bench.tell(2, by(2), MARK + 1);
    assert!(bench.is_held(10) && bench.is_held(2));
    bench.ledger.gone(PeerId(1));
    bench.obey();
    assert!(!bench.is_held(10) && bench.is_held(2), "for its own queue");
    bench.tell(3, by(10), BOUND);
    bench.ledger.gone(PeerId(10));
    bench.tell(3, Cause::Executor, 1);
    assert_eq!(bench.cut, [(3, Excess::QueueFull(BOUND + 1))], "it is gone");
}

#[test]
fn what_is_sent_at_once_costs_nothing() {
    let mut bench = Bench::default();
    for _ in 0..1000 {
        bench.add(1, by(1), 100);
        bench.add(1, by(2), 100);
        bench.queued.insert(PeerId(1), 0);
        bench.settle(1);
    }
    let consumer = &bench.ledger.consumers[&PeerId(1)];
    assert!(consumer.is_idle() && bench.ledger.producers.is_empty());
    assert_eq!(format!("{consumer:?}").matches("Peer(").count(), 0);
}
