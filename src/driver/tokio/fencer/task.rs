// SPDX-License-Identifier: LGPL-2.1-or-later
//! The task that hands orders to the fencer and its answers to the hub.
use super::link::{Command, Link, LinkEvent, Target};
use crate::agents::{fence_result, fencer_lost};
use crate::core::{Input, RunId};
use crate::driver::tokio::inbox::Inbox;
use crate::model::{ExecStatus, Execution, FenceOrder, OcfExit, Outcome, RunResult};
use crate::session::{FencerSession, FencerStep, Ticket};
use log::{info, warn};
use std::collections::HashMap;
use std::future::pending;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::yield_now;

/// What the task is to do.
pub(super) enum Order {
    /// Have the fencer do this.
    Begin {
        /// Its number.
        run: RunId,
        /// What the fencer is asked.
        order: FenceOrder,
        /// The action that it belongs to.
        execution: Box<Execution>,
    },
    /// End a run before its time.
    GiveUp(RunId),
}

/// See the module's documentation.
pub(super) struct FencerTask {
    inbox: Inbox,
    session: FencerSession,
    /// The connection's thread, and what it tells.
    link: Option<(Link, UnboundedReceiver<LinkEvent>)>,
    runs: HashMap<RunId, Box<Execution>>,
}

impl FencerTask {
    pub(super) fn new(inbox: Inbox) -> Self {
        Self { inbox, session: FencerSession::default(), link: None, runs: HashMap::new() }
    }

    /// Serves until `orders` end.
    pub(super) async fn run(mut self, mut orders: UnboundedReceiver<Order>) {
        loop {
            tokio::select! {
                biased;
                order = orders.recv() => match order {
                    Some(order) => self.take(order),
                    None => return,
                },
                event = next_event(&mut self.link) => self.happened(event),
            }
            // However much there is to do, others have their turn.
            yield_now().await;
        }
    }

    fn take(&mut self, order: Order) {
        match order {
            Order::Begin { run, order, execution } => {
                let steps = self.session.begin(Ticket(run.0), order, (*execution).clone());
                self.runs.insert(run, execution);
                self.follow(steps);
            }
            Order::GiveUp(run) => {
                if self.session.forget(Ticket(run.0)) {
                    let outcome =
                        Outcome::new(OcfExit::ERROR, ExecStatus::Error).because("the fencer did not answer");
                    self.done(run, outcome);
                }
            }
        }
    }

    fn done(&mut self, run: RunId, outcome: Outcome) {
        let Some(execution) = self.runs.remove(&run) else { return };
        let result = fence_result(&execution, outcome);
        self.inbox.input(Input::Finished { run, result });
    }

    fn follow(&mut self, steps: Vec<FencerStep>) {
        for step in steps {
            match step {
                FencerStep::Connect => self.command(Command::Connect),
                FencerStep::Send(text) => self.command(Command::Send(text)),
                FencerStep::Done(Ticket(run), outcome) => self.done(RunId(run), outcome),
            }
        }
    }

    fn command(&mut self, command: Command) {
        if self.link.is_none() {
            match Link::start(Target::default()) {
                Ok(started) => self.link = Some(started),
                Err(problem) => {
                    return self.unreachable(&format!("no thread to connect from: {problem}"));
                }
            }
        }
        if let Some((link, _)) = &self.link {
            link.command(command);
        }
    }

    fn happened(&mut self, event: LinkEvent) {
        match event {
            LinkEvent::Connected(token) => {
                info!("Connected to the fencer");
                let steps = self.session.connected(token);
                self.follow(steps);
            }
            LinkEvent::Unreachable(problem) => self.unreachable(&problem),
            LinkEvent::Received(text) => match self.session.received(&text) {
                Ok(steps) => self.follow(steps),
                Err(problem) => warn!("Ignored a message of the fencer: {problem}"),
            },
            LinkEvent::Lost(problem) => {
                warn!(
                    "Lost the connection to the fencer ({problem}): what fence devices were doing has failed"
                );
                self.lost();
            }
        }
    }

    fn unreachable(&mut self, problem: &str) {
        warn!("Cannot connect to the fencer: {problem}");
        let outcome = Outcome::new(OcfExit::ERROR, ExecStatus::NotConnected)
            .because(format!("No connection to fencer: {problem}"));
        let steps = self.session.disconnected(&outcome);
        self.follow(steps);
    }

    /// The core first fails what waits, so that it does not send it here when a run in flight has ended.
    fn lost(&mut self) {
        let mut outcome = fencer_lost();
        let steps = self.session.disconnected(&outcome);
        outcome.status = ExecStatus::Error;
        self.inbox.input(Input::FencerLost { result: RunResult::new(outcome, None) });
        self.follow(steps);
    }
}

/// What the connection's thread tells next. It ends only after the task.
async fn next_event(link: &mut Option<(Link, UnboundedReceiver<LinkEvent>)>) -> LinkEvent {
    if let Some((_, events)) = link
        && let Some(event) = events.recv().await
    {
        return event;
    }
    pending().await
}
