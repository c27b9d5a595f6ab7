// SPDX-License-Identifier: LGPL-2.1-or-later
//! How many log lines peers without a key can cause: a few in each period, and then a count.
use crate::model::Moment;
use std::time::Duration;

/// Lines in a period, which begins with its first line.
#[derive(Debug)]
pub(super) struct LineBudget {
    lines: u32,
    period: Duration,
    began: Option<Moment>,
    written: u32,
    withheld: u64,
}

/// What is to be done with a line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is written.
    Write,
    /// It is the first that is not: [`LineBudget::settle`] is due when the period ends, at this moment.
    WithholdUntil(Moment),
    /// It is one more that is not.
    Withhold,
}

impl LineBudget {
    pub(super) const fn new(lines: u32, period: Duration) -> Self {
        Self { lines, period, began: None, written: 0, withheld: 0 }
    }

    /// Decides about a line.
    pub(super) fn take(&mut self, now: Moment) -> Verdict {
        // A period with withheld lines lasts until it is settled.
        let is_over = |began: Moment| self.withheld == 0 && now.since(began) >= self.period;
        if self.began.is_none_or(is_over) {
            self.began = Some(now);
            self.written = 0;
        }
        if self.written < self.lines {
            self.written += 1;
            return Verdict::Write;
        }
        self.withheld += 1;
        match self.began {
            Some(began) if self.withheld == 1 => {
                Verdict::WithholdUntil(Moment::new(began.since_origin() + self.period))
            }
            _ => Verdict::Withhold,
        }
    }

    /// Ends the period; how many lines were withheld in it.
    pub(super) fn settle(&mut self) -> u64 {
        self.began = None;
        std::mem::take(&mut self.withheld)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(s: u64) -> Moment {
        Moment::new(Duration::from_secs(s))
    }

    #[test]
    fn a_few_lines_are_written_and_the_others_counted() {
        let mut budget = LineBudget::new(2, Duration::from_secs(60));
        assert_eq!(budget.take(at(5)), Verdict::Write);
        assert_eq!(budget.take(at(6)), Verdict::Write);
        assert_eq!(budget.take(at(7)), Verdict::WithholdUntil(at(65)));
        assert_eq!(budget.take(at(64)), Verdict::Withhold);
        // The timer is late.
        assert_eq!(budget.take(at(66)), Verdict::Withhold);
        assert_eq!(budget.settle(), 3);
        assert_eq!(budget.take(at(67)), Verdict::Write);
    }

    #[test]
    fn a_new_period_begins_after_a_quiet_one() {
        let mut budget = LineBudget::new(1, Duration::from_secs(60));
        for s in [0, 60, 130, 190] {
            assert_eq!(budget.take(at(s)), Verdict::Write, "{s}");
        }
    }
}
