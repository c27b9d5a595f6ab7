// SPDX-License-Identifier: LGPL-2.1-or-later
//! Agents and alerts as children that GLib's loop watches by their pidfds, so that no handler of SIGCHLD is needed: the
//! program has one already.
//!
//! A start holds the thread until the program executes. There is no other thread, so that they wait in a queue: one
//! start, then the others of the loop have their turn. A run is over when its process has ended; who inherited its pipes
//! is not waited for. Nothing here ends a child unless told to.
use super::systemd::{Ticket as UnitTicket, Units};
use crate::agents::{self, AgentConfig, Capture, Convention, Ended, Means, Plan, UnitPlan};
use crate::core::PeerId;
use crate::driver::exit::try_end;
use crate::driver::files::NodeFiles;
use crate::driver::launch::{killed_before_its_start, launch};
use crate::driver::oom::OomCounter;
use crate::driver::running::Pipe;
use crate::driver::starts::{Starts, Ticket};
use crate::model::{Alert, Execution, KillScope, RunResult};
use crate::sys::attempt::Attempt;
use crate::sys::glib::{Interest, Priority, Source, Watch};
use crate::sys::process;
use crate::sys::spawn::{Child, Dispositions, Stdin};
use std::cell::{Cell, RefCell};
use std::os::fd::{AsFd, OwnedFd};
use std::rc::{Rc, Weak};
use std::time::Duration;

/// Most agents end sooner, with less to say than a pipe holds: until then the loop need not look at what they say.
const BRIEF: Duration = Duration::from_millis(10);

/// Called once with a run's result, from the loop.
type Done = Box<dyn FnOnce(RunResult)>;

/// What is to be started. Its own look at the node's files belongs to the start.
enum Order {
    Agent(Box<Execution>),
    Alert(Box<Alert>),
}

/// A start that waits.
struct Start {
    order: Order,
    handle: RunHandle,
    done: Done,
}

/// How far a run is.
#[derive(Clone, Copy, Debug, Default)]
enum Stage {
    /// Over, or without a process.
    #[default]
    Absent,
    Waits(Ticket),
    /// The process, until it is reaped: so long its number cannot go to another.
    Runs(i32),
    /// An action of a unit of systemd's.
    Unit(UnitTicket),
}

/// Ends a run before its time. Dropping it changes nothing.
#[derive(Clone, Default)]
pub struct RunHandle {
    stage: Rc<Cell<Stage>>,
}

/// The children of one executor.
#[derive(Clone)]
pub(super) struct Children {
    shared: Rc<Shared>,
}

struct Shared {
    config: Box<dyn Fn() -> AgentConfig>,
    starts: RefCell<Starts<Start>>,
    /// Has its turn as long as something is to be started.
    source: Source,
    out_of_memory: OomCounter,
    units: Units,
}

impl Children {
    /// `config` is asked at each start: the environment is the program's, which may change it.
    pub(super) fn new(config: impl Fn() -> AgentConfig + 'static) -> Self {
        let shared = Rc::new_cyclic(|shared: &Weak<Shared>| {
            let shared = Weak::clone(shared);
            let source = Source::attach(c"pcmk-remote-rs starts", Priority::Default, move || {
                if let Some(shared) = shared.upgrade() {
                    shared.start_one();
                }
            });
            let config = Box::new(config);
            Shared {
                config,
                starts: RefCell::default(),
                source,
                out_of_memory: OomCounter::of_ourselves(),
                units: Units::default(),
            }
        });
        Self { shared }
    }

    /// Starts an agent in the turn of `owner`, who asked for it. `done` is called once, from the loop and never from
    /// within this.
    pub(super) fn agent(
        &self,
        owner: Option<PeerId>,
        execution: &Execution,
        done: impl FnOnce(RunResult) + 'static,
    ) -> RunHandle {
        self.add(owner, Order::Agent(Box::new(execution.clone())), Box::new(done))
    }

    /// Starts an alert in its turn; the rest is as with [`agent`](Self::agent).
    pub(super) fn alert(
        &self,
        owner: Option<PeerId>,
        alert: &Alert,
        done: impl FnOnce(RunResult) + 'static,
    ) -> RunHandle {
        self.add(owner, Order::Alert(Box::new(alert.clone())), Box::new(done))
    }

    fn add(&self, owner: Option<PeerId>, order: Order, done: Done) -> RunHandle {
        let handle = RunHandle::default();
        let start = Start { order, handle: handle.clone(), done };
        let ticket = self.shared.starts.borrow_mut().add(owner, start);
        handle.stage.set(Stage::Waits(ticket));
        self.shared.source.wake();
        handle
    }

    /// SIGKILLs a run, if it is not over; one that waits is not started. Its end is reported as ever.
    pub(super) fn kill(&self, run: &RunHandle, scope: KillScope) {
        match run.stage.get() {
            Stage::Waits(ticket) => {
                let start = self.shared.starts.borrow_mut().withdraw(ticket);
                if let Some(Start { done, .. }) = start {
                    run.stage.set(Stage::Absent);
                    later(move || done(killed_before_its_start()));
                }
            }
            Stage::Runs(pid) => {
                let killed = match scope {
                    KillScope::Group => process::kill_group(pid),
                    KillScope::Process => process::kill_process(pid),
                };
                if let Err(error) = killed {
                    log::warn!("Could not end process {pid}: {error}");
                }
            }
            Stage::Unit(ticket) => {
                run.stage.set(Stage::Absent);
                self.shared.units.give_up(ticket);
            }
            Stage::Absent => {}
        }
    }
}

/// Does something in the loop's next turn.
pub(super) fn later(work: impl FnOnce() + 'static) {
    let source = Rc::new(Cell::new(None::<Source>));
    let (held, mut work) = (Rc::clone(&source), Some(work));
    let once = Source::attach(c"pcmk-remote-rs result", Priority::Default, move || {
        drop(held.take());
        if let Some(work) = work.take() {
            work();
        }
    });
    once.wake();
    source.set(Some(once));
}

impl Shared {
    /// One start; the loop comes back for the next.
    fn start_one(self: &Rc<Self>) {
        let (next, is_last) = {
            let mut starts = self.starts.borrow_mut();
            (starts.next(), starts.is_empty())
        };
        if is_last {
            self.source.set_timer(None);
        }
        let Some(Start { order, handle, done }) = next else { return };
        handle.stage.set(Stage::Absent);
        match self.start(&order) {
            Ok(Begun::Process(child, plan)) => {
                let before = self.out_of_memory.recent();
                Process::watch((child, plan), before, handle, done, Rc::clone(self));
            }
            Ok(Begun::Unit(plan)) => {
                let ended = handle.clone();
                let ticket = self.units.run(plan, move |result| {
                    ended.stage.set(Stage::Absent);
                    done(result);
                });
                handle.stage.set(Stage::Unit(ticket));
            }
            Err(refused) => done(*refused),
        }
    }

    fn start(&self, order: &Order) -> Result<Begun, Box<RunResult>> {
        let config = (self.config)();
        let plan = match order {
            Order::Agent(execution) => match agents::plan(execution, &config, &NodeFiles)? {
                Means::Process(plan) => plan,
                Means::Unit(plan) => return Ok(Begun::Unit(plan)),
            },
            Order::Alert(alert) => agents::plan_alert(alert, &config, &NodeFiles)?,
        };
        // The program's own signal handlers come and go, and no thread is there that could stop a start.
        let child = launch(&plan, &config, Stdin::Inherit, Dispositions::ANY, &Attempt::default())?;
        Ok(Begun::Process(child, plan))
    }
}

/// What a start has begun.
enum Begun {
    Process(Child, Plan),
    Unit(UnitPlan),
}

/// A running process and what it has printed so far. Its source's function owns it.
struct Process {
    pidfd: OwnedFd,
    stdout: Pipe,
    stderr: Pipe,
    convention: Convention,
    handle: RunHandle,
    done: Option<Done>,
    /// Kills for lack of memory before it, if the kernel tells.
    out_of_memory: Option<u64>,
    shared: Rc<Shared>,
    source: Option<Source>,
    /// Of its outputs, from the moment at which they are watched until their ends.
    watches: Option<[Option<Watch>; 2]>,
}

impl Process {
    fn watch(
        (child, plan): (Child, Plan),
        out_of_memory: Option<u64>,
        handle: RunHandle,
        done: Done,
        shared: Rc<Shared>,
    ) {
        handle.stage.set(Stage::Runs(child.pid));
        let process = Rc::new(RefCell::new(Self {
            pidfd: child.pidfd,
            stdout: Pipe::new(child.stdout),
            stderr: Pipe::new(child.stderr),
            convention: plan.convention,
            handle,
            done: Some(done),
            out_of_memory,
            shared,
            source: None,
            watches: None,
        }));
        let held = Rc::clone(&process);
        let source = Source::attach(c"pcmk-remote-rs child", Priority::Default, move || {
            let ended = held.borrow_mut().advance();
            if let Some((done, result)) = ended {
                done(result);
            }
        });
        let mut process = process.borrow_mut();
        source.watch(process.pidfd.as_fd(), Interest::READ);
        source.set_timer(Some(BRIEF));
        process.source = Some(source);
    }

    /// Sees whether it has ended, and reads what it prints otherwise. Its source is gone afterwards if it has.
    fn advance(&mut self) -> Option<(Done, RunResult)> {
        if let Some(ended) = try_end(self.pidfd.as_fd()) {
            self.handle.stage.set(Stage::Absent);
            // After the end was seen, so that nothing which was printed before it is missed.
            self.stdout.read();
            self.stderr.read();
            let source = self.source.take();
            drop(source);
            return self.done.take().map(|done| (done, self.result(ended)));
        }
        if self.watches.is_none() {
            self.watch_outputs();
        }
        self.read_outputs();
        None
    }

    fn result(&mut self, ended: Ended) -> RunResult {
        let capture = Capture { stdout: self.stdout.take(), stderr: self.stderr.take() };
        let result = agents::outcome(self.convention, ended, capture);
        let lacked = agents::may_have_lacked_memory(&result)
            && self.shared.out_of_memory.has_grown(self.out_of_memory);
        if lacked { agents::short_of_memory(result) } else { result }
    }

    fn watch_outputs(&mut self) {
        let Some(source) = &self.source else { return };
        source.set_timer(None);
        let watch = |pipe: &Pipe| pipe.descriptor().map(|end| source.watch(end, Interest::READ));
        self.watches = Some([watch(&self.stdout), watch(&self.stderr)]);
    }

    /// The end of an output is watched no longer: it would be ready for ever.
    fn read_outputs(&mut self) {
        let (Some(source), Some(watches)) = (&self.source, &mut self.watches) else { return };
        for (pipe, watch) in [&mut self.stdout, &mut self.stderr].into_iter().zip(watches) {
            pipe.read();
            if pipe.descriptor().is_none()
                && let Some(watch) = watch.take()
            {
                source.unwatch(watch);
            }
        }
    }
}
