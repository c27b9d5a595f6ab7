// SPDX-License-Identifier: LGPL-2.1-or-later
//! The thread that starts agents and alerts, so that the loop does not stand still until each executes: that takes as
//! long as the machine is busy, and for a file on a server that is away without end.
//!
//! A start that is held up gets a thread to itself: another one goes on with the rest. Its limit counts then, and when it
//! is over the child is killed though it has not executed yet. The number of threads is bounded; when all are held up the
//! others wait until a limit is over.
//!
//! Where there is little to gain by a thread, a start is done on the loop: it is the only one of a turn, few others have
//! begun lately, and the agent is [familiar](Familiar). To have a thread woken costs a fifth of what a run does.
#![allow(clippy::disallowed_methods, reason = "a driver: it reads the clock")]

use super::errand::{Answer, Begun, Errand};
use super::familiar::{Familiar, is_local};
use super::watch;
use crate::agents::{AgentConfig, Plan, StartFailure, start_failed};
use crate::core::RunId;
use crate::driver::launch::launch;
use crate::driver::starts::{Owner, Starts, Ticket};
use crate::model::{Agent, RunResult};
use crate::sys::process;
use crate::sys::spawn::{Child, Dispositions, Stdin};
use nix::sys::signal::SigSet;
use std::cell::{Cell, OnceCell, RefCell};
use std::io;
use std::rc::{Rc, Weak};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tokio::task::{AbortHandle, spawn_local};
use tokio::time::sleep;

/// A start that takes longer is held up. On a busy machine most take a millisecond or two.
const HELD_UP: Duration = Duration::from_millis(200);

/// Most agents end sooner, with less to say than a pipe holds: until then nobody needs to be woken for what they say, for
/// the ends of their pipes, nor for their start.
const BRIEF: Duration = Duration::from_millis(10);

/// While more runs than this have begun and are neither over nor long, all starts are the threads': they wait less.
const FEW: usize = 8;

/// A start that takes longer has waited for something.
const AT_ONCE: Duration = Duration::from_millis(20);

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
    /// Since then it runs, or a thread tries to start it: its limit counts. Said late, of a short run together with its
    /// end. Not said of a run that could not be started, nor of an action of a unit.
    Started(Instant),
    /// It is over. Said once, from a task.
    Ended(RunResult),
}

struct Start {
    order: Order,
    errand: Arc<Errand>,
}

/// A start whose answer has not been taken.
#[derive(Clone)]
pub(super) struct Pending {
    ticket: Ticket,
    pub(super) errand: Arc<Errand>,
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
    /// Those that threads have done lately.
    done: Vec<Current>,
    threads: usize,
    /// Threads that wait for a start.
    idle: usize,
    closed: bool,
}

#[derive(Clone)]
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
    runtime: Handle,
    /// Starts whose answer has not been taken.
    untaken: Cell<usize>,
    /// The task that looks after them.
    looking: RefCell<Option<AbortHandle>>,
    familiar: Familiar,
    /// Has the loop done a start in this turn?
    has_started: Cell<bool>,
    /// The loop's own signals, when it starts something itself.
    dispositions: OnceCell<Dispositions>,
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
    ///
    /// # Panics
    /// Outside a runtime.
    pub fn new(config: AgentConfig, tell: impl Fn(RunId, Progress) + 'static) -> Self {
        let shared = Shared { config, state: Mutex::default(), changed: Condvar::new() };
        let (shared, tell) = (Arc::new(shared), Box::new(tell));
        let keeper = Keeper {
            shared,
            tell,
            runtime: Handle::current(),
            untaken: Cell::new(0),
            looking: RefCell::new(None),
            familiar: Familiar::default(),
            has_started: Cell::new(false),
            dispositions: OnceCell::new(),
        };
        Self { owner: Rc::new(keeper) }
    }

    /// How agents are run.
    pub(super) fn config(&self) -> &AgentConfig {
        &self.owner.shared.config
    }

    /// Tells how a run goes.
    pub(super) fn tell(&self, run: RunId, progress: Progress) {
        (self.owner.tell)(run, progress);
    }

    /// Has `order` carried out, behind all others of its owner. The answer is to be taken by [`Self::answer`].
    ///
    /// # Errors
    /// When there can be no thread: the run's result.
    pub(super) fn add(&self, run: RunId, owner: Owner, order: Order) -> Result<Pending, Box<RunResult>> {
        let Keeper { shared, untaken, .. } = &*self.owner;
        let mut state = shared.state();
        if state.threads == 0
            && let Err(error) = self.owner.add_thread(&mut state)
        {
            drop(state);
            return Err(without_thread(order, &shared.config, &error));
        }
        let errand = Arc::new(Errand::new(run));
        let ticket = state.starts.add(owner, Start { order, errand: Arc::clone(&errand) });
        let wake = state.idle > 0;
        drop(state);
        if wake {
            shared.changed.notify_one();
        }
        untaken.set(untaken.get() + 1);
        self.look_after_it();
        Ok(Pending { ticket, errand })
    }

    /// Is a start of this agent to be done [here](Self::start_here)?
    pub(super) fn starts_here(&self, agent: &Agent) -> bool {
        let Keeper { shared, untaken, familiar, has_started, .. } = &*self.owner;
        if has_started.get() || untaken.get() > FEW || !familiar.knows(agent, Instant::now()) {
            return false;
        }
        let state = shared.state();
        state.starts.is_empty() && state.current.is_empty() && !state.closed
    }

    /// An agent was started as `begun` says.
    pub(super) fn note(&self, agent: &Agent, begun: &Begun) {
        if begun.took < AT_ONCE && begun.is_local != Some(false) {
            self.owner.familiar.note(agent, begun.since, begun.is_local.is_some());
        }
    }

    /// Carries `order` out at once. The answer is to be taken by [`Self::answer`].
    pub(super) fn start_here(&self, run: RunId, order: Order) -> Arc<Errand> {
        let Keeper { shared, untaken, dispositions, has_started, .. } = &*self.owner;
        has_started.set(true);
        let (errand, since) = (Arc::new(Errand::new(run)), Instant::now());
        // That it runs is what the core takes for granted of a run that does not wait.
        errand.was_told();
        let dispositions = *dispositions.get_or_init(Dispositions::now);
        let launch =
            |plan: &Plan| launch(plan, &shared.config, Stdin::Inherit, dispositions, &errand.attempt);
        let begun = order(&shared.config).and_then(|plan| watched(launch(&plan)?, plan, since, None));
        errand.answer(begun);
        shared.state().done.push(Current { errand: Arc::clone(&errand), since });
        untaken.set(untaken.get() + 1);
        self.look_after_it();
        errand
    }

    /// What has become of a start; None: it was stopped before there was a child.
    pub(super) async fn answer(&self, errand: &Errand) -> Option<Answer> {
        // A task, which the loop comes to when the turn is over.
        self.owner.has_started.set(false);
        let answer = errand.answered().await;
        let Keeper { shared, untaken, looking, .. } = &*self.owner;
        untaken.set(untaken.get().saturating_sub(1));
        if untaken.get() == 0 {
            shared.state().done.clear();
            if let Some(task) = looking.take() {
                task.abort();
            }
        }
        answer
    }

    /// Ends a start: one that has not begun is not carried out. True: there will be no child.
    pub(super) fn stop(&self, pending: &Pending) -> bool {
        let never_starts = pending.errand.stop();
        if never_starts {
            let withdrawn = self.owner.shared.state().starts.withdraw(pending.ticket);
            drop(withdrawn);
        }
        never_starts
    }

    /// Starts nothing more.
    pub fn close(&self) {
        self.owner.close();
    }

    fn look_after_it(&self) {
        let mut looking = self.owner.looking.borrow_mut();
        if looking.is_none() {
            *looking = Some(spawn_local(look_after(Rc::downgrade(&self.owner))).abort_handle());
        }
    }
}

/// Until it is aborted, when all answers have been taken.
async fn look_after(owner: Weak<Keeper>) {
    loop {
        sleep(BRIEF).await;
        let Some(owner) = owner.upgrade() else { return };
        owner.look();
    }
}

impl Keeper {
    /// Sees to what takes long: runs that have not ended, and starts that are held up.
    fn look(&self) {
        let mut state = self.shared.state();
        let now = Instant::now();
        let brief = |start: &mut Current| now.saturating_duration_since(start.since) < BRIEF;
        let long: Vec<_> = state.done.extract_if(.., |start| !brief(start)).collect();
        let is_held_up = |start: &&Current| now.saturating_duration_since(start.since) >= HELD_UP;
        let held_up: Vec<_> = state.current.iter().filter(is_held_up).cloned().collect();
        if held_up.len() == state.threads
            && !state.starts.is_empty()
            && state.threads < MOST_THREADS
            && let Err(error) = self.add_thread(&mut state)
        {
            log::warn!(
                "Starts of agents wait for one that is held up, as there can be no other thread: {error}"
            );
        }
        drop(state);
        long.iter().for_each(|start| start.errand.hasten());
        for Current { errand, since } in held_up {
            errand.attempt.stop_again();
            if !errand.was_told() {
                (self.tell)(errand.run, Progress::Started(since));
            }
        }
    }

    fn add_thread(&self, state: &mut State) -> io::Result<()> {
        let (shared, runtime) = (Arc::clone(&self.shared), self.runtime.clone());
        thread::Builder::new().name("starter".to_owned()).spawn(move || work(&shared, &runtime))?;
        state.threads += 1;
        Ok(())
    }
}

fn work(shared: &Shared, runtime: &Handle) {
    // Signals are the main thread's.
    let _ = SigSet::all().thread_block();
    let _context = runtime.enter();
    let dispositions = Dispositions::now();
    let mut done = None;
    while let Some((Start { order, errand }, since)) = next(shared, done.take()) {
        let begun = order(&shared.config).and_then(|plan| {
            let is_local = is_local(&plan.program);
            let child = launch(&plan, &shared.config, Stdin::Inherit, dispositions, &errand.attempt)?;
            watched(child, plan, since, Some(is_local))
        });
        errand.answer(begun);
        done = Some(errand);
    }
}

fn watched(child: Child, plan: Plan, since: Instant, is_local: Option<bool>) -> Answer {
    let Child { pid, pidfd, stdout, stderr, .. } = child;
    match watch::readable(pidfd) {
        Ok(pidfd) => {
            let took = since.elapsed();
            Ok(Begun { pid, pidfd, stdout, stderr, plan, since, is_local, took })
        }
        Err(error) => {
            // Without a number the runtime is over and the daemon on its way out: then the agent lives on, as all do.
            let errno = error.raw_os_error().unwrap_or_default();
            if errno != 0 {
                // Otherwise it would never be reaped.
                let _ = process::kill_group(pid);
                let _ = process::wait(pid);
            }
            Err(Box::new(start_failed(&plan, &StartFailure::Unwatched(errno))))
        }
    }
}

/// Waits for the next start; None: this thread is not needed any more. `done` is what it was at.
fn next(shared: &Shared, done: Option<Arc<Errand>>) -> Option<(Start, Instant)> {
    let mut state = shared.state();
    if let Some(done) = done
        && let Some(at) = state.current.iter().position(|start| Arc::ptr_eq(&start.errand, &done))
    {
        let start = state.current.swap_remove(at);
        state.done.push(start);
    }
    loop {
        if state.closed {
            return None;
        }
        if let Some(start) = state.starts.next() {
            let (errand, since) = (Arc::clone(&start.errand), Instant::now());
            state.current.push(Current { errand, since });
            return Some((start, since));
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
