// SPDX-License-Identifier: LGPL-2.1-or-later
//! A shortage that lasts is told when it begins and when it has ended, not at each attempt in between.
use crate::model::Moment;
use std::time::Duration;

/// So long nothing must have failed before a shortage counts as over: at its edge attempts fail and succeed by turns.
pub(super) const QUIET: Duration = Duration::from_secs(5);

/// Attempts that fail for want of something.
#[derive(Debug, Default)]
pub(super) struct Shortage {
    under_way: Option<UnderWay>,
}

#[derive(Debug)]
struct UnderWay {
    begin: Moment,
    last: Moment,
    failures: u64,
}

/// A shortage that is over.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Over {
    /// How many attempts failed.
    pub(super) failures: u64,
    /// From the first of them to the last.
    pub(super) lasted: Duration,
}

impl Shortage {
    /// An attempt has failed; is it the first, which is to be told?
    pub(super) fn failed(&mut self, now: Moment) -> bool {
        let is_first = self.under_way.is_none();
        let under_way = self.under_way.get_or_insert(UnderWay { begin: now, last: now, failures: 0 });
        under_way.last = now;
        under_way.failures += 1;
        is_first
    }

    pub(super) const fn is_under_way(&self) -> bool {
        self.under_way.is_some()
    }

    /// Is it over? Then that is to be told.
    pub(super) fn look(&mut self, now: Moment) -> Option<Over> {
        let quiet = |under_way: &mut UnderWay| now.since(under_way.last) >= QUIET;
        let UnderWay { begin, last, failures } = self.under_way.take_if(quiet)?;
        Some(Over { failures, lasted: last.since(begin) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_told_at_its_begin_and_once_when_nothing_has_failed_for_a_while() {
        let at = |seconds: u64| Moment::new(Duration::from_secs(seconds));
        let mut shortage = Shortage::default();
        assert!(!shortage.is_under_way() && shortage.look(at(0)).is_none());
        assert!(shortage.failed(at(100)));
        // Some succeed between, which is no end.
        for second in 101..200 {
            assert!(!shortage.failed(at(second)) && shortage.look(at(second)).is_none());
        }
        assert_eq!(shortage.look(at(203)), None);
        assert_eq!(shortage.look(at(204)), Some(Over { failures: 100, lasted: Duration::from_secs(99) }));
        assert!(shortage.look(at(300)).is_none() && !shortage.is_under_way());
        assert!(shortage.failed(at(300)), "another one is told, too");
    }
}
