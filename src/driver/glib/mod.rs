// SPDX-License-Identifier: LGPL-2.1-or-later
//! The executor in GLib's default main context, for programs that have such a loop already: the same core and the same
//! hub as the daemons', without a thread and without a runtime.
//!
//! The hub is a source of the loop, which has its turn when something is put into its inbox and when a deadline comes.
//! [`Executor::settle`] gives it one at once, for callers who must have seen what a message causes when they return. What
//! is put in during a turn, by a library that calls back while it is called, is taken in by the same turn.
mod alerts;
mod carrier;
mod children;
mod commands;
mod systemd;
mod tasks;

pub use alerts::{Alerts, Pending};
pub use carrier::{GlibCarrier, Outside, Run};
pub use children::RunHandle;
pub use commands::{Answer, Commands, FenceRun, Program};

use crate::agents::AgentConfig;
use crate::core::{Server, Settings};
use crate::driver::clock::Clock;
use crate::driver::hub::{Hooks, Hub, Inbox, Next};
use crate::sys::glib::{Priority, Source};
use children::Children;
use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

/// What is called with the exit code.
pub type Exit = Box<dyn FnOnce(u8)>;

/// Everything that the program has prepared.
pub struct Setup<O: Outside> {
    /// For the core.
    pub settings: Settings,
    /// How agents are run, asked at each start.
    pub agents: Box<dyn Fn() -> AgentConfig>,
    /// The program's decisions.
    pub hooks: Box<dyn Hooks>,
    /// Who the executor talks to.
    pub outside: O,
    /// Where its arrivals are put.
    pub inbox: Inbox<O::Remote, O::Local>,
    /// Called once when the executor has to exit, with the exit code.
    pub exit: Exit,
}

/// An executor that serves from the loop, until it is dropped. What runs then goes on.
pub struct Executor<O: Outside + 'static> {
    inner: Rc<Inner<O>>,
}

struct Inner<O: Outside + 'static> {
    hub: RefCell<Hub<GlibCarrier<O>>>,
    clock: Clock,
    source: Source,
    exit: Cell<Option<Exit>>,
}

impl<O: Outside + 'static> Executor<O> {
    /// An executor in this thread's default main context.
    pub fn start(setup: Setup<O>) -> Self {
        let clock = Clock::start();
        let core = Server::new(setup.settings, clock.now());
        let children = Children::new(setup.agents);
        let carrier = GlibCarrier::new(clock, setup.inbox.clone(), children, setup.outside);
        let hub = Hub::new(core, carrier, setup.inbox.clone(), setup.hooks);
        let inner = Rc::new_cyclic(|inner: &Weak<Inner<O>>| {
            let inner = Weak::clone(inner);
            let source = Source::attach(c"pcmk-remote-rs executor", Priority::Default, move || {
                if let Some(inner) = inner.upgrade() {
                    let _again = inner.turn();
                }
            });
            setup.inbox.wake(&source.waker());
            // What has arrived before.
            source.wake();
            Inner { hub: RefCell::new(hub), clock, source, exit: Cell::new(Some(setup.exit)) }
        });
        Self { inner }
    }

    /// Takes in what has arrived and carries out what that causes, before this returns, though it take more than a
    /// turn. Within a turn it does nothing: that takes in whatever arrives.
    pub fn settle(&self) {
        while self.inner.turn() {}
    }

    /// Looks at who the executor talks to; None within a turn.
    pub fn outside<T>(&self, look: impl FnOnce(&O) -> T) -> Option<T> {
        self.inner.hub.try_borrow().ok().map(|hub| look(hub.carrier().outside()))
    }

    /// Says goodbye to the remote peers, before the program ends. What runs goes on.
    pub fn leave(&self) {
        if let Ok(mut hub) = self.inner.hub.try_borrow_mut() {
            hub.leave();
        }
    }
}

impl<O: Outside + 'static> Inner<O> {
    /// One turn; true: there is more to do at once.
    fn turn(&self) -> bool {
        let Ok(mut hub) = self.hub.try_borrow_mut() else { return false };
        let next = hub.turn();
        drop(hub);
        match next {
            Next::Wait(deadline) => {
                let now = self.clock.moment();
                self.source.set_timer(deadline.map(|deadline| deadline.since(now)));
                false
            }
            Next::Again => {
                self.source.wake();
                true
            }
            Next::Exit(code) => {
                self.source.set_timer(None);
                if let Some(exit) = self.exit.take() {
                    exit(code);
                }
                false
            }
        }
    }
}
