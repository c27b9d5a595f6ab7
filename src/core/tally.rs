// SPDX-License-Identifier: LGPL-2.1-or-later
//! Counters since the start: results by status and exit code, refusals by reason.
use super::refusal::Refusal;
use crate::model::{ExecStatus, OcfExit, Outcome};
use std::collections::BTreeMap;

/// Exit codes that are told apart; agents have no others, and what counts must not grow.
const EXITS: std::ops::RangeInclusive<i32> = 0..=255;

/// See the module's documentation.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// By the numbers of status and exit code.
    results: BTreeMap<(i32, i32), u64>,
    refusals: BTreeMap<&'static str, u64>,
}

impl Tally {
    /// A run has ended so.
    pub(super) fn ended(&mut self, outcome: &Outcome) {
        let exit = if EXITS.contains(&outcome.exit.0) { outcome.exit.0 } else { -1 };
        increment(self.results.entry((outcome.status.code(), exit)).or_default());
    }

    /// A request was refused for this reason.
    pub(super) fn refused(&mut self, refusal: Refusal) {
        increment(self.refusals.entry(refusal.name()).or_default());
    }

    pub(super) fn results(&self) -> Vec<(ExecStatus, OcfExit, u64)> {
        let row = |(&(status, exit), &count): (&(i32, i32), &u64)| {
            Some((ExecStatus::from_code(status)?, OcfExit(exit), count))
        };
        self.results.iter().filter_map(row).collect()
    }

    pub(super) fn refusals(&self) -> Vec<(&'static str, u64)> {
        self.refusals.iter().map(|(reason, count)| (*reason, *count)).collect()
    }
}

const fn increment(count: &mut u64) {
    *count = count.saturating_add(1);
}
