// SPDX-License-Identifier: LGPL-2.1-or-later
//! Shares the loop's time among those that read messages: connections of remote peers and local clients.
//!
//! However many have something to be read, all together read for 2 ms, then the descriptors are looked at and the hub
//! has its turn. Whoever has used least of this time is next, so that a peer that asks rarely does not wait behind those
//! that ask without end.
use super::clock::instant_now;
use super::gate::{Account, Gate};
use std::cell::Cell;
use std::rc::{Rc, Weak};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::{spawn_local, yield_now};
use tokio::time::Instant;

/// How long all readers may read before others have their turn.
const ROUND: Duration = Duration::from_millis(2);

/// How long one of them may while others wait.
const SHARE: Duration = Duration::from_micros(200);

/// What a turn may cost without being charged: the little that a peer reads which asks now and then is less than its
/// share among hundreds that ask without end, however often it asks.
const FREE: Duration = Duration::from_micros(50);

/// The loop's time for reading.
#[derive(Debug)]
pub(super) struct Turns {
    gate: Gate,
    /// Of the round.
    left: Cell<Duration>,
    is_used_up: Rc<Notify>,
}

impl Turns {
    /// The time of this thread's loop, and the task that begins the rounds, for the current `LocalSet`.
    pub(super) fn start() -> Rc<Self> {
        let turns =
            Rc::new(Self { gate: Gate::default(), left: Cell::new(ROUND), is_used_up: Rc::default() });
        turns.gate.set_open(true);
        spawn_local(begin_rounds(Rc::downgrade(&turns), Rc::clone(&turns.is_used_up)));
        turns
    }

    /// Waits until it is the turn of the owner of `account`.
    pub(super) async fn turn(&self, account: &Account) -> Turn<'_> {
        self.gate.enter(account).await;
        let begun = instant_now();
        Turn {
            turns: self,
            account: account.clone(),
            begun,
            settled: Cell::new(begun),
            free: Cell::new(FREE),
            is_settled: Cell::new(false),
        }
    }
}

async fn begin_rounds(turns: Weak<Turns>, is_used_up: Rc<Notify>) {
    loop {
        is_used_up.notified().await;
        yield_now().await;
        let Some(turns) = turns.upgrade() else { return };
        turns.left.set(ROUND);
        turns.gate.set_open(true);
    }
}

/// A time for reading. It must not be held while its owner waits for anything.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    turns: &'a Turns,
    account: Account,
    begun: Instant,
    settled: Cell<Instant>,
    /// What is left of what is not charged.
    free: Cell<Duration>,
    /// Was nothing worth a look at the clock done since the latest?
    is_settled: Cell<bool>,
}

impl Turn<'_> {
    /// Is it the turn of others? To be asked after each message: one is read in any case.
    pub(super) fn is_over(&self) -> bool {
        self.settle();
        self.was_over()
    }

    /// The same, at the latest look at the clock.
    pub(super) fn was_over(&self) -> bool {
        let is_long = self.settled.get().duration_since(self.begun) >= SHARE;
        self.turns.left.get().is_zero() || (is_long && self.turns.gate.has_waiting())
    }

    /// What was done since the turn began, or since the last call, is the cost of another, who has one thing done
    /// within this turn.
    pub(super) fn settle_for(&self, account: &Account) {
        self.turns.gate.raise(account);
        account.charge(self.take_time().saturating_sub(FREE));
    }

    /// Ends it as of the latest look at the clock.
    pub(super) fn end(self) {
        self.is_settled.set(true);
    }

    /// Looks at the clock.
    pub(super) fn settle(&self) {
        let took = self.take_time();
        let charged = took.saturating_sub(self.free.get());
        self.free.set(self.free.get().saturating_sub(took));
        self.account.charge(charged);
    }

    /// The time since this was last called.
    fn take_time(&self) -> Duration {
        let now = instant_now();
        let took = now.duration_since(self.settled.replace(now));
        self.turns.left.set(self.turns.left.get().saturating_sub(took));
        took
    }
}

/// The task that begins rounds sees that they are over.
impl Drop for Turns {
    fn drop(&mut self) {
        self.is_used_up.notify_one();
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if !self.is_settled.get() {
            self.settle();
        }
        if self.turns.left.get().is_zero() {
            self.turns.gate.set_open(false);
            self.turns.is_used_up.notify_one();
        } else {
            self.turns.gate.set_open(true);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;
    use tokio::task::LocalSet;

    /// What each reader has read, in order, when each of `costs` reads as often as it can.
    fn read(costs: &[(&'static str, Duration, usize)]) -> Vec<&'static str> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let order = Rc::new(RefCell::new(Vec::new()));
        LocalSet::new().block_on(&runtime, async {
            let turns = Turns::start();
            let mut tasks = Vec::new();
            for (name, cost, count) in costs.iter().copied() {
                let (turns, order) = (Rc::clone(&turns), Rc::clone(&order));
                tasks.push(spawn_local(async move {
                    let account = Account::default();
                    for _ in 0..count {
                        let turn = turns.turn(&account).await;
                        order.borrow_mut().push(name);
                        let begun = instant_now();
                        while begun.elapsed() < cost {}
                        drop(turn);
                        yield_now().await;
                    }
                }));
            }
            for task in tasks {
                task.await.unwrap();
            }
        });
        order.take()
    }

    #[test]
    fn readers_share_the_time_and_not_the_number_of_turns() {
        let costly = ("costly", Duration::from_millis(5), 40);
        let order = read(&[costly, costly, costly, ("cheap", Duration::from_micros(10), 40)]);
        assert_eq!(order.len(), 160);
        let last = order.iter().rposition(|name| *name == "cheap").unwrap();
        assert!(last < 100, "the cheap one waited for the costly ones: {last}");
    }

    #[test]
    fn a_reader_that_goes_away_while_it_waits_lets_the_next_one_through() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        LocalSet::new().block_on(&runtime, async {
            let turns = Turns::start();
            let account = Account::default();
            let turn = turns.turn(&account).await;
            let begun = instant_now();
            while begun.elapsed() < ROUND {}
            drop(turn);
            let waiting = |account: Account| {
                let turns = Rc::clone(&turns);
                spawn_local(async move { drop(turns.turn(&account).await) })
            };
            let (first, second) = (waiting(Account::default()), waiting(account));
            yield_now().await;
            first.abort();
            second.await.unwrap();
        });
    }
}
