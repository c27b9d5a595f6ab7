// SPDX-License-Identifier: LGPL-2.1-or-later
//! What all actions share: the connection to systemd, and which changes of unit files it has read.
use super::bus::{Bus, CallError};
use std::cell::Cell;
use std::rc::Rc;
use tokio::sync::Mutex;

/// The link of all actions to systemd.
#[derive(Default)]
pub(super) struct SystemdLink {
    bus: Mutex<Option<Rc<Bus>>>,
    /// Has systemd ever answered? If not it is not "away", it is not there.
    met: Cell<bool>,
    /// How many changes of unit files there were.
    changes: Cell<u64>,
    /// How many of them systemd has read.
    read: Mutex<u64>,
}

impl SystemdLink {
    /// The connection that there is, or a new one.
    pub(super) async fn bus(&self) -> Result<Rc<Bus>, CallError> {
        let mut current = self.bus.lock().await;
        if let Some(bus) = current.as_ref().filter(|bus| !bus.is_closed()) {
            return Ok(Rc::clone(bus));
        }
        *current = None;
        let bus = Rc::new(Bus::connect().await?);
        if self.met.replace(true) {
            log::info!("Connected to systemd again");
        }
        Ok(Rc::clone(current.insert(bus)))
    }

    /// Makes systemd read a change of unit files that was just made. This is slow on hosts with many units, so changes
    /// that come meanwhile share the next time.
    pub(super) async fn changed(&self, bus: &Bus) -> Result<(), CallError> {
        let change = self.changes.get() + 1;
        self.changes.set(change);
        let mut read = self.read.lock().await;
        if *read < change {
            let covered = self.changes.get();
            bus.reload_files().await?;
            *read = covered;
        }
        Ok(())
    }

    /// Has systemd ever answered?
    pub(super) fn ever_met(&self) -> bool {
        self.met.get()
    }
}
