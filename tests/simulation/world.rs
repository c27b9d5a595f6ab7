// SPDX-License-Identifier: LGPL-2.1-or-later
//! The clock, what is still to happen, and the two cores between which it happens.
use crate::actor::{Actor, Role, provide, whim};
use crate::agents::Agents;
use crate::checks::Checks;
use crate::connection::{Connection, Toward};
use crate::proxied::{Session, Sessions};
use crate::random::Random;
use pcmk_remote_rs::core::{
    ClientOutput, DaemonKind, Effect, FromServer, Input, Outgoing, PeerId, PeerKind, Relay, RequestId,
    RequestToken, RunId, Server, Settings,
};
use pcmk_remote_rs::model::{
    ClientId, Incoming, LocalIdentity, Millis, Moment, Notification, Now, Payload, ProxiedServer,
    ProxyNotice, Request,
};
use pcmk_remote_rs::wire::codec::{self, Envelope, RequestFields};
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
enum Event {
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
    seed: u64,
    plan: Plan,
    now_ms: u64,
    random: Random,
    server: Server,
    actors: Vec<Actor>,
    connections: BTreeMap<PeerId, Connection>,
    sessions: Sessions,
    agents: Agents,
    checks: Checks,
    events: BTreeMap<(u64, u64), Event>,
    scheduled: u64,
    last_peer: u64,
    accepting: bool,
    listening: bool,
    exited: bool,
    was_cut: bool,
    history: Vec<String>,
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

    fn remember(&mut self, line: impl FnOnce(u64) -> String) {
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

    fn schedule(&mut self, delay_ms: u64, event: Event) {
        self.schedule_at(self.now_ms + delay_ms, event);
    }

    fn schedule_at(&mut self, at_ms: u64, event: Event) {
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
                if let Some(finish) = self.agents.end(run, plan)
                    && !self.exited
                {
                    self.checks.finished(run, finish.unprepared, self.now_ms);
                    self.serve(Input::Finished { run, finish });
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

    fn connect(&mut self, actor: usize) {
        if !self.listening || self.exited || self.actors[actor].done {
            self.actors[actor].done = true;
            return;
        }
        let first = std::mem::replace(&mut self.actors[actor].connections, 1) == 0;
        let cut = match (self.plan.cut, self.actors[actor].role) {
            (Some(_), _) if actor == 1 && first => self.plan.cut,
            (Some(_), _) | (None, Role::Observer) => None,
            (None, _) => {
                let cut = (self.random.chance(50), usize::try_from(self.random.below(9000)).unwrap());
                self.random.chance(40).then_some(cut)
            }
        };
        let peer = self.next_peer();
        self.connections.insert(peer, Connection::new(actor, self.now_ms, cut));
        self.actors[actor].connection = Some(peer);
        self.serve_newcomer(peer, PeerKind::Remote);
        self.actors[actor].client.connected(now(self.now_ms).mono);
        self.pump(actor);
    }

    fn next_peer(&mut self) -> PeerId {
        self.last_peer += 1;
        PeerId(self.last_peer)
    }

    fn serve_newcomer(&mut self, peer: PeerId, kind: PeerKind) {
        self.checks.peers.insert(peer);
        let client_id = ClientId::new(format!("{:08x}-client", peer.0));
        self.serve(Input::Connected { peer, kind, client_id });
    }

    fn act(&mut self, actor: usize) {
        let over = self.now_ms >= self.plan.acting_ms && self.actors[actor].role != Role::Observer;
        if over {
            self.leave(actor);
        } else if self.actors[actor].client.is_ready() && self.actors[actor].waiting.is_none() {
            let (request, wait) = match self.actors[actor].role {
                Role::Observer => (Request::Poke, true),
                _ => whim(&mut self.random),
            };
            let client = &mut self.actors[actor].client;
            if wait {
                let id = client.call(request, Millis(0), now(self.now_ms).mono).unwrap();
                self.actors[actor].waiting = Some(id);
            } else {
                client.send(request).unwrap();
                self.act_again(actor);
            }
            self.pump(actor);
        }
    }

    fn act_again(&mut self, actor: usize) {
        let pause = match self.actors[actor].role {
            Role::Observer if self.now_ms > self.plan.acting_ms => return,
            Role::Observer => 300,
            _ => 60,
        };
        let delay = self.random.below(pause);
        self.schedule(delay, Event::Act(actor));
    }

    fn leave(&mut self, actor: usize) {
        self.actors[actor].done = true;
        self.actors[actor].client.close();
        self.pump(actor);
    }

    fn curtain(&mut self) {
        let alone = self.actors.iter().skip(1).all(|actor| actor.done);
        if self.exited || (alone && self.checks.all_told()) {
            self.leave(0);
        } else {
            self.schedule(100, Event::Curtain);
        }
    }

    /// A client's core has something to say.
    fn pump(&mut self, actor: usize) {
        while let Some(output) = self.actors[actor].client.poll() {
            match output {
                ClientOutput::Send(outgoing) => self.client_sends(actor, &outgoing),
                ClientOutput::Ready { .. } => self.act_again(actor),
                ClientOutput::Answered(id, _) | ClientOutput::Failed(id, _) => {
                    assert_eq!(self.actors[actor].waiting.take(), Some(id), "answered twice");
                    self.act_again(actor);
                }
                ClientOutput::LateReply(..) => {}
                ClientOutput::Notification(notification) => self.client_hears(actor, notification),
                ClientOutput::Disconnected(_) => self.client_closes(actor),
            }
        }
    }

    fn client_sends(&mut self, actor: usize, outgoing: &Outgoing) {
        let Some(peer) = self.actors[actor].connection else { return };
        let request = outgoing.request.clone();
        let incoming = Incoming { client_name: None, options: 0, request };
        let token = outgoing.token.as_ref().map(ClientId::as_str);
        let fields = RequestFields { timeout: outgoing.timeout, token };
        let envelope = Envelope::Tls { msg_id: outgoing.request_id.0 };
        let text = codec::encode_request(&incoming, &fields, envelope);
        self.transmit(peer, Toward::Server, &text);
    }

    fn client_hears(&mut self, actor: usize, notification: Notification) {
        assert!(self.actors[actor].waiting.is_none(), "told something inside a blocking call");
        match notification {
            Notification::Completed(completion) if self.actors[actor].role == Role::Observer => {
                self.checks.told(&completion);
            }
            Notification::Proxy(notice) => {
                let leaving = notice == ProxyNotice::ShutdownRequest && self.plan.acknowledge;
                if let Some(command) = provide(notice, self.plan.acknowledge, &mut self.random) {
                    self.actors[actor].client.send(Request::Proxy(command)).unwrap();
                }
                if leaving {
                    self.actors[actor].done = true;
                    self.plan.acting_ms = self.plan.acting_ms.min(self.now_ms + 100);
                }
            }
            _ => {}
        }
    }

    fn client_closes(&mut self, actor: usize) {
        if let Some(peer) = self.actors[actor].connection.take()
            && let Some(connection) = self.connections.get_mut(&peer)
        {
            connection.client_gone = true;
            let delay = 12 + self.random.below(5);
            self.schedule(delay, Event::Broken(peer, Toward::Server));
        }
        let delay = 20 + self.random.below(100);
        if self.now_ms < self.plan.acting_ms {
            self.schedule(delay, Event::Connect(actor));
        } else {
            self.actors[actor].done = true;
        }
    }

    /// Sends a message, as far as the connection carries it.
    fn transmit(&mut self, peer: PeerId, toward: Toward, text: &str) {
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

    fn server_reads(&mut self, peer: PeerId, text: &str) {
        let decoded = codec::decode_incoming(text).unwrap();
        let token = RequestToken(decoded.received.msg_id.unwrap());
        let incoming = decoded.incoming;
        if !self.exited {
            self.checks.asked(peer, token, &incoming.request);
            self.serve(Input::Request { peer, token, incoming });
        }
    }

    fn client_reads(&mut self, actor: usize, text: &str) {
        let (message, received) = codec::decode_from_server(text).unwrap();
        let message = match message {
            codec::FromServer::Reply(reply) => FromServer::Reply(RequestId(received.msg_id.unwrap()), reply),
            codec::FromServer::Notification(notification) => FromServer::Notification(notification),
            other => panic!("our server never says {other:?}"),
        };
        self.actors[actor].client.received(message);
        self.pump(actor);
    }

    fn server_sees_the_end(&mut self, peer: PeerId) {
        let Some(connection) = self.connections.get_mut(&peer) else { return };
        if !std::mem::replace(&mut connection.server_gone, true) {
            self.checks.peer_gone(peer);
            self.serve(Input::Disconnected(peer));
        }
    }

    fn client_sees_the_end(&mut self, peer: PeerId) {
        let Some(connection) = self.connections.get_mut(&peer) else { return };
        let actor = connection.client;
        if !std::mem::replace(&mut connection.client_gone, true) {
            self.actors[actor].client.disconnected();
            self.pump(actor);
        }
    }

    fn local_connects(&mut self) {
        if self.now_ms >= self.plan.acting_ms || self.exited {
            return;
        }
        if self.accepting {
            let peer = self.next_peer();
            self.sessions.open.insert(peer, Session::default());
            let identity = LocalIdentity { pid: 1, user: "root".into() };
            self.serve_newcomer(peer, PeerKind::Proxied { server: ProxiedServer::CibRw, identity });
            self.schedule(5, Event::LocalAsks(peer));
            let stay = 20 + self.random.below(300);
            self.schedule(stay, Event::LocalGone(peer));
        }
        let pause = self.random.below(60);
        self.schedule(pause, Event::LocalConnects);
    }

    fn local_asks(&mut self, peer: PeerId) {
        if self.exited || !self.sessions.open.contains_key(&peer) {
            return;
        }
        if let Some(msg_id) = self.sessions.ask(peer) {
            let payload = Payload::from_checked("<question/>");
            self.serve(Input::Proxied { peer, msg_id, flags: 0x200, payload });
        }
        let pause = 1 + self.random.below(40);
        self.schedule(pause, Event::LocalAsks(peer));
    }

    /// Something happens to the server.
    fn serve(&mut self, input: Input) {
        if self.exited {
            return;
        }
        let mut effects = Vec::new();
        let one_shot = matches!(&input, Input::Request { incoming, .. }
            if matches!(&incoming.request, Request::Execute(execute) if !execute.interval.recurs()));
        self.remember(|now_ms| format!("{now_ms} {input:?}"));
        self.server.step(input, now(self.now_ms), &mut effects);
        for effect in effects {
            self.remember(|_| format!("  {effect:?}"));
            if let Effect::Reply { reply, .. } = &effect
                && one_shot
                && reply.rc > 0
            {
                self.checks.one_shot_accepted(reply.rc);
            }
            self.perform(effect);
        }
        if !self.exited {
            self.checks.nothing_unanswered();
        }
    }

    fn perform(&mut self, effect: Effect) {
        assert!(!self.exited, "{effect:?} after the exit");
        match effect {
            Effect::Reply { peer, token, reply } => {
                self.checks.answered(peer, token);
                let text = codec::encode_reply(&reply, Envelope::Tls { msg_id: token.0 });
                self.transmit(peer, Toward::Client, &text);
            }
            Effect::Notify { peers, notification } => {
                assert!(!peers.is_empty());
                let text = codec::encode_notification(&notification, Envelope::Tls { msg_id: 0 });
                for peer in peers {
                    self.checks.peer_is_there(peer, "notification");
                    self.transmit(peer, Toward::Client, &text);
                }
            }
            Effect::Relay { peer, relay } => {
                self.checks.peer_is_there(peer, "relayed message");
                if let Relay::Response { msg_id, .. } = relay {
                    self.sessions.responded(peer, msg_id);
                }
            }
            Effect::Run { run, execution } => {
                self.checks.run(run, &execution, self.now_ms);
                self.start(run);
            }
            Effect::RunAlert { run, .. } => self.start(run),
            Effect::Kill { run, .. } => {
                let (at, plan) = self.agents.kill(run, self.now_ms, &mut self.random);
                self.schedule_at(at, Event::RunEnds(run, plan));
            }
            Effect::Close(peer) => self.close(peer),
            Effect::AcceptProxied(accepting) => {
                assert_ne!(std::mem::replace(&mut self.accepting, accepting), accepting, "no news");
            }
            Effect::FetchSchemas { provider } => self.checks.peer_is_there(provider, "schema transfer"),
            Effect::StopListening => self.listening = false,
            Effect::Exit => self.exit(),
            Effect::CheckWatchdog(_) | Effect::Log { .. } => {}
        }
    }

    fn start(&mut self, run: RunId) {
        if let Some((at, plan)) = self.agents.start(run, self.now_ms, &mut self.random) {
            self.schedule_at(at, Event::RunEnds(run, plan));
        }
    }

    fn close(&mut self, peer: PeerId) {
        self.checks.peer_is_there(peer, "disconnection");
        let delay = self.random.below(20);
        if self.sessions.closing(peer) {
            self.schedule(delay, Event::LocalGone(peer));
        } else {
            self.schedule(delay, Event::Broken(peer, Toward::Server));
            self.schedule(delay, Event::Broken(peer, Toward::Client));
        }
    }

    fn exit(&mut self) {
        self.exited = true;
        for peer in self.connections.keys().copied().collect::<Vec<_>>() {
            self.schedule(1, Event::Broken(peer, Toward::Client));
        }
    }
}

fn now(ms: u64) -> Now {
    Now { mono: Moment::new(Duration::from_millis(ms)), epoch_s: 1_000_000 + ms / 1000 }
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
