// SPDX-License-Identifier: LGPL-2.1-or-later
//! Runs the actions of systemd's units in GLib's loop. Nothing connects to the bus before the first of them.
mod bus;
mod link;

use super::children::later;
use super::tasks::Task;
use crate::agents::UnitPlan;
use crate::driver::units::Action;
use crate::model::RunResult;
use link::SystemdLink;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

/// Names an action of a unit while it is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ticket(u64);

/// Called once with the result.
type Done = Box<dyn FnOnce(RunResult)>;

/// An action that is under way.
struct UnderWay {
    task: Task,
    plan: Rc<UnitPlan>,
    done: Done,
    /// What it waits for.
    phase: Rc<Cell<&'static str>>,
}

/// The units of this node, which share one connection.
#[derive(Clone, Default)]
pub(super) struct Units {
    shared: Rc<Shared>,
}

#[derive(Default)]
struct Shared {
    link: Rc<SystemdLink>,
    under_way: RefCell<BTreeMap<Ticket, UnderWay>>,
    last: Cell<u64>,
}

impl Units {
    /// Carries out an action. `done` is called once, from the loop and never from within this.
    pub(super) fn run(&self, plan: UnitPlan, done: impl FnOnce(RunResult) + 'static) -> Ticket {
        let plan = Rc::new(plan);
        let number = self.shared.last.get() + 1;
        self.shared.last.set(number);
        let ticket = Ticket(number);
        let (units, link, planned) = (self.clone(), Rc::clone(&self.shared.link), Rc::clone(&plan));
        let phase = Rc::new(Cell::new(""));
        let told = Rc::clone(&phase);
        let task = Task::start(async move {
            let result = Action::new(&*link, &planned).telling(told).run().await;
            units.finish(ticket, result);
        });
        let under_way = UnderWay { task, plan, done: Box::new(done), phase };
        self.shared.under_way.borrow_mut().insert(ticket, under_way);
        ticket
    }

    /// Waits no longer for an action; the unit goes on by itself. Its end is reported at once.
    pub(super) fn give_up(&self, ticket: Ticket) {
        let under_way = self.shared.under_way.borrow_mut().remove(&ticket);
        if let Some(UnderWay { task, plan, done, phase }) = under_way {
            drop(task);
            later(move || done(plan.given_up(phase.get())));
        }
    }

    fn finish(&self, ticket: Ticket, result: RunResult) {
        let under_way = self.shared.under_way.borrow_mut().remove(&ticket);
        if let Some(UnderWay { done, .. }) = under_way {
            done(result);
        }
    }
}
