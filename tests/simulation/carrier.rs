// SPDX-License-Identifier: LGPL-2.1-or-later
//! What is around the hub: pipes, agents, local clients and the calendar. It carries the hub's effects out.
use crate::agents::Agents;
use crate::checks::Checks;
use crate::connection::{Connection, Toward};
use crate::proxied::Sessions;
use crate::random::Random;
use crate::world::{Event, now};
use pcmk_remote_rs::core::{PeerId, RequestToken, RunId};
use pcmk_remote_rs::driver::hub::{Carrier, Excess, Hooks};
use pcmk_remote_rs::model::{
    Alert, ClientId, DeviceState, Execution, KillScope, Moment, Notification, Now, ProxyNotice, Reply,
};
use pcmk_remote_rs::session::SchemaFile;
use pcmk_remote_rs::wire::codec::{self, Envelope};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

/// In a world in which time passes while the hub works, something may happen so much later than it is due: what has come before
/// it, in a flood, is taken in first.
const LATE_MS: u64 = 1_000;

/// What one turn of the hub has asked for.
#[derive(Debug, Default)]
pub(crate) struct Turn {
    flushed: BTreeSet<PeerId>,
    pub(crate) stopped_listening: bool,
    pub(crate) asked_for_shutdown: bool,
}

pub(crate) struct Surroundings {
    clock_ms: Cell<u64>,
    /// In some worlds time passes while the hub works, so that its turns end before everything is done.
    pace: Option<RefCell<Random>>,
    pub(crate) random: Random,
    pub(crate) connections: BTreeMap<PeerId, Connection>,
    /// What is queued for remote peers and not flushed.
    pub(crate) queued: BTreeMap<PeerId, Vec<String>>,
    pub(crate) sessions: Sessions,
    pub(crate) agents: Agents,
    pub(crate) checks: Checks,
    pub(crate) events: BTreeMap<(u64, u64), Event>,
    scheduled: u64,
    pub(crate) accepting: bool,
    pub(crate) listening: bool,
    pub(crate) was_cut: bool,
    /// Has the daemon crashed, and not started again?
    pub(crate) is_down: bool,
    /// Clients that were cut since they did not read.
    pub(crate) cut: u64,
    pub(crate) turn: Turn,
    /// Turns that have ended for their time.
    pub(crate) turns_cut: u64,
    keep_history: bool,
    pub(crate) history: Vec<String>,
}

impl Surroundings {
    pub(crate) fn new(seed: u64, keep_history: bool) -> Self {
        let is_slow = seed.is_multiple_of(3);
        Self {
            clock_ms: Cell::new(0),
            pace: is_slow.then(|| RefCell::new(Random::new(seed))),
            random: Random::new(seed),
            connections: BTreeMap::new(),
            queued: BTreeMap::new(),
            sessions: Sessions::default(),
            agents: Agents::default(),
            checks: Checks::new(if is_slow { LATE_MS } else { 0 }),
            events: BTreeMap::new(),
            scheduled: 0,
            accepting: false,
            listening: true,
            was_cut: false,
            is_down: false,
            cut: 0,
            turn: Turn::default(),
            turns_cut: 0,
            keep_history,
            history: Vec::new(),
        }
    }

    pub(crate) fn now_ms(&self) -> u64 {
        self.clock_ms.get()
    }

    /// Does time pass while the hub works?
    pub(crate) fn time_passes(&self) -> bool {
        self.pace.is_some()
    }

    /// The clock goes on to this time, if it has not gone farther.
    pub(crate) fn advance(&mut self, to_ms: u64) {
        assert!(to_ms >= self.now_ms() || self.pace.is_some(), "time runs backwards");
        self.clock_ms.set(to_ms.max(self.now_ms()));
    }

    pub(crate) fn remember(&mut self, line: impl FnOnce(u64) -> String) {
        if self.keep_history {
            self.history.push(line(self.now_ms()));
        }
    }

    pub(crate) fn schedule(&mut self, delay_ms: u64, event: Event) {
        self.schedule_at(self.now_ms() + delay_ms, event);
    }

    pub(crate) fn schedule_at(&mut self, at_ms: u64, event: Event) {
        self.scheduled += 1;
        self.events.insert((at_ms, self.scheduled), event);
    }

    /// Sends a message, as far as the connection carries it.
    pub(crate) fn transmit(&mut self, peer: PeerId, toward: Toward, text: &str) {
        let now_ms = self.now_ms();
        let Some(connection) = self.connections.get_mut(&peer) else { return };
        if connection.stalled && toward == Toward::Client {
            return self.hold(peer, text);
        }
        let passage = connection.send(toward, text, now_ms, &mut self.random);
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

    /// Queues a message; how many bytes wait then.
    fn queue(&mut self, peer: PeerId, text: String) -> usize {
        self.remember(|_| format!("  {peer:?} {text}"));
        let queue = self.queued.entry(peer).or_default();
        queue.push(text);
        queue.iter().map(String::len).sum()
    }

    fn send_queued(&mut self, peer: PeerId) {
        for text in self.queued.remove(&peer).unwrap_or_default() {
            self.transmit(peer, Toward::Client, &text);
        }
    }

    fn start(&mut self, run: RunId) -> RunId {
        self.remember(|_| format!("  start {run:?}"));
        if let Some((at, plan)) = self.agents.start(run, self.now_ms(), &mut self.random) {
            self.schedule_at(at, Event::RunEnds(run, plan));
        }
        run
    }
}

/// A notification as text.
pub(crate) struct Encoded {
    text: String,
    asks_for_shutdown: bool,
}

/// Peers are their own connections.
impl Carrier for Surroundings {
    type Remote = PeerId;
    type Local = PeerId;
    type Encoded = Encoded;
    type Run = RunId;

    fn now(&self) -> Now {
        now(self.now_ms())
    }

    /// One look in eight finds that a millisecond has passed, or up to three.
    fn moment(&self) -> Moment {
        if let Some(pace) = &self.pace {
            let mut random = pace.borrow_mut();
            let passed_ms = if random.chance(12) { 1 + random.below(3) } else { 0 };
            self.clock_ms.set(self.now_ms() + passed_ms);
        }
        self.now().mono
    }

    fn new_client_id(&mut self, peer: PeerId) -> ClientId {
        ClientId::new(format!("{:08x}-client", peer.0))
    }

    fn send_reply(&mut self, to: &PeerId, token: RequestToken, reply: &Reply) -> usize {
        self.checks.answered(*to, token, reply.rc);
        self.queue(*to, codec::encode_reply(reply, Envelope::Tls { msg_id: token.0 }))
    }

    fn encode(notification: &Notification) -> Encoded {
        Encoded {
            text: codec::encode_notification(notification, Envelope::Tls { msg_id: 0 }),
            asks_for_shutdown: *notification == Notification::Proxy(ProxyNotice::ShutdownRequest),
        }
    }

    fn send_notification(&mut self, to: &PeerId, notification: &Encoded) -> usize {
        self.checks.peer_is_there(*to, "notification");
        self.turn.asked_for_shutdown |= notification.asks_for_shutdown;
        if let Some(connection) = self.connections.get_mut(to) {
            connection.notified += 1;
        }
        self.queue(*to, notification.text.clone())
    }

    fn flush(&mut self, remote: &PeerId) -> usize {
        assert!(self.turn.flushed.insert(*remote), "{remote:?} is flushed twice in a turn");
        self.send_queued(*remote);
        0
    }

    fn hold(&mut self, remote: &PeerId, _: bool) {
        panic!("{remote:?} is held though nothing waits");
    }

    fn close(&mut self, remote: &PeerId, excess: Option<Excess>) {
        assert_eq!(excess, None);
        self.checks.closing(*remote);
        let delay = self.random.below(20);
        self.schedule(delay, Event::Broken(*remote, Toward::Server));
        self.schedule(delay, Event::Broken(*remote, Toward::Client));
    }

    fn say_goodbye(&mut self, remote: &PeerId) {
        self.remember(|_| format!("  goodbye {remote:?}"));
        self.send_queued(*remote);
        let delay = 1 + self.random.below(5);
        self.schedule(delay, Event::Broken(*remote, Toward::Client));
    }

    fn respond(&mut self, to: &PeerId, id: i32, _: &str) {
        self.checks.peer_is_there(*to, "response");
        self.sessions.responded(*to, id);
    }

    fn send_event(&mut self, to: &PeerId, _: &str, _: Option<&Arc<str>>) {
        self.checks.peer_is_there(*to, "event");
    }

    fn waiting(&self, _: &PeerId) -> usize {
        0
    }

    fn hold_local(&mut self, local: &PeerId, _: bool) {
        panic!("{local:?} is held though nothing waits");
    }

    fn disconnect(&mut self, local: &PeerId, excess: Option<Excess>) {
        assert_eq!(excess, None);
        self.checks.closing(*local);
        let delay = self.random.below(20);
        self.sessions.open.get_mut(local).expect("an end of a session that is gone").closing = true;
        self.schedule(delay, Event::LocalGone(*local));
    }

    fn accept_proxied(&mut self, accept: bool) {
        assert_ne!(std::mem::replace(&mut self.accepting, accept), accept, "no news");
    }

    fn run(&mut self, run: RunId, _: Option<PeerId>, execution: &Execution) -> RunId {
        self.checks.run(run, execution, self.now_ms());
        self.start(run)
    }

    fn run_alert(&mut self, run: RunId, _: Option<PeerId>, _: &Alert) -> RunId {
        self.start(run)
    }

    fn fence(&mut self, run: RunId, _: Box<Execution>, _: DeviceState) -> RunId {
        self.start(run)
    }

    fn kill(&mut self, run: &RunId, _: KillScope) {
        self.remember(|_| format!("  kill {run:?}"));
        let (at, plan) = self.agents.kill(*run, self.now_ms(), &mut self.random);
        self.schedule_at(at, Event::RunEnds(*run, plan));
    }

    fn stop_listening(&mut self) {
        self.listening = false;
        self.turn.stopped_listening = true;
    }
}

/// The node's files: schemas are there, and how often newer ones were kept is counted.
#[derive(Default)]
pub(crate) struct NodeFiles {
    pub(crate) transfers: Rc<Cell<u64>>,
}

impl Hooks for NodeFiles {
    fn watchdog_fits(&self, _: Option<&str>) -> Result<(), String> {
        Ok(())
    }

    fn prepare_schemas(&self) -> Result<String, String> {
        Ok("pacemaker-3.9".into())
    }

    fn keep_schemas(&self, files: &[SchemaFile]) -> Result<(), String> {
        assert_eq!(files.len(), 1);
        self.transfers.set(self.transfers.get() + 1);
        Ok(())
    }
}
