// SPDX-License-Identifier: LGPL-2.1-or-later
//! The executor alone in GLib's loop: clients, the numbers of their requests and the fencer are the program's.
//!
//! What a call causes is carried out before it returns, in the order in which it came up, one thing at a time and with
//! nothing borrowed: telling a client may end another one, of which the program tells within the same call. What that
//! causes stands behind what was to be done already.
mod clients;

use super::children::{Children, RunHandle};
use crate::agents::{self, AgentConfig};
use crate::core::{self, Audience, Effect, Input, PeerId, RunId};
use crate::driver::clock::Clock;
use crate::driver::severity::log_effect;
use crate::model::service_manager::is_for_the_daemon_alone;
use crate::model::{
    CallId, ClientId, DeviceState, ExecStatus, Execution, FenceOrder, KillScope, Notification, Now, OcfExit,
    Outcome, ReplyBody, Request, ResourceId, RunResult,
};
use crate::sys::glib::{Priority, Source};
use clients::Clients;
use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::rc::{Rc, Weak};
use std::time::Duration;

/// What the program around has.
pub trait Program: 'static {
    /// A notification as clients are sent it.
    type Message;

    /// The clients of the executor that have a name, in the order of the program.
    fn named_clients(&self) -> Vec<ClientId>;
    /// Is there such a client?
    fn has_client(&self, client: &ClientId) -> bool;
    /// Writes a notification.
    fn encode(&self, notification: &Notification) -> Self::Message;
    /// Sends to a client, if it is still there. May come back.
    fn send(&self, to: &ClientId, message: &Self::Message);
    /// Has the fencer carry out an order; [`Commands::fenced`] tells how it ended, now or later. May come back. `attempt`
    /// counts from 1. False: it cannot be asked now, and will be asked later.
    fn fence(&self, run: FenceRun, attempt: u32, order: FenceOrder, execution: &Execution) -> bool;
}

/// One order for the fencer; never 0, never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FenceRun(pub u64);

/// What a request is answered.
#[derive(Clone, Debug)]
pub struct Answer {
    /// 0, a call id, or a negative errno.
    pub rc: i32,
    /// What the reply says beside that.
    pub body: ReplyBody,
    /// What all clients are told after the reply.
    pub news: Option<Notification>,
}

/// Something to be carried out.
enum Job<M> {
    Effect(Effect),
    Send(ClientId, Rc<M>),
}

/// What a run is killed by.
enum Run {
    Started(RunHandle),
    /// An order of the fencer, which may not have been given yet.
    Fencer(Box<Execution>),
}

/// An order for the fencer that was not given yet.
struct Order {
    run: RunId,
    device: DeviceState,
    attempt: u32,
}

/// Between two attempts to reach the fencer.
const FENCER_REST: Duration = Duration::from_secs(2);

/// See the module's documentation.
pub struct Commands<P: Program> {
    inner: Rc<Inner<P>>,
}

struct Inner<P: Program> {
    program: P,
    core: RefCell<core::Commands>,
    clients: RefCell<Clients>,
    children: Children,
    runs: RefCell<BTreeMap<RunId, Run>>,
    jobs: RefCell<VecDeque<Job<P::Message>>>,
    /// Orders for the fencer that were not given yet: the client that asked has its reply first.
    orders: RefCell<VecDeque<Order>>,
    clock: Clock,
    timer: Source,
    fencing: Source,
}

/// The process's environment as it is now, without what its service manager says to it alone.
fn agents_now() -> AgentConfig {
    let environment = std::env::vars_os().filter(|(name, _)| !is_for_the_daemon_alone(name));
    AgentConfig::new(environment.collect())
}

impl<P: Program> Commands<P> {
    /// An executor in this thread's default main context. `fences`: there is a fencer on this node.
    pub fn start(program: P, fences: bool) -> Self {
        let inner = Rc::new_cyclic(|inner: &Weak<Inner<P>>| {
            let source = |name, work: fn(&Rc<Inner<P>>)| {
                let inner = Weak::clone(inner);
                Source::attach(name, Priority::Default, move || {
                    if let Some(inner) = inner.upgrade() {
                        work(&inner);
                    }
                })
            };
            Inner {
                program,
                core: RefCell::new(core::Commands::new(fences, None)),
                clients: RefCell::default(),
                children: Children::new(agents_now),
                runs: RefCell::default(),
                jobs: RefCell::default(),
                orders: RefCell::default(),
                clock: Clock::start(),
                timer: source(c"pcmk-remote-rs executor", |inner| inner.feed(Input::Tick)),
                fencing: source(c"pcmk-remote-rs fencing", Inner::give_orders),
            }
        });
        Self { inner }
    }

    /// Does what `client` asks about a resource; None: it is about something else. `reply` hands the answer out, before
    /// anything that the request causes is told.
    pub fn ask(
        &self,
        client: (&ClientId, &str),
        call_id: CallId,
        request: Request,
        reply: impl FnOnce(&Answer),
    ) -> Option<Answer> {
        let inner = &self.inner;
        let peer = inner.peer(client.0);
        let asker = core::Asker { peer, name: client.1, call_id };
        let answer = inner.act(|core, now, effects| core.answer(asker, request, now, effects))?;
        let answer = Answer { rc: answer.rc, body: answer.body, news: answer.news };
        reply(&answer);
        inner.carry_out();
        Some(answer)
    }

    /// Tells every client that has a name.
    pub fn tell(&self, notification: Notification) {
        self.inner.queue(Effect::Notify { audience: Audience::Named, notification });
        self.inner.carry_out();
    }

    /// A client is there: all others are told.
    pub fn joined(&self, client: &ClientId) {
        let audience = Audience::NamedOthersBut(self.inner.peer(client));
        self.inner.queue(Effect::Notify { audience, notification: Notification::NewClient });
        self.inner.carry_out();
    }

    /// A client leaves, or all have left (None): what recurs for it ends where the resource was registered so.
    pub fn left(&self, client: Option<&ClientId>) {
        let owner = client.map(|client| self.inner.peer(client));
        self.inner.act(|core, now, effects| core.left(owner, now, effects));
        self.inner.carry_out();
    }

    /// A client carries messages of others from now on. Those that did so before hear of it, and of no other newcomer.
    pub fn provides(&self, client: &ClientId) {
        let peer = self.inner.peer(client);
        let mut core = self.inner.core.borrow_mut();
        if !core.provides(peer) {
            let audience = Audience::Providers(core.providers());
            core.set_provides(peer);
            drop(core);
            self.inner.queue(Effect::Notify { audience, notification: Notification::NewClient });
            self.inner.carry_out();
        }
    }

    /// Forgets a resource that the program has removed from its table.
    pub fn forget(&self, id: &ResourceId) {
        self.inner.act(|core, now, effects| core.forget(id, now, effects));
        self.inner.carry_out();
    }

    /// Is a resource of this name known?
    pub fn knows(&self, id: &ResourceId) -> bool {
        self.inner.core.borrow().knows(id)
    }

    /// The fencer has carried out an order, or refused it: what it said. Nothing happens if the run is over.
    pub fn fenced(&self, run: FenceRun, outcome: Outcome) {
        self.inner.fenced(RunId(run.0), outcome);
    }

    /// The connection to the fencer is lost, and with it what was under way.
    pub fn fencer_lost(&self) {
        let inner = &self.inner;
        inner.orders.borrow_mut().clear();
        let lost = agents::fencer_lost();
        let runs = inner.runs.borrow();
        let under_way = runs.iter().filter(|(_, run)| matches!(run, Run::Fencer(_)));
        let under_way: Vec<RunId> = under_way.map(|(run, _)| *run).collect();
        drop(runs);
        // What waits fails first: what is under way would be waiting for its next time otherwise.
        let outcome = Outcome { status: ExecStatus::Error, ..lost.clone() };
        inner.feed(Input::FencerLost { result: RunResult::new(outcome, None) });
        for run in under_way {
            inner.fenced(run, lost.clone());
        }
    }
}

impl<P: Program> Inner<P> {
    fn peer(&self, client: &ClientId) -> PeerId {
        let mut clients = self.clients.borrow_mut();
        for gone in clients.forget_unless(|client| self.program.has_client(client)) {
            self.core.borrow_mut().forget_client(gone);
        }
        clients.peer(client)
    }

    /// Has the core do something; what it causes is queued.
    fn act<T>(&self, work: impl FnOnce(&mut core::Commands, Now, &mut Vec<Effect>) -> T) -> T {
        let mut effects = Vec::new();
        let mut core = self.core.borrow_mut();
        let answer = work(&mut core, self.clock.now(), &mut effects);
        let deadline = core.next_deadline();
        drop(core);
        self.jobs.borrow_mut().extend(effects.into_iter().map(Job::Effect));
        let now = self.clock.moment();
        self.timer.set_timer(deadline.map(|deadline| deadline.since(now)));
        answer
    }

    fn queue(&self, effect: Effect) {
        self.jobs.borrow_mut().push_back(Job::Effect(effect));
    }

    fn feed(self: &Rc<Self>, input: Input) {
        self.act(|core, now, effects| core.step(input, now, effects));
        self.carry_out();
    }

    /// Carries out everything that is to be done, also what calls cause that come back meanwhile.
    fn carry_out(self: &Rc<Self>) {
        loop {
            let next = self.jobs.borrow_mut().pop_front();
            match next {
                None => return,
                Some(Job::Send(client, message)) => self.program.send(&client, &message),
                Some(Job::Effect(effect)) => self.perform(effect),
            }
        }
    }

    fn perform(self: &Rc<Self>, effect: Effect) {
        match effect {
            Effect::Notify { audience, notification } => self.notify(&audience, &notification),
            Effect::Run { run, execution } => {
                let owner = self.core.borrow().owner(run);
                let handle = self.children.agent(owner, &execution, self.done(run));
                self.runs.borrow_mut().insert(run, Run::Started(handle));
            }
            Effect::Fence { run, execution, device } => {
                self.runs.borrow_mut().insert(run, Run::Fencer(execution));
                let mut orders = self.orders.borrow_mut();
                // Behind one that is to be tried again it waits with it.
                let is_next = orders.is_empty();
                orders.push_back(Order { run, device, attempt: 1 });
                if is_next {
                    self.fencing.wake();
                }
            }
            Effect::Kill { run, scope } => self.kill(run, scope),
            Effect::Log { level, text } => log_effect(level, &text),
            // None of these is the executor's alone.
            Effect::Reply { .. }
            | Effect::Relay { .. }
            | Effect::RunAlert { .. }
            | Effect::Close(_)
            | Effect::AcceptProxied(_)
            | Effect::FetchSchemas
            | Effect::CheckWatchdog(_)
            | Effect::StopListening
            | Effect::Exit => {}
        }
    }

    /// In front of all else, so that messages keep their order for each client.
    fn notify(&self, audience: &Audience, notification: &Notification) {
        let receivers = self.receivers(audience);
        if receivers.is_empty() {
            return;
        }
        let message = Rc::new(self.program.encode(notification));
        let mut jobs = self.jobs.borrow_mut();
        for client in receivers.into_iter().rev() {
            jobs.push_front(Job::Send(client, Rc::clone(&message)));
        }
    }

    fn receivers(&self, audience: &Audience) -> Vec<ClientId> {
        let mut named = self.program.named_clients();
        let (core, clients) = (self.core.borrow(), self.clients.borrow());
        let provides = |client: &ClientId| clients.known(client).is_some_and(|peer| core.provides(peer));
        let is = |client: &ClientId, peer: &PeerId| clients.known(client) == Some(*peer);
        match audience {
            Audience::Named => {}
            Audience::NamedOthers => named.retain(|client| !provides(client)),
            Audience::NamedOthersBut(peer) => named.retain(|client| !provides(client) && !is(client, peer)),
            Audience::Only(peer) => named.retain(|client| is(client, peer)),
            Audience::Providers(peers) => named.retain(|client| peers.iter().any(|peer| is(client, peer))),
        }
        named
    }

    /// What is called with a run's result, from the loop.
    fn done(self: &Rc<Self>, run: RunId) -> impl FnOnce(RunResult) + 'static {
        let inner = Rc::downgrade(self);
        move |result| {
            if let Some(inner) = inner.upgrade() {
                inner.finished(run, result);
            }
        }
    }

    fn finished(self: &Rc<Self>, run: RunId, result: RunResult) {
        if self.runs.borrow_mut().remove(&run).is_some() {
            self.feed(Input::Finished { run, result });
        }
    }

    /// Of the fencer no end is waited for: what it says later is ignored.
    fn kill(self: &Rc<Self>, run: RunId, scope: KillScope) {
        let runs = self.runs.borrow();
        let gives_up = match runs.get(&run) {
            Some(Run::Started(handle)) => {
                self.children.kill(handle, scope);
                false
            }
            Some(Run::Fencer(_)) => true,
            None => false,
        };
        drop(runs);
        if gives_up {
            self.orders.borrow_mut().retain(|order| order.run != run);
            let outcome = Outcome::new(OcfExit::ERROR, ExecStatus::Timeout);
            self.fenced(run, outcome.because("the fencer did not answer"));
        }
    }

    fn fenced(self: &Rc<Self>, run: RunId, outcome: Outcome) {
        let over = self.runs.borrow_mut().remove(&run);
        if let Some(Run::Fencer(execution)) = over {
            self.feed(Input::Finished { run, result: agents::fence_result(&execution, outcome) });
        }
    }

    /// Gives the fencer one order; the loop comes back for the next.
    fn give_orders(self: &Rc<Self>) {
        let (next, is_last) = {
            let mut orders = self.orders.borrow_mut();
            (orders.pop_front(), orders.is_empty())
        };
        if is_last {
            self.fencing.set_timer(None);
        }
        let Some(Order { run, device, attempt }) = next else { return };
        let execution = match self.runs.borrow().get(&run) {
            Some(Run::Fencer(execution)) => Execution::clone(execution),
            _ => return,
        };
        match agents::fence_order(&execution, device) {
            Ok(order) if self.program.fence(FenceRun(run.0), attempt, order, &execution) => {}
            Ok(_) => {
                self.orders.borrow_mut().push_front(Order { run, device, attempt: attempt + 1 });
                self.fencing.set_timer(Some(FENCER_REST));
            }
            Err(result) => self.finished(run, *result),
        }
    }
}
