// SPDX-License-Identifier: LGPL-2.1-or-later
//! Lets tasks through one by one, those first that have used least of what is behind it.
use crate::driver::fair::{Fairness, Place, Used};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// What one peer, or several together, have used of what is behind a gate. Clones are the same account.
#[derive(Clone, Debug, Default)]
pub(super) struct Account {
    used: Rc<Cell<u64>>,
    /// What a place among the waiting costs: it keeps those that share an account from waiting all in one place.
    place: Duration,
}

impl Account {
    /// An account of several peers, which use about `each` at a time.
    pub(super) fn shared(each: Duration) -> Self {
        Self { place: each, ..Self::default() }
    }

    /// The account that is kept there.
    pub(super) fn kept_in(used: &Rc<Cell<u64>>) -> Self {
        Self { used: Rc::clone(used), place: Duration::ZERO }
    }

    /// Adds what was used now.
    pub(super) fn charge(&self, time: Duration) {
        self.change(|used| used.add(time));
    }

    fn change<T>(&self, change: impl FnOnce(&mut Used) -> T) -> T {
        let mut used = Used(self.used.get());
        let result = change(&mut used);
        self.used.set(used.0);
        result
    }
}

#[derive(Debug, Default)]
struct State {
    is_open: bool,
    fairness: Fairness,
    number: u64,
    waiting: BTreeMap<Place, Waker>,
}

/// See the module's documentation.
#[derive(Debug, Default)]
pub(super) struct Gate(RefCell<State>);

impl Gate {
    /// Opens or closes it. While it is open, whoever is let through must call this again when the next may follow.
    pub(super) fn set_open(&self, is_open: bool) {
        let mut state = self.0.borrow_mut();
        state.is_open = is_open;
        state.wake_first();
    }

    /// Does anybody wait?
    pub(super) fn has_waiting(&self) -> bool {
        !self.0.borrow().waiting.is_empty()
    }

    /// Counts as used what an account has not used while it was idle.
    pub(super) fn raise(&self, account: &Account) {
        account.change(|used| self.0.borrow().fairness.raise(used));
    }

    /// Waits until the owner of `account` may go through.
    pub(super) fn enter(&self, account: &Account) -> Enter<'_> {
        Enter { gate: self, account: account.clone(), place: None }
    }
}

impl State {
    fn wake_first(&self) {
        if self.is_open
            && let Some(first) = self.waiting.values().next()
        {
            first.wake_by_ref();
        }
    }

    /// A place for an account; the account is raised to it.
    fn place(&mut self, account: &Account) -> Place {
        self.number += 1;
        let place = account.change(|used| self.fairness.place(used, self.number));
        if !account.place.is_zero() {
            account.charge(account.place);
        }
        place
    }
}

/// Waits at a [`Gate`].
#[derive(Debug)]
pub(super) struct Enter<'a> {
    gate: &'a Gate,
    account: Account,
    place: Option<Place>,
}

impl Future for Enter<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.gate.0.borrow_mut();
        let place = self.place.unwrap_or_else(|| state.place(&self.account));
        if state.is_open && state.waiting.first_key_value().is_none_or(|(first, _)| *first >= place) {
            state.waiting.remove(&place);
            state.fairness.serve(place);
            drop(state);
            self.place = None;
            return Poll::Ready(());
        }
        state.waiting.insert(place, context.waker().clone());
        drop(state);
        self.place = Some(place);
        Poll::Pending
    }
}

impl Drop for Enter<'_> {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            let mut state = self.gate.0.borrow_mut();
            state.waiting.remove(&place);
            // It may have been the one that was woken.
            state.wake_first();
        }
    }
}
