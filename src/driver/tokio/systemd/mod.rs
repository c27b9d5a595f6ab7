// SPDX-License-Identifier: LGPL-2.1-or-later
//! Runs the actions of systemd's units. Nothing connects to the bus before the first of them.
mod bus;
mod link;

use crate::agents::UnitPlan;
use crate::driver::units::Action;
use crate::model::RunResult;
use link::SystemdLink;
use std::rc::Rc;
use tokio::sync::Notify;

/// The units of this node. Clones share one connection.
#[derive(Clone, Default)]
pub struct Units {
    link: Rc<SystemdLink>,
}

impl Units {
    /// Carries out an action, until `stop` is notified.
    pub(super) async fn run(&self, plan: &UnitPlan, stop: &Notify) -> RunResult {
        let action = Action::new(&*self.link, plan);
        tokio::select! {
            biased;
            verdict = action.run() => verdict,
            () = stop.notified() => plan.given_up(action.phase()),
        }
    }
}
