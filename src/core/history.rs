// SPDX-License-Identifier: LGPL-2.1-or-later
//! What is remembered of an operation's earlier results.
use crate::model::{ExecStatus, OcfExit, Outcome};

/// Earlier results of one operation.
#[derive(Debug, Default)]
pub(super) struct History {
    rc_change_s: u64,
    last_exit: Option<OcfExit>,
    last_told: Option<(OcfExit, ExecStatus)>,
}

impl History {
    /// A run ended: `exit` is the agent's own number, `translated` what will be reported. As upstream, the agent's
    /// own number is compared with the translated one of the time before, and 0 stands for no time before.
    pub(super) fn record(&mut self, exit: i32, translated: OcfExit, unprepared: bool, now_s: u64) {
        if !unprepared && exit != self.last_exit().0 {
            self.rc_change_s = now_s;
        }
        self.last_exit = Some(translated);
    }

    /// A result is told; false when it is the same that was told last.
    pub(super) fn tell(&mut self, outcome: &Outcome) -> bool {
        let told = (outcome.exit, outcome.status);
        self.last_told.replace(told) != Some(told)
    }

    /// The next result is news in any case.
    pub(super) const fn forget_what_was_told(&mut self) {
        self.last_told = None;
    }

    /// What was told last, if anything since the request.
    pub(super) const fn last_told(&self) -> Option<(OcfExit, ExecStatus)> {
        self.last_told
    }

    /// Exit of the last run, translated; 0 before the first.
    pub(super) fn last_exit(&self) -> OcfExit {
        self.last_exit.unwrap_or(OcfExit::OK)
    }

    /// When the exit code last changed, seconds since the epoch; 0: never.
    pub(super) const fn rc_change_s(&self) -> u64 {
        self.rc_change_s
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_change_moves_with_the_exit_of_a_prepared_run_alone() {
        // Exit, translated, unprepared, time; when it has changed last, and the last exit.
        let table = [
            (0, 0, false, 10, (0, 0)),
            (7, 7, false, 20, (20, 7)),
            (7, 7, false, 30, (20, 7)),
            (3, 7, false, 40, (40, 7)),
            (5, 5, true, 50, (40, 5)),
            (5, 5, false, 60, (40, 5)),
        ];
        let mut history = History::default();
        for (exit, translated, unprepared, now_s, expected) in table {
            history.record(exit, OcfExit(translated), unprepared, now_s);
            assert_eq!((history.rc_change_s(), history.last_exit().0), expected, "at {now_s}");
        }
    }

    #[test]
    fn a_result_is_news_unless_it_was_told_last() {
        let outcome = |exit, status| Outcome::new(OcfExit(exit), status);
        let mut history = History::default();
        assert_eq!(history.last_told(), None);
        for (exit, status, news) in [
            (0, ExecStatus::Done, true),
            (0, ExecStatus::Done, false),
            (0, ExecStatus::Cancelled, true),
            (0, ExecStatus::Done, true),
        ] {
            assert_eq!(history.tell(&outcome(exit, status)), news, "{exit} {status:?}");
            assert_eq!(history.last_told(), Some((OcfExit(exit), status)));
        }
        history.forget_what_was_told();
        assert!(history.tell(&outcome(0, ExecStatus::Done)));
    }
}
