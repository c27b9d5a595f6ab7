// SPDX-License-Identifier: LGPL-2.1-or-later
//! Runs the actions of systemd's units. Nothing connects to the bus before the first of them.
//!
//! systemd and the bus may be restarted at any time, while a job runs too: the connection is made anew, and
//! the job, which systemd remembers, is waited for again.
mod action;
mod bus;
mod drop_in;

use crate::agents::UnitPlan;
use crate::model::RunResult;
use action::Action;
use bus::{Bus, CallError};
use std::cell::Cell;
use std::rc::Rc;
use tokio::sync::{Mutex, Notify};

/// The units of this node. Clones share one connection.
#[derive(Clone, Default)]
pub struct Units {
    shared: Rc<Shared>,
}

#[derive(Default)]
struct Shared {
    bus: Mutex<Option<Rc<Bus>>>,
    /// Has systemd ever answered? If not it is not "away", it is not there.
    met: Cell<bool>,
    /// How many changes of unit files there were.
    changes: Cell<u64>,
    /// How many of them systemd has read.
    read: Mutex<u64>,
}

impl Units {
    /// Carries out an action, until `stop` is notified.
    pub(super) async fn run(&self, plan: &UnitPlan, stop: &Notify) -> RunResult {
        let action = Action::new(self, plan);
        tokio::select! {
            biased;
            verdict = action.run() => verdict,
            () = stop.notified() => plan.given_up(action.phase()),
        }
    }

    /// The connection that there is, or a new one.
    async fn bus(&self) -> Result<Rc<Bus>, CallError> {
        let mut current = self.shared.bus.lock().await;
        if let Some(bus) = current.as_ref().filter(|bus| !bus.is_closed()) {
            return Ok(Rc::clone(bus));
        }
        *current = None;
        let bus = Rc::new(Bus::connect().await?);
        if self.shared.met.replace(true) {
            log::info!("Connected to systemd again");
        }
        Ok(Rc::clone(current.insert(bus)))
    }

    /// Has systemd read a change of unit files that was just made. That takes it long where there are many
    /// units, so changes that come meanwhile share the next time.
    async fn changed(&self, bus: &Bus) -> Result<(), CallError> {
        let change = self.shared.changes.get() + 1;
        self.shared.changes.set(change);
        let mut read = self.shared.read.lock().await;
        if *read < change {
            let covered = self.shared.changes.get();
            bus.reload_files().await?;
            *read = covered;
        }
        Ok(())
    }

    fn ever_met(&self) -> bool {
        self.shared.met.get()
    }
}
