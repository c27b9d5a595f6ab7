// SPDX-License-Identifier: LGPL-2.1-or-later
//! Alerts alone, for a program whose executor is another object's.
use super::children::{Children, RunHandle};
use crate::agents::AgentConfig;
use crate::model::{Alert, ExecStatus, KillScope, Millis, RunResult};
use crate::sys::glib::{Priority, Source, iterate};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

/// How much longer than the longest limit the last alerts are waited for.
const GRACE: Millis = Millis(5_000);

/// An alert that has not ended.
struct InFlight {
    limit: Millis,
    run: RunHandle,
    /// Kills it when its limit is over, once.
    timer: Option<Source>,
}

/// The alerts of one program.
pub struct Alerts {
    children: Children,
    in_flight: Rc<RefCell<BTreeMap<u32, InFlight>>>,
    last: u32,
}

impl Default for Alerts {
    /// Alerts inherit the process's environment, as it is when each is started.
    fn default() -> Self {
        Self {
            children: Children::new(|| AgentConfig::new(std::env::vars_os().collect())),
            in_flight: Rc::default(),
            last: 0,
        }
    }
}

impl Alerts {
    /// Starts an alert in its turn, as number so and so since the first. `client` is who asked, for the log.
    pub fn run(&mut self, mut alert: Alert, client: String) {
        self.last = self.last.wrapping_add(1).max(1);
        let number = self.last;
        alert.sequence = number;
        let limit = alert.timeout;
        let waiting = Rc::clone(&self.in_flight);
        let run = self.children.alert(None, &alert, move |result| {
            waiting.borrow_mut().remove(&number);
            report(&result, &client);
        });
        let timer = (limit != Millis(0)).then(|| self.timer(number, limit));
        self.in_flight.borrow_mut().insert(number, InFlight { limit, run, timer });
    }

    fn timer(&self, number: u32, limit: Millis) -> Source {
        let (children, in_flight) = (self.children.clone(), Rc::clone(&self.in_flight));
        let timer = Source::attach(c"pcmk-remote-rs alert limit", Priority::Default, move || {
            let late =
                in_flight.borrow_mut().get_mut(&number).map(|late| (late.run.clone(), late.timer.take()));
            if let Some((run, timer)) = late {
                children.kill(&run, KillScope::Group);
                drop(timer);
            }
        });
        timer.set_timer(Some(limit.into()));
        timer
    }

    /// What to wait for: the alerts that have not ended.
    pub fn pending(&self) -> Pending {
        Pending { in_flight: Rc::clone(&self.in_flight) }
    }

    /// Was there ever an alert?
    pub const fn has_begun(&self) -> bool {
        self.last > 0
    }
}

/// Alerts that have not ended.
pub struct Pending {
    in_flight: Rc<RefCell<BTreeMap<u32, InFlight>>>,
}

impl Pending {
    /// Has the default main context run until there are none, or until 5 s after the longest limit among them. Anything
    /// else in the loop runs meanwhile.
    pub fn wait(&self) {
        let longest = self.in_flight.borrow().values().map(|alert| alert.limit).max();
        let Some(longest) = longest else { return };
        let over = Rc::new(Cell::new(false));
        let is_over = Rc::clone(&over);
        let limit =
            Source::attach(c"pcmk-remote-rs last alerts", Priority::Default, move || is_over.set(true));
        limit.set_timer(Some(Duration::from(longest) + Duration::from(GRACE)));
        while !over.get() && !self.in_flight.borrow().is_empty() {
            iterate(true);
        }
    }
}

fn report(result: &RunResult, client: &str) {
    let outcome = &result.outcome;
    let reason = outcome.reason.as_deref().unwrap_or("no reason is known");
    match (outcome.status, result.raw_exit) {
        (ExecStatus::Done, Some(0)) => log::debug!("An alert for client {client} completed"),
        (ExecStatus::Done, Some(code)) => {
            crate::log_notice!("An alert for client {client} exited with status {code}");
        }
        (status, _) => {
            crate::log_notice!("Could not send an alert for client {client}: {status:?} ({reason})")
        }
    }
}
