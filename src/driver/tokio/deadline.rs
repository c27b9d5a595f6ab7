// SPDX-License-Identifier: LGPL-2.1-or-later
//! One timer for all of the core's deadlines.
use super::hub::Hub;
use crate::core::Input;
use std::cell::Cell;
use std::rc::Rc;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

/// The earliest deadline that the timer task sleeps for.
#[derive(Debug, Default)]
pub struct Alarm {
    armed: Cell<Option<Instant>>,
    changed: Notify,
}

impl Alarm {
    /// Called after every step: wakes the task only when the earliest deadline has moved.
    pub fn set(&self, deadline: Option<Instant>) {
        if self.armed.replace(deadline) != deadline {
            self.changed.notify_one();
        }
    }

    /// Feeds a tick to the hub whenever the earliest deadline has passed.
    pub async fn run(hub: Rc<Hub>) {
        let alarm = &hub.alarm;
        loop {
            let Some(deadline) = alarm.armed.get() else {
                alarm.changed.notified().await;
                continue;
            };
            tokio::select! {
                () = sleep_until(deadline) => {
                    alarm.armed.set(None);
                    hub.input(Input::Tick);
                }
                () = alarm.changed.notified() => {}
            }
        }
    }
}
