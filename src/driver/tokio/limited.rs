// SPDX-License-Identifier: LGPL-2.1-or-later
//! Warnings that peers can cause at will: the first of a minute are written, the others counted.
use super::clock::instant;
use super::line_budget::{LineBudget, Verdict};
use crate::driver::clock::Clock;
use log::warn;
use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;
use std::time::Duration;
use tokio::task::spawn_local;
use tokio::time::sleep_until;

/// Lines that are written in a period.
pub(super) const LINES: u32 = 32;
pub(super) const PERIOD: Duration = Duration::from_secs(60);

/// Lines of one kind.
pub(super) struct Limited {
    clock: Clock,
    lines: RefCell<LineBudget>,
    /// Tells how many were not written.
    tell: Box<dyn Fn(u64)>,
}

impl Limited {
    /// `tell` says at a period's end how many lines were not written in it, if any.
    pub(super) fn new(clock: Clock, tell: impl Fn(u64) + 'static) -> Rc<Self> {
        let lines = RefCell::new(LineBudget::new(LINES, PERIOD));
        Rc::new(Self { clock, lines, tell: Box::new(tell) })
    }

    /// Warns, unless there were many such lines.
    pub(super) fn warn(self: &Rc<Self>, line: fmt::Arguments<'_>) {
        let verdict = self.lines.borrow_mut().take(self.clock.moment());
        match verdict {
            Verdict::Write => warn!("{line}"),
            Verdict::WithholdUntil(moment) => {
                let (limited, moment) = (Rc::clone(self), instant(self.clock, moment));
                spawn_local(async move {
                    sleep_until(moment).await;
                    let count = limited.lines.borrow_mut().settle();
                    (limited.tell)(count);
                });
            }
            Verdict::Withhold => {}
        }
    }
}

impl fmt::Debug for Limited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Limited").field("lines", &self.lines).finish_non_exhaustive()
    }
}
