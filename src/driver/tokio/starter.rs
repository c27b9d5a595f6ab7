// SPDX-License-Identifier: LGPL-2.1-or-later
//! The thread that starts agents and alerts, so that the loop does not stand still until each executes: that takes as
//! long as the machine is busy, and for a file on a server that is away without end.
use crate::agents::{AgentConfig, Plan, StartFailure, start_failed};
use crate::driver::launch::launch;
use crate::driver::starts::{Starts, Ticket};
use crate::model::RunResult;
use crate::sys::spawn::{Child, Dispositions, Stdin};
use nix::sys::signal::SigSet;
use std::cell::Cell;
use std::io;
use std::rc::Rc;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use tokio::sync::oneshot;

/// Makes the plan, on the thread: agents are looked for in the file system, and secrets are read from it. Only then is
/// there a second copy of the parameters.
pub(super) type Order = Box<dyn FnOnce(&AgentConfig) -> Result<Plan, Box<RunResult>> + Send>;

/// A child, and how to read its end.
pub(super) struct Begun {
    pub(super) child: Child,
    pub(super) plan: Plan,
}

/// What becomes of an order. Its sender is dropped with an order that is withdrawn.
pub(super) type Answer = oneshot::Receiver<Result<Begun, Box<RunResult>>>;

struct Start {
    order: Order,
    answer: oneshot::Sender<Result<Begun, Box<RunResult>>>,
}

struct Shared {
    config: AgentConfig,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    starts: Starts<Start>,
    closed: bool,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The thread and its queue; clones are the same. When the last is dropped what waits is not started any more. The
/// thread begins with the first start: a daemon that runs no agents has none.
#[derive(Clone)]
pub struct Starter {
    owner: Rc<Owner>,
}

struct Owner {
    shared: Arc<Shared>,
    running: Cell<bool>,
}

impl Drop for Owner {
    fn drop(&mut self) {
        // It is not waited for: the program that it starts may hang in the kernel.
        self.shared.state().closed = true;
        self.shared.changed.notify_one();
    }
}

impl Starter {
    /// Starts nothing yet.
    pub fn new(config: AgentConfig) -> Self {
        let shared = Shared { config, state: Mutex::default(), changed: Condvar::new() };
        Self { owner: Rc::new(Owner { shared: Arc::new(shared), running: Cell::new(false) }) }
    }

    /// How agents are run.
    pub(super) fn config(&self) -> &AgentConfig {
        &self.owner.shared.config
    }

    /// Has `order` carried out, behind all others.
    ///
    /// # Errors
    /// When there can be no thread: the run's result.
    pub(super) fn add(&self, order: Order) -> Result<(Ticket, Answer), Box<RunResult>> {
        let Owner { shared, running } = &*self.owner;
        if !running.get() {
            let worker = Arc::clone(shared);
            let thread = thread::Builder::new().name("starter".to_owned());
            if let Err(error) = thread.spawn(move || work(&worker)) {
                return Err(without_thread(order, &shared.config, &error));
            }
            running.set(true);
        }
        let (answer, received) = oneshot::channel();
        let ticket = shared.state().starts.add(Start { order, answer });
        shared.changed.notify_one();
        Ok((ticket, received))
    }

    /// Takes an order back that has not begun; false: it has.
    pub(super) fn withdraw(&self, ticket: Ticket) -> bool {
        let start = self.owner.shared.state().starts.withdraw(ticket);
        start.is_some()
    }
}

fn work(shared: &Shared) {
    // Signals are the main thread's.
    let _ = SigSet::all().thread_block();
    let dispositions = Dispositions::now();
    while let Some(Start { order, answer }) = next(shared) {
        let begun = order(&shared.config).and_then(|plan| {
            let child = launch(&plan, &shared.config, Stdin::Inherit, dispositions)?;
            Ok(Begun { child, plan })
        });
        // Nobody hears it when the daemon is on its way out: then the agent lives on, as all do.
        let _ = answer.send(begun);
    }
}

/// Waits for the next start; None: no more.
fn next(shared: &Shared) -> Option<Start> {
    let state = shared.state();
    let idle = |state: &mut State| !state.closed && state.starts.is_empty();
    let mut state = shared.changed.wait_while(state, idle).unwrap_or_else(PoisonError::into_inner);
    if state.closed { None } else { state.starts.next() }
}

/// The result of a run for which there can be no thread.
fn without_thread(order: Order, config: &AgentConfig, error: &io::Error) -> Box<RunResult> {
    let errno = error.raw_os_error().unwrap_or_default();
    match order(config) {
        Ok(plan) => Box::new(start_failed(&plan, &StartFailure::Resources(errno))),
        Err(refused) => refused,
    }
}
