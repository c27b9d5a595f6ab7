// SPDX-License-Identifier: LGPL-2.1-or-later
//! What every part of the server needs: the time of this step, its effects, the clients, the timers.
use super::budget::Budget;
use super::peers::Peers;
use super::refusal::Refusal;
use super::tally::Tally;
use super::timers::{Timer, Timers};
use super::{Audience, Effect, LogLevel, RunId};
use crate::model::{Moment, Notification, Now};

/// Lines may quote what peers sent, which may be megabytes.
const LONGEST_LINE: usize = 1_000;

/// Lent to whatever part of the server a step concerns.
#[derive(Debug, Default)]
pub(super) struct Context {
    now: Now,
    effects: Vec<Effect>,
    peers: Peers,
    timers: Timers,
    budget: Budget,
    tally: Tally,
    last_run: u64,
    /// Are the clients known to the driver alone?
    leaves_clients: bool,
}

impl Context {
    /// `parameter_memory`: what the budget's limit is, if not the default.
    pub(super) fn new(parameter_memory: Option<usize>) -> Self {
        Self { budget: parameter_memory.map_or_else(Budget::default, Budget::new), ..Self::default() }
    }

    /// From now on the driver alone knows who the clients are.
    pub(super) const fn leave_clients(&mut self) {
        self.leaves_clients = true;
    }

    /// What requests may hold.
    pub(super) const fn budget(&mut self) -> &mut Budget {
        &mut self.budget
    }

    /// What was counted.
    pub(super) const fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Counts.
    pub(super) const fn tally_mut(&mut self) -> &mut Tally {
        &mut self.tally
    }

    /// Counts a refusal; the number of the reply that refuses.
    pub(super) fn refuse(&mut self, refusal: Refusal) -> i32 {
        self.tally.refused(refusal);
        refusal.rc()
    }

    /// A step begins, or ends: changes places with what the caller collects effects in.
    pub(super) fn swap_effects(&mut self, effects: &mut Vec<Effect>) {
        std::mem::swap(&mut self.effects, effects);
    }

    pub(super) const fn set_now(&mut self, now: Now) {
        self.now = now;
    }

    pub(super) const fn now(&self) -> Now {
        self.now
    }

    pub(super) const fn peers(&self) -> &Peers {
        &self.peers
    }

    pub(super) const fn peers_mut(&mut self) -> &mut Peers {
        &mut self.peers
    }

    /// Bytes that requests hold.
    pub(super) const fn parameter_bytes(&self) -> usize {
        self.budget.total()
    }

    /// Hands out the number of a run.
    pub(super) const fn next_run(&mut self) -> RunId {
        self.last_run = self.last_run.saturating_add(1);
        RunId(self.last_run)
    }

    /// Arms `timer`, replacing its earlier time.
    pub(super) fn arm(&mut self, timer: Timer, at: Moment) {
        self.timers.set(timer, at);
    }

    /// Disarms `timer`; nothing happens if it was not armed.
    pub(super) fn disarm(&mut self, timer: Timer) {
        self.timers.clear(timer);
    }

    /// Takes the earliest timer that is due.
    pub(super) fn expired(&mut self) -> Option<Timer> {
        self.timers.expire(self.now.mono)
    }

    /// When the earliest timer is due.
    pub(super) fn next_deadline(&self) -> Option<Moment> {
        self.timers.next()
    }

    pub(super) fn emit(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    /// How many effects there are.
    pub(super) const fn effect_count(&self) -> usize {
        self.effects.len()
    }

    /// The effects from number `first` on, to be put in another order.
    pub(super) fn effects_from(&mut self, first: usize) -> &mut [Effect] {
        self.effects.get_mut(first..).unwrap_or_default()
    }

    /// Has the audience a receiver? Without clients of its own it cannot know.
    pub(super) fn has_receivers(&self, audience: &Audience) -> bool {
        self.leaves_clients || !self.peers.receivers(audience).is_empty()
    }

    /// Tells an audience, if there is any.
    pub(super) fn notify(&mut self, audience: Audience, notification: Notification) {
        if self.has_receivers(&audience) {
            self.emit(Effect::Notify { audience, notification });
        }
    }

    pub(super) fn log(&mut self, level: LogLevel, text: impl FnOnce() -> String) {
        let mut text = text();
        if text.len() > LONGEST_LINE {
            let end = (0..=LONGEST_LINE).rev().find(|end| text.is_char_boundary(*end));
            text.truncate(end.unwrap_or(0));
            text.push_str("...");
        }
        self.emit(Effect::Log { level, text });
    }
}
