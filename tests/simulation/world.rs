// SPDX-License-Identifier: LGPL-2.1-or-later
//! The clock, and the hub and the clients between which everything happens.
use crate::actor::{Actor, Role};
use crate::carrier::{NodeFiles, Surroundings};
use crate::connection::Toward;
use crate::memory;
use crate::random::Random;
use crate::trouble::Trouble;
use pcmk_remote_rs::core::{DaemonKind, Input, PeerId, RunId, Server, Settings};
use pcmk_remote_rs::driver::hub::{Carrier, Hub, Inbox};
use pcmk_remote_rs::model::{Moment, Now};
use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

/// How a world goes on.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) workers: usize,
    pub(crate) acting_ms: u64,
    /// Break the first connection of the first worker (towards the server?) after so many bytes; without
    /// this, connections break at random.
    pub(crate) cut: Option<(bool, usize)>,
    pub(crate) terminate: bool,
    pub(crate) acknowledge: bool,
    pub(crate) keep_history: bool,
    /// Does more go wrong than connections?
    pub(crate) trouble: bool,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            workers: 4,
            acting_ms: 1500,
            cut: None,
            terminate: false,
            acknowledge: true,
            keep_history: false,
            trouble: false,
        }
    }
}

impl Plan {
    pub(crate) fn short() -> Self {
        Self { workers: 1, acting_ms: 120, ..Self::default() }
    }
}

#[derive(Debug)]
pub(crate) enum Event {
    Connect(usize),
    Act(usize),
    Arrive(PeerId, Toward, Vec<u8>),
    /// One end sees that the connection is over.
    Broken(PeerId, Toward),
    RunEnds(RunId, u32),
    LocalConnects,
    LocalAsks(PeerId),
    LocalGone(PeerId),
    Terminate,
    Trouble(Trouble),
    /// The workers have left; the observer leaves when it has heard everything.
    Curtain,
}

pub(crate) struct World {
    pub(crate) seed: u64,
    pub(crate) plan: Plan,
    pub(crate) hub: Hub<Surroundings>,
    pub(crate) inbox: Inbox<PeerId, PeerId>,
    pub(crate) actors: Vec<Actor>,
    pub(crate) exited: bool,
    pub(crate) transfers: Rc<Cell<u64>>,
    pub(crate) crashes: u64,
    pub(crate) curtains: u32,
}

impl World {
    pub(crate) fn new(seed: u64, plan: Plan) -> Self {
        let roles = [Role::Observer, Role::Provider].into_iter();
        let workers = (1..plan.workers).map(|number| if number == 1 { Role::Provider } else { Role::Worker });
        let (inbox, files) = (Inbox::default(), NodeFiles::default());
        let transfers = Rc::clone(&files.transfers);
        let around = Surroundings::new(seed, plan.keep_history);
        Self {
            seed,
            hub: new_hub(around, inbox.clone(), files),
            inbox,
            actors: roles.chain(workers).enumerate().map(|(n, role)| Actor::new(n, role)).collect(),
            plan,
            exited: false,
            transfers,
            crashes: 0,
            curtains: 0,
        }
    }

    /// What is around the hub.
    pub(crate) fn around(&mut self) -> &mut Surroundings {
        self.hub.carrier_mut()
    }

    pub(crate) fn random(&mut self) -> &mut Random {
        &mut self.around().random
    }

    pub(crate) fn now_ms(&self) -> u64 {
        self.hub.carrier().now_ms()
    }

    pub(crate) fn was_cut(&self) -> bool {
        self.hub.carrier().was_cut
    }

    /// From the first connection until nothing is left to happen; gives the history.
    pub(crate) fn run(&mut self) -> Vec<String> {
        let _names_the_seed = NameOnPanic(self.seed);
        for actor in 0..self.actors.len() {
            let delay = if actor == 0 { 0 } else { 1 + self.random().below(50) };
            self.around().schedule(delay, Event::Connect(actor));
        }
        self.around().schedule(60, Event::LocalConnects);
        let curtain = self.plan.acting_ms + 200;
        self.around().schedule(curtain, Event::Curtain);
        if self.plan.terminate {
            let acting_ms = self.plan.acting_ms;
            let delay = 100 + self.random().below(acting_ms);
            self.around().schedule(delay, Event::Terminate);
        }
        if self.plan.trouble {
            self.plan_trouble();
        }
        while self.step() {
            assert!(self.now_ms() < 600_000, "it does not come to an end");
        }
        self.verify_the_end();
        std::mem::take(&mut self.around().history)
    }

    /// How often a recurring operation was found on time, how many local requests were answered, and how many
    /// transfers of schemas came to their end.
    pub(crate) fn coverage(&self) -> (u64, u64, u64) {
        let around = self.hub.carrier();
        (around.checks.rhythms, around.sessions.answered, self.transfers.get())
    }

    fn verify_the_end(&self) {
        assert!(self.actors.iter().all(|actor| actor.waiting.is_none()), "a call without an answer");
        if self.plan.terminate {
            assert!(self.exited, "it was told to shut down");
            return;
        }
        assert_eq!(self.hub.next_deadline(), None, "all recurring operations are gone with the clients");
        let checks = &self.hub.carrier().checks;
        checks.nothing_in_flight();
        checks.every_one_shot_was_told();
    }

    /// What an actor has heard and what the hub has told it, on its present connection.
    pub(crate) fn heard_and_told(&self, actor: usize) -> (u64, u64) {
        let actor = &self.actors[actor];
        let connection = actor.connection.and_then(|peer| self.hub.carrier().connections.get(&peer));
        (actor.heard, connection.map_or(actor.heard, |connection| connection.notified))
    }

    /// What is left at the end: bytes that the hub holds, beyond what it held when it was new.
    pub(crate) fn left_behind(mut self) -> isize {
        let around = std::mem::replace(self.around(), Surroundings::new(0, false));
        drop((around, std::mem::take(&mut self.actors)));
        let before = memory::held();
        let files = NodeFiles::default();
        drop(new_hub(Surroundings::new(0, false), Inbox::default(), files));
        drop(self);
        before - memory::held()
    }

    /// The next thing to happen: deadlines before events of the same time.
    fn step(&mut self) -> bool {
        let ms = |moment: Moment| u64::try_from(moment.since_origin().as_millis()).unwrap();
        let server = self.hub.next_deadline().map(ms).filter(|_| !self.exited);
        let clients = self.actors.iter().filter_map(|actor| actor.client.next_deadline()).map(ms).min();
        let event = self.hub.carrier().events.first_key_value().map(|((at, _), _)| *at);
        let Some(next) = [server, clients, event].into_iter().flatten().min() else { return false };
        self.around().advance(next);
        if server == Some(next) {
            self.around().remember(|now_ms| format!("{now_ms} deadline"));
        } else if clients == Some(next) {
            let now = now(self.now_ms()).mono;
            for actor in 0..self.actors.len() {
                self.actors[actor].client.tick(now);
                self.pump(actor);
            }
        } else if let Some((_, event)) = self.around().events.pop_first() {
            self.happens(event);
        }
        self.turn();
        true
    }

    fn happens(&mut self, event: Event) {
        self.around().remember(|now_ms| format!("{now_ms} {event:?}"));
        match event {
            Event::Connect(actor) => self.connect(actor),
            Event::Act(actor) => self.act(actor),
            Event::Arrive(peer, toward, bytes) => self.arrive(peer, toward, &bytes),
            Event::Broken(peer, Toward::Server) => self.server_sees_the_end(peer),
            Event::Broken(peer, Toward::Client) => self.client_sees_the_end(peer),
            Event::RunEnds(run, plan) => self.run_ends(run, plan),
            Event::LocalConnects => self.local_connects(),
            Event::LocalAsks(peer) => self.local_asks(peer),
            Event::LocalGone(peer) => self.local_leaves(peer),
            Event::Terminate => self.inbox.input(Input::Terminate),
            Event::Trouble(trouble) => self.trouble(&trouble),
            Event::Curtain => self.curtain(),
        }
    }

    fn arrive(&mut self, peer: PeerId, toward: Toward, bytes: &[u8]) {
        let exited = self.exited;
        let Some(connection) = self.around().connections.get_mut(&peer) else { return };
        if exited || (toward == Toward::Server && connection.server_gone) {
            return;
        }
        if toward == Toward::Client && connection.client_gone {
            return;
        }
        let actor = connection.client;
        for text in connection.arrived(toward, bytes) {
            match toward {
                Toward::Server => self.server_reads(peer, &text),
                Toward::Client => self.client_reads(actor, &text),
            }
        }
    }
}

/// A daemon that has just started.
pub(crate) fn new_hub(
    around: Surroundings,
    inbox: Inbox<PeerId, PeerId>,
    files: NodeFiles,
) -> Hub<Surroundings> {
    let settings = Settings { daemon: DaemonKind::Remoted, node_start_state: None, parameter_memory: None };
    let server = Server::new(settings, around.now());
    Hub::new(server, around, inbox, Box::new(files))
}

/// The calendar leaps to and fro from one millisecond to the next: nothing but dates may come of it.
pub(crate) fn now(ms: u64) -> Now {
    let leap = Random::new(ms).below(8_000_000);
    Now { mono: Moment::new(Duration::from_millis(ms)), epoch_s: 1_000_000 + leap }
}

/// A failed run says how to repeat it.
struct NameOnPanic(u64);

impl Drop for NameOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!(
                "to repeat: PCMK_SIMULATION_SEED={} cargo test --all-features --test simulation",
                self.0
            );
        }
    }
}
