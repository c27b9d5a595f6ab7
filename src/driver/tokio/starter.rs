// SPDX-License-Identifier: LGPL-2.1-or-later
//! The thread that starts agents and alerts, so that the loop does not stand still until each executes: that takes as
//! long as the machine is busy, and for a file on a server that is away without end.
//!
//! A start that is held up gets a thread to itself: another one goes on with the rest. Its limit counts then, and when it
//! is over the child is killed though it has not executed yet. The number of threads is bounded; when all are held up the
//! others wait until a limit is over.
#![allow(clippy::disallowed_methods, reason = "a driver: it reads the clock")]

use crate::agents::{AgentConfig, Plan, StartFailure, start_failed};
use crate::core::RunId;
use crate::driver::launch::launch;
use crate::driver::starts::{Owner, Starts, Ticket};
use crate::model::RunResult;
use crate::sys::attempt::{Attempt, Stop};
use crate::sys::spawn::{Child, Dispositions, Stdin};
use nix::sys::signal::SigSet;
use std::cell::Cell;
use std::io;
use std::rc::{Rc, Weak};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;
use tokio::task::spawn_local;
use tokio::time::sleep;

/// A start that takes longer is held up. On a busy machine most take a millisecond or two.
const HELD_UP: Duration = Duration::from_millis(200);

/// With 16 programs that hang there are other worries.
const MOST_THREADS: usize = 16;

/// Makes the plan, on the thread: agents are looked for in the file system, and secrets are read from it. Only then is
/// there a second copy of the parameters.
pub(super) type Order = Box<dyn FnOnce(&AgentConfig) -> Result<Plan, Box<RunResult>> + Send>;

/// What happens to a run.
#[derive(Debug)]
pub enum Progress {
    /// It waits for its start. Said at most once, before the call that starts it returns.
    Waits,
    /// It runs, or its start takes long: its limit counts. Not said of a run that could not be started, nor of an action
    /// of a unit.
    Started,
    /// It is over. Said once, from a task.
    Ended(RunResult),
}

/// A child, and how to read its end.
pub(super) struct Begun {
    pub(super) child: Child,
    pub(super) plan: Plan,
}

/// What becomes of an order. Its sender is dropped with an order that is stopped before there is a child.
pub(super) type Answer = oneshot::Receiver<Result<Begun, Box<RunResult>>>;
type Answering = oneshot::Sender<Result<Begun, Box<RunResult>>>;

struct Start {
    order: Order,
    errand: Arc<Errand>,
}

/// What the loop and the thread share of one start.
struct Errand {
    run: RunId,
    attempt: Attempt,
    answer: Mutex<Option<Answering>>,
    /// Has the loop been told that it has begun?
    told: AtomicBool,
}

impl Errand {
    /// Has the loop been told that it has begun? It has from now on.
    fn was_told(&self) -> bool {
        self.told.swap(true, Ordering::Relaxed)
    }

    fn take_answer(&self) -> Option<Answering> {
        self.answer.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// A start that has not been answered.
#[derive(Clone)]
pub(super) struct Pending {
    ticket: Ticket,
    errand: Arc<Errand>,
}

impl Pending {
    /// Has it been said already that the run has begun?
    pub(super) fn was_told(&self) -> bool {
        self.errand.was_told()
    }
}

struct Shared {
    config: AgentConfig,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    starts: Starts<Start>,
    /// Those that threads are at.
    current: Vec<Current>,
    threads: usize,
    /// Threads that wait for a start.
    idle: usize,
    closed: bool,
}

struct Current {
    errand: Arc<Errand>,
    since: Instant,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The threads and their queue; clones are the same. When the last is dropped what waits is not started any more. The
/// first thread begins with the first start: a daemon that runs no agents has none.
#[derive(Clone)]
pub struct Starter {
    owner: Rc<Keeper>,
}

struct Keeper {
    shared: Arc<Shared>,
    tell: Box<dyn Fn(RunId, Progress)>,
    /// Is there a task that looks for starts that are held up?
    looking: Cell<bool>,
}

impl Keeper {
    /// Threads are not waited for: the program that one starts may hang in the kernel.
    fn close(&self) {
        self.shared.state().closed = true;
        self.shared.changed.notify_all();
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.close();
    }
}

impl Starter {
    /// Starts nothing yet. How runs go is told to `tell`.
    pub fn new(config: AgentConfig, tell: impl Fn(RunId, Progress) + 'static) -> Self {
        let shared = Shared { config, state: Mutex::default(), changed: Condvar::new() };
        let (shared, tell) = (Arc::new(shared), Box::new(tell));
        Self { owner: Rc::new(Keeper { shared, tell, looking: Cell::new(false) }) }
    }

    /// How agents are run.
    pub(super) fn config(&self) -> &AgentConfig {
        &self.owner.shared.config
    }

    /// Tells how a run goes.
    pub(super) fn tell(&self, run: RunId, progress: Progress) {
        (self.owner.tell)(run, progress);
    }

    /// Has `order` carried out, behind all others of its owner.
    ///
    /// # Errors
    /// When there can be no thread: the run's result.
    pub(super) fn add(
        &self,
        run: RunId,
        owner: Owner,
        order: Order,
    ) -> Result<(Pending, Answer), Box<RunResult>> {
        let shared = &self.owner.shared;
        let mut state = shared.state();
        if state.threads == 0
            && let Err(error) = add_thread(shared, &mut state)
        {
            drop(state);
            return Err(without_thread(order, &shared.config, &error));
        }
        let (answer, received) = oneshot::channel();
        let answer = Mutex::new(Some(answer));
        let errand =
            Arc::new(Errand { run, attempt: Attempt::default(), answer, told: AtomicBool::new(false) });
        let ticket = state.starts.add(owner, Start { order, errand: Arc::clone(&errand) });
        let wake = state.idle > 0;
        drop(state);
        if wake {
            shared.changed.notify_one();
        }
        self.look_after_it();
        Ok((Pending { ticket, errand }, received))
    }

    /// Ends a start: one that has not begun is not carried out, and its answer is dropped. True: there will be no child.
    pub(super) fn stop(&self, pending: &Pending) -> bool {
        if pending.errand.attempt.stop() != Stop::NeverStarts {
            return false;
        }
        drop(pending.errand.take_answer());
        let withdrawn = self.owner.shared.state().starts.withdraw(pending.ticket);
        drop(withdrawn);
        true
    }

    /// Starts nothing more.
    pub fn close(&self) {
        self.owner.close();
    }

    fn look_after_it(&self) {
        if !self.owner.looking.replace(true) {
            drop(spawn_local(look_for_held_up(Rc::downgrade(&self.owner))));
        }
    }
}

/// Ends when nothing waits for its start.
async fn look_for_held_up(owner: Weak<Keeper>) {
    loop {
        sleep(HELD_UP).await;
        let Some(owner) = owner.upgrade() else { return };
        if !owner.look() {
            return owner.looking.set(false);
        }
    }
}

impl Keeper {
    /// False: nothing waits for its start.
    fn look(&self) -> bool {
        let mut state = self.shared.state();
        let is_held_up = |current: &&Current| current.since.elapsed() >= HELD_UP;
        let held_up: Vec<_> =
            state.current.iter().filter(is_held_up).map(|current| Arc::clone(&current.errand)).collect();
        if held_up.len() == state.threads
            && !state.starts.is_empty()
            && state.threads < MOST_THREADS
            && let Err(error) = add_thread(&self.shared, &mut state)
        {
            log::warn!(
                "Starts of agents wait for one that is held up, as there can be no other thread: {error}"
            );
        }
        let more = !(state.starts.is_empty() && state.current.is_empty());
        drop(state);
        for errand in held_up {
            errand.attempt.stop_again();
            if !errand.was_told() {
                (self.tell)(errand.run, Progress::Started);
            }
        }
        more
    }
}

fn add_thread(shared: &Arc<Shared>, state: &mut State) -> io::Result<()> {
    let worker = Arc::clone(shared);
    thread::Builder::new().name("starter".to_owned()).spawn(move || work(&worker))?;
    state.threads += 1;
    Ok(())
}

fn work(shared: &Shared) {
    // Signals are the main thread's.
    let _ = SigSet::all().thread_block();
    let dispositions = Dispositions::now();
    let mut done = None;
    while let Some(Start { order, errand }) = next(shared, done.take()) {
        let begun = order(&shared.config).and_then(|plan| {
            let child = launch(&plan, &shared.config, Stdin::Inherit, dispositions, &errand.attempt)?;
            Ok(Begun { child, plan })
        });
        if let Some(answer) = errand.take_answer() {
            // Its receiver is gone when the daemon is on its way out: then the agent lives on, as all do.
            let _ = answer.send(begun);
        }
        done = Some(errand);
    }
}

/// Waits for the next start; None: this thread is not needed any more. `done` is what it was at.
fn next(shared: &Shared, done: Option<Arc<Errand>>) -> Option<Start> {
    let mut state = shared.state();
    if let Some(done) = done {
        state.current.retain(|current| !Arc::ptr_eq(&current.errand, &done));
    }
    loop {
        if state.closed {
            return None;
        }
        if let Some(start) = state.starts.next() {
            let errand = Arc::clone(&start.errand);
            state.current.push(Current { errand, since: Instant::now() });
            return Some(start);
        }
        if state.idle > 0 {
            state.threads -= 1;
            return None;
        }
        state.idle += 1;
        state = shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        state.idle -= 1;
    }
}

/// The result of a run for which there can be no thread.
fn without_thread(order: Order, config: &AgentConfig, error: &io::Error) -> Box<RunResult> {
    let errno = error.raw_os_error().unwrap_or_default();
    match order(config) {
        Ok(plan) => Box::new(start_failed(&plan, &StartFailure::Resources(errno))),
        Err(refused) => refused,
    }
}
