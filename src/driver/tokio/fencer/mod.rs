// SPDX-License-Identifier: LGPL-2.1-or-later
//! Runs the actions of fence devices, through the fencer of this node.
//!
//! [`FencerSession`] knows what is under way, [`link`] is the connection, on a thread of its own since
//! libqb's client waits. This is what lies between them and the hub.
mod link;
#[cfg(test)]
mod tests;

use super::hub::Hub;
use crate::agents::{Verdict, fence_order, fence_result, fencer_lost};
use crate::core::{Finish, Input, RunId};
use crate::model::{DeviceState, ExecStatus, Execution, OcfExit, Outcome};
use crate::session::{FencerSession, FencerStep, Ticket};
use link::{Command, Link, LinkEvent, Target};
use log::{info, warn};
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::{Rc, Weak};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::spawn_local;

/// The way to the fencer. Costs nothing until there is a fence device.
#[derive(Default)]
pub(super) struct Fencer {
    session: RefCell<FencerSession>,
    link: RefCell<Option<Link>>,
    runs: RefCell<HashMap<RunId, Box<Execution>>>,
}

impl Fencer {
    /// Runs an action; the hub is fed its end, sooner or later.
    pub(super) fn start(&self, hub: &Rc<Hub>, run: RunId, execution: Box<Execution>, device: DeviceState) {
        match fence_order(&execution, device) {
            Err(verdict) => hub.input(Input::Finished { run, finish: finish(*verdict) }),
            Ok(order) => {
                let steps = self.session.borrow_mut().begin(Ticket(run.0), order, (*execution).clone());
                self.runs.borrow_mut().insert(run, execution);
                self.follow(hub, steps);
            }
        }
    }

    /// Gives a run up, if it is one of the fencer's: what the fencer does with it interests nobody any longer.
    pub(super) fn kill(&self, hub: &Rc<Hub>, run: RunId) {
        if self.session.borrow_mut().forget(Ticket(run.0)) {
            let outcome =
                Outcome::new(OcfExit::ERROR, ExecStatus::Error).because("the fencer did not answer");
            self.done(hub, run, outcome);
        }
    }

    fn done(&self, hub: &Rc<Hub>, run: RunId, outcome: Outcome) {
        let Some(execution) = self.runs.borrow_mut().remove(&run) else { return };
        let finish = finish(fence_result(&execution, outcome));
        hub.input(Input::Finished { run, finish });
    }

    fn follow(&self, hub: &Rc<Hub>, steps: Vec<FencerStep>) {
        for step in steps {
            match step {
                FencerStep::Connect => self.command(hub, Command::Connect),
                FencerStep::Send(text) => self.command(hub, Command::Send(text)),
                FencerStep::Done(Ticket(run), outcome) => self.done(hub, RunId(run), outcome),
            }
        }
    }

    fn command(&self, hub: &Rc<Hub>, command: Command) {
        let mut link = self.link.borrow_mut();
        if link.is_none() {
            match Link::start(Target::default()) {
                Ok((started, events)) => {
                    *link = Some(started);
                    spawn_local(listen(Rc::downgrade(hub), events));
                }
                Err(problem) => {
                    drop(link);
                    return self.unreachable(hub, &format!("no thread to connect from: {problem}"));
                }
            }
        }
        if let Some(link) = &*link {
            link.command(command);
        }
    }

    fn happened(&self, hub: &Rc<Hub>, event: LinkEvent) {
        match event {
            LinkEvent::Connected(token) => {
                info!("Connected to the fencer");
                let steps = self.session.borrow_mut().connected(token);
                self.follow(hub, steps);
            }
            LinkEvent::Unreachable(problem) => self.unreachable(hub, &problem),
            LinkEvent::Received(text) => {
                let steps = self.session.borrow_mut().received(&text);
                match steps {
                    Ok(steps) => self.follow(hub, steps),
                    Err(problem) => warn!("Ignored a message of the fencer: {problem}"),
                }
            }
            LinkEvent::Lost(problem) => {
                warn!(
                    "Lost the connection to the fencer ({problem}): what fence devices were doing has failed"
                );
                self.lost(hub);
            }
        }
    }

    fn unreachable(&self, hub: &Rc<Hub>, problem: &str) {
        warn!("Cannot connect to the fencer: {problem}");
        let outcome = Outcome::new(OcfExit::ERROR, ExecStatus::NotConnected)
            .because(format!("No connection to fencer: {problem}"));
        let steps = self.session.borrow_mut().disconnected(&outcome);
        self.follow(hub, steps);
    }

    /// The core first fails what waits, lest it send it here when a run in flight has ended.
    fn lost(&self, hub: &Rc<Hub>) {
        let mut outcome = fencer_lost();
        let steps = self.session.borrow_mut().disconnected(&outcome);
        outcome.status = ExecStatus::Error;
        let finish = Finish { outcome, signalled: false, unprepared: false, raw_exit: None };
        hub.input(Input::FencerLost { finish });
        self.follow(hub, steps);
    }
}

async fn listen(hub: Weak<Hub>, mut events: UnboundedReceiver<LinkEvent>) {
    while let Some(event) = events.recv().await {
        let Some(hub) = hub.upgrade() else { return };
        hub.fencer.happened(&hub, event);
    }
}

fn finish(verdict: Verdict) -> Finish {
    let Verdict { outcome, raw_exit, signalled, unprepared } = verdict;
    Finish { outcome, signalled, unprepared, raw_exit }
}
