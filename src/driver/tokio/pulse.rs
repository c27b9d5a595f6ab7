// SPDX-License-Identifier: LGPL-2.1-or-later
//! Tells a service manager what the loop does. It is told from the loop, behind a turn of the hub: a loop that hangs
//! tells nothing, and the manager's watchdog sees it.
use crate::core::Headcount;
use crate::model::{Millis, Moment};
use std::time::Duration;

/// Between two states that are told.
const PACE: Millis = Millis(1_000);

/// What is told to a service manager.
pub struct Supervision {
    /// How often it wants a sign of life; None: never.
    pub watchdog: Option<Duration>,
    /// Tells it.
    pub tell: Box<dyn Fn(Sign)>,
}

/// One thing that is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// The loop goes on.
    Alive,
    /// There is so much of everything now.
    State(Headcount),
}

/// See the module's documentation.
pub(super) struct Pulse {
    supervision: Supervision,
    next_sign: Moment,
    told: Option<Headcount>,
    next_state: Moment,
}

impl Pulse {
    pub(super) fn new(supervision: Supervision) -> Self {
        Self { supervision, next_sign: Moment::default(), told: None, next_state: Moment::default() }
    }

    /// A turn of the hub is over, after which there is `seen`. When the next call is due though nothing may happen.
    pub(super) fn beat(&mut self, now: Moment, seen: Headcount) -> Option<Moment> {
        let sign = self.supervision.watchdog.map(|period| {
            if now >= self.next_sign {
                (self.supervision.tell)(Sign::Alive);
                self.next_sign = now + period;
            }
            self.next_sign
        });
        if self.told == Some(seen) {
            return sign;
        }
        if now >= self.next_state {
            (self.supervision.tell)(Sign::State(seen));
            (self.told, self.next_state) = (Some(seen), now.after(PACE));
            return sign;
        }
        Some(sign.map_or(self.next_state, |sign| sign.min(self.next_state)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;
    use std::rc::Rc;

    fn at(ms: u64) -> Moment {
        Moment::new(Duration::from_millis(ms))
    }

    fn seen(clients: usize) -> Headcount {
        Headcount { clients, resources: 0, is_shutting_down: false }
    }

    #[test]
    fn signs_come_in_time_and_states_not_too_often() {
        let told = Rc::<RefCell<Vec<Sign>>>::default();
        let heard = Rc::clone(&told);
        let mut pulse = Pulse::new(Supervision {
            watchdog: Some(Duration::from_millis(300)),
            tell: Box::new(move |sign| heard.borrow_mut().push(sign)),
        });
        let mut beat = |ms, clients| {
            let next = pulse.beat(at(ms), seen(clients));
            (next.map(|next| next.since_origin().as_millis()), std::mem::take(&mut *told.borrow_mut()))
        };
        assert_eq!(beat(0, 1), (Some(300), vec![Sign::Alive, Sign::State(seen(1))]));
        assert_eq!(beat(10, 1), (Some(300), vec![]));
        assert_eq!(beat(20, 2), (Some(300), vec![]), "a state waits");
        assert_eq!(beat(900, 2), (Some(1_000), vec![Sign::Alive]), "and is not forgotten");
        assert_eq!(beat(1_000, 3), (Some(1_200), vec![Sign::State(seen(3))]));
        assert_eq!(beat(1_100, 4), (Some(1_200), vec![]));
        assert_eq!(beat(1_150, 3), (Some(1_200), vec![]), "a change that is undone is none");
    }
}
