// SPDX-License-Identifier: LGPL-2.1-or-later
//! Runs the actions of fence devices, through the fencer of this node.
//!
//! [`FencerSession`] knows what is under way, [`link`] is the connection, on a thread of its own since
//! libqb's client waits. [`task`] lies between them and the hub's inbox.
mod link;
mod task;
#[cfg(test)]
mod tests;

use super::inbox::Inbox;
use crate::agents::fence_order;
use crate::core::{Input, RunId};
use crate::model::{DeviceState, Execution};
use task::{FencerTask, Order, finish};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::task::spawn_local;

/// The way to the fencer. Costs nothing until there is a fence device.
pub(super) struct Fencer {
    inbox: Inbox,
    orders: Option<UnboundedSender<Order>>,
}

impl Fencer {
    pub(super) fn new(inbox: Inbox) -> Self {
        Self { inbox, orders: None }
    }

    /// Runs an action; its end is put into the inbox, sooner or later.
    pub(super) fn start(&mut self, run: RunId, execution: Box<Execution>, device: DeviceState) {
        match fence_order(&execution, device) {
            Err(verdict) => self.inbox.input(Input::Finished { run, finish: finish(*verdict) }),
            Ok(order) => self.order(Order::Begin { run, order, execution }),
        }
    }

    /// Gives a run up: its result will be ignored, and its end is reported at once.
    pub(super) fn give_up(&mut self, run: RunId) {
        self.order(Order::GiveUp(run));
    }

    fn order(&mut self, order: Order) {
        let orders = self.orders.get_or_insert_with(|| {
            let (orders, received) = unbounded_channel();
            spawn_local(FencerTask::new(self.inbox.clone()).run(received));
            orders
        });
        // The task ends only after this.
        let _ = orders.send(order);
    }
}
