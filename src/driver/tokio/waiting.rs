// SPDX-License-Identifier: LGPL-2.1-or-later
//! The connections whose handshake is not finished, and what is logged about them.
use super::clock::Clock;
use super::limits::Limits;
use super::line_budget::{LineBudget, Verdict};
use super::newcomers::{Newcomers, Source, Ticket};
use log::warn;
use std::cell::RefCell;
use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::spawn_local;
use tokio::time::sleep_until;

/// Lines about connections without a key that are written in a period; the others are counted.
const LINES: u32 = 32;
const PERIOD: Duration = Duration::from_secs(60);

/// Connections whose handshake is not finished.
#[derive(Debug)]
pub struct Waiting {
    clock: Clock,
    newcomers: RefCell<Newcomers<Rc<Notify>>>,
    lines: RefCell<LineBudget>,
}

/// A place among the waiting; given back when dropped.
#[derive(Debug)]
pub struct WaitingPlace {
    waiting: Rc<Waiting>,
    ticket: Ticket,
    evicted: Rc<Notify>,
}

impl Waiting {
    /// With the number of places that `limits` say.
    pub fn new(clock: Clock, limits: &Limits) -> Rc<Self> {
        let newcomers = RefCell::new(Newcomers::new(limits.unauthenticated));
        Rc::new(Self { clock, newcomers, lines: RefCell::new(LineBudget::new(LINES, PERIOD)) })
    }

    /// A place for a connection from `address`; others may lose theirs for it.
    pub(super) fn enter(self: &Rc<Self>, address: IpAddr) -> WaitingPlace {
        let evicted = Rc::new(Notify::new());
        let now = self.clock.now().mono;
        let entered = self.newcomers.borrow_mut().enter(Source::from(address), now, Rc::clone(&evicted));
        let (ticket, losers) = entered;
        for loser in losers {
            loser.notify_one();
        }
        WaitingPlace { waiting: Rc::clone(self), ticket, evicted }
    }

    /// Warns of something that a peer without a key has caused, unless there were many such lines.
    pub(super) fn warn(self: &Rc<Self>, line: &str) {
        let verdict = self.lines.borrow_mut().take(self.clock.now().mono);
        match verdict {
            Verdict::Write => warn!("{line}"),
            Verdict::WithholdUntil(moment) => {
                let (waiting, moment) = (Rc::clone(self), self.clock.instant(moment));
                spawn_local(async move {
                    sleep_until(moment).await;
                    waiting.tell_withheld();
                });
            }
            Verdict::Withhold => {}
        }
    }

    fn tell_withheld(&self) {
        let count = self.lines.borrow_mut().settle();
        let most = match self.newcomers.borrow().greatest() {
            Some((source, places)) => format!(" (most of those that wait now, {places}, are from {source})"),
            None => String::new(),
        };
        warn!(
            "{count} more connections were refused, or failed before they were authenticated, within {PERIOD:?}; only the \
             first {LINES} are logged one by one{most}"
        );
    }
}

impl WaitingPlace {
    /// Waits until the connection has to make room for another.
    pub(super) async fn evicted(&self) {
        self.evicted.notified().await;
    }

    /// See [`Waiting::warn`].
    pub(super) fn warn(&self, line: &str) {
        self.waiting.warn(line);
    }
}

impl Drop for WaitingPlace {
    fn drop(&mut self) {
        self.waiting.newcomers.borrow_mut().leave(self.ticket);
    }
}
