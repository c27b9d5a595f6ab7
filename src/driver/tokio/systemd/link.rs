// SPDX-License-Identifier: LGPL-2.1-or-later
//! What all actions share: the connection to systemd, and which changes of unit files it has read.
use super::bus::Bus;
use crate::driver::units::{self, CallError};
use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;
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

impl units::Link for SystemdLink {
    type Bus = Bus;

    async fn bus(&self) -> Result<Rc<Bus>, CallError> {
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

    /// This is slow on hosts with many units, so changes that come meanwhile share the next time.
    async fn changed(&self, bus: &Bus) -> Result<(), CallError> {
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

    fn ever_met(&self) -> bool {
        self.met.get()
    }

    async fn sleep(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }
}
