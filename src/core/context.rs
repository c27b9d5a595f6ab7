// SPDX-License-Identifier: LGPL-2.1-or-later
//! What every part of the server needs during one step: the time, the effects, clients, timers.
use super::peers::Peers;
use super::timers::Timers;
use super::{Effect, LogLevel, PeerId, RunId};
use crate::model::{Notification, Now};

/// Lines may quote what peers sent, which may be megabytes.
const LONGEST_LINE: usize = 1_000;

/// Hands out numbers of runs.
#[derive(Debug, Default)]
pub(super) struct RunNumbers(u64);

impl RunNumbers {
    pub(super) fn next(&mut self) -> RunId {
        self.0 = self.0.saturating_add(1);
        RunId(self.0)
    }
}

/// One step's surroundings.
pub(super) struct Context<'a> {
    pub(super) now: Now,
    pub(super) effects: &'a mut Vec<Effect>,
    pub(super) peers: &'a mut Peers,
    pub(super) timers: &'a mut Timers,
    pub(super) run_numbers: &'a mut RunNumbers,
}

impl Context<'_> {
    pub(super) fn emit(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    /// Tells `peers`, if there are any.
    pub(super) fn notify(&mut self, peers: Vec<PeerId>, notification: Notification) {
        if !peers.is_empty() {
            self.emit(Effect::Notify { peers, notification });
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
