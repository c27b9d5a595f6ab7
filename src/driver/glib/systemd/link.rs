// SPDX-License-Identifier: LGPL-2.1-or-later
//! What all actions share: the connection to systemd, and which changes of unit files it has read.
use super::super::tasks::{Lock, sleep};
use super::bus::Bus;
use crate::driver::units::{CallError, Link};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

/// The link of all actions to systemd.
#[derive(Default)]
pub(super) struct SystemdLink {
    bus: RefCell<Option<Rc<Bus>>>,
    connecting: Lock,
    /// Has systemd ever answered? If not it is not "away", it is not there.
    met: Cell<bool>,
    /// How many changes of unit files there were.
    changes: Cell<u64>,
    /// How many of them systemd has read.
    read: Cell<u64>,
    reading: Lock,
}

impl Link for SystemdLink {
    type Bus = Bus;

    async fn bus(&self) -> Result<Rc<Bus>, CallError> {
        let _held = self.connecting.hold().await;
        if let Some(bus) = self.bus.borrow().as_ref().filter(|bus| !bus.is_closed()) {
            return Ok(Rc::clone(bus));
        }
        self.bus.replace(None);
        let bus = Bus::connect().await?;
        if self.met.replace(true) {
            log::info!("Connected to systemd again");
        }
        self.bus.replace(Some(Rc::clone(&bus)));
        Ok(bus)
    }

    /// This is slow on hosts with many units, so changes that come meanwhile share the next time.
    async fn changed(&self, bus: &Bus) -> Result<(), CallError> {
        let change = self.changes.get() + 1;
        self.changes.set(change);
        let _held = self.reading.hold().await;
        if self.read.get() < change {
            let covered = self.changes.get();
            bus.reload_files().await?;
            self.read.set(covered);
        }
        Ok(())
    }

    fn ever_met(&self) -> bool {
        self.met.get()
    }

    async fn sleep(&self, time: Duration) {
        sleep(time).await;
    }
}
