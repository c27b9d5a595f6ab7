// SPDX-License-Identifier: LGPL-2.1-or-later
//! The clock, what is still to happen, and the two cores between which it happens.
use crate::actor::{Actor, Role};
use crate::agents::Agents;
use crate::checks::Checks;
use crate::connection::{Connection, Toward};
use crate::proxied::Sessions;
use crate::random::Random;
use pcmk_remote_rs::core::{DaemonKind, Input, PeerId, RunId, Server, Settings};
use pcmk_remote_rs::model::{Moment, Now};
use std::collections::BTreeMap;
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
    /// The workers have left; the observer leaves when it has heard everything.
    Curtain,
}

pub(crate) struct World {
    pub(crate) seed: u64,
    pub(crate) plan: Plan,
    pub(crate) now_ms: u64,
    pub(crate) random: Random,
    pub(crate) server: Server,
    pub(crate) actors: Vec<Actor>,
    pub(crate) connections: BTreeMap<PeerId, Connection>,
    pub(crate) sessions: Sessions,
    pub(crate) agents: Agents,
    pub(crate) checks: Checks,
    pub(crate) events: BTreeMap<(u64, u64), Event>,
    pub(crate) scheduled: u64,
    pub(crate) last_peer: u64,
    pub(crate) accepting: bool,
    pub(crate) listening: bool,
    pub(crate) exited: bool,
    pub(crate) was_cut: bool,
    pub(crate) history: Vec<String>,
}

impl World {
    pub(crate) fn new(seed: u64, plan: Plan) -> Self {
        let settings = Settings { daemon: DaemonKind::Remoted, node_start_state: None };
        let roles = [Role::Observer, Role::Provider].into_iter();
        let workers = (1..plan.workers).map(|number| if number == 1 { Role::Provider } else { Role::Worker });
        Self {
            seed,
            now_ms: 0,
            random: Random::new(seed),
            server: Server::new(settings, now(0)),
            actors: roles.chain(workers).enumerate().map(|(n, role)| Actor::new(n, role)).collect(),
            plan,
            connections: BTreeMap::new(),
            sessions: Sessions::default(),
            agents: Agents::default(),
            checks: Checks::default(),
            events: BTreeMap::new(),
            scheduled: 0,
            last_peer: 0,
            accepting: false,
            listening: true,
            exited: false,
            was_cut: false,
            history: Vec::new(),
        }
    }

    pub(crate) fn was_cut(&self) -> bool {
        self.was_cut
    }

    /// From the first connection until nothing is left to happen; gives the history.
    pub(crate) fn run(&mut self) -> Vec<String> {
        let _names_the_seed = NameOnPanic(self.seed);
        for actor in 0..self.actors.len() {
            let delay = if actor == 0 { 0 } else { 1 + self.random.below(50) };
            self.schedule(delay, Event::Connect(actor));
        }
        self.schedule(60, Event::LocalConnects);
        self.schedule(self.plan.acting_ms + 200, Event::Curtain);
        if self.plan.terminate {
            let delay = 100 + self.random.below(self.plan.acting_ms);
            self.schedule(delay, Event::Terminate);
        }
        while self.step() {
            assert!(self.now_ms < 600_000, "it does not come to an end");
        }
        self.verify_the_end();
        std::mem::take(&mut self.history)
    }

    pub(crate) fn remember(&mut self, line: impl FnOnce(u64) -> String) {
        if self.plan.keep_history {
            self.history.push(line(self.now_ms));
        }
    }

    /// How often a recurring operation was found on time, and how many local requests were answered.
    pub(crate) fn coverage(&self) -> (u64, u64) {
        (self.checks.rhythms, self.sessions.answered)
    }

    fn verify_the_end(&self) {
        assert!(self.actors.iter().all(|actor| actor.waiting.is_none()), "a call without an answer");
        if self.plan.terminate {
            assert!(self.exited, "it was told to shut down");
            return;
        }
        assert_eq!(self.server.next_deadline(), None, "all recurring operations are gone with the clients");
        self.checks.nothing_in_flight();
        self.checks.every_one_shot_was_told();
    }

    pub(crate) fn schedule(&mut self, delay_ms: u64, event: Event) {
        self.schedule_at(self.now_ms + delay_ms, event);
    }

    pub(crate) fn schedule_at(&mut self, at_ms: u64, event: Event) {
        self.scheduled += 1;
        self.events.insert((at_ms, self.scheduled), event);
    }

    /// The next thing to happen: deadlines before events of the same time.
    fn step(&mut self) -> bool {
        let ms = |moment: Moment| u64::try_from(moment.since_origin().as_millis()).unwrap();
        let server = self.server.next_deadline().map(ms).filter(|_| !self.exited);
        let clients = self.actors.iter().filter_map(|actor| actor.client.next_deadline()).map(ms).min();
        let event = self.events.first_key_value().map(|((at, _), _)| *at);
        let Some(next) = [server, clients, event].into_iter().flatten().min() else { return false };
        assert!(next >= self.now_ms, "time runs backwards");
        self.now_ms = next;
        if server == Some(next) {
            self.serve(Input::Tick);
        } else if clients == Some(next) {
            for actor in 0..self.actors.len() {
                self.actors[actor].client.tick(now(next).mono);
                self.pump(actor);
            }
        } else if let Some((_, event)) = self.events.pop_first() {
            self.happens(event);
        }
        true
    }

    fn happens(&mut self, event: Event) {
        self.remember(|now_ms| format!("{now_ms} {event:?}"));
        match event {
            Event::Connect(actor) => self.connect(actor),
            Event::Act(actor) => self.act(actor),
            Event::Arrive(peer, toward, bytes) => self.arrive(peer, toward, &bytes),
            Event::Broken(peer, Toward::Server) => self.server_sees_the_end(peer),
            Event::Broken(peer, Toward::Client) => self.client_sees_the_end(peer),
            Event::RunEnds(run, plan) => {
                if let Some(result) = self.agents.end(run, plan)
                    && !self.exited
                {
                    self.checks.finished(run, result.unprepared, self.now_ms);
                    self.serve(Input::Finished { run, result });
                }
            }
            Event::LocalConnects => self.local_connects(),
            Event::LocalAsks(peer) => self.local_asks(peer),
            Event::LocalGone(peer) => {
                if self.sessions.open.remove(&peer).is_some() {
                    self.checks.peer_gone(peer);
                    self.serve(Input::Disconnected(peer));
                }
            }
            Event::Terminate => self.serve(Input::Terminate),
            Event::Curtain => self.curtain(),
        }
    }

    pub(crate) fn next_peer(&mut self) -> PeerId {
        self.last_peer += 1;
        PeerId(self.last_peer)
    }

    /// Sends a message, as far as the connection carries it.
    pub(crate) fn transmit(&mut self, peer: PeerId, toward: Toward, text: &str) {
        let Some(connection) = self.connections.get_mut(&peer) else { return };
        let passage = connection.send(toward, text, self.now_ms, &mut self.random);
        for (at, bytes) in passage.pieces {
            self.schedule_at(at, Event::Arrive(peer, toward, bytes));
        }
        if let Some(at) = passage.broken_at {
            self.was_cut = true;
            for end in [Toward::Server, Toward::Client] {
                let delay = self.random.below(10);
                self.schedule_at(at + delay, Event::Broken(peer, end));
            }
        }
    }

    fn arrive(&mut self, peer: PeerId, toward: Toward, bytes: &[u8]) {
        let Some(connection) = self.connections.get_mut(&peer) else { return };
        if self.exited || (toward == Toward::Server && connection.server_gone) {
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
            eprintln!("to repeat: PCMK_SIMULATION_SEED={}", self.0);
        }
    }
}
