// SPDX-License-Identifier: LGPL-2.1-or-later
//! The one owner of the core, for any loop: takes in what has arrived, steps the core, has its effects carried out,
//! and flushes once.
//!
//! A [`Hub`] is held by one task (or source, or test) and by nothing else. Everything that happens is put into its
//! [`Inbox`], by tasks that read sockets, by callbacks, by what waits for children. The loop then gives the hub a
//! [`turn`](Hub::turn). Effects go out through a [`Carrier`]: tokio for our daemons, a virtual clock for the simulation.
//! Nothing here waits, and no runtime is named.
mod carrier;
mod hooks;
mod inbox;
mod ledger;
mod look;
mod peers;
mod pressure;
mod schemas;
#[cfg(test)]
mod tests;

pub use carrier::Carrier;
pub use hooks::Hooks;
pub use inbox::{Arrival, Inbox, NewPeer};
pub use ledger::Excess;

use super::severity::log_effect;
use crate::core::{Effect, Input, PeerId, Relay, RequestToken, RunId, Server};
use crate::model::{KillScope, Moment, Notification, Now, Reply};
use crate::wire::codec::{self, Envelope};
use inbox::Route;
use ledger::{Cause, Ledger};
use peers::Peers;
use pressure::{Following, cause};
use schemas::SchemaTransfer;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// The exit code that tells a supervisor not to start the daemon again.
const EXIT_FATAL: u8 = 100;

/// How long a turn may take, and flushing at its end as long again. What has begun is finished: a step of the core, an
/// effect, a flush.
const TURN: Duration = Duration::from_millis(2);

/// Effects that are carried out between two looks at the clock.
const EFFECTS_BETWEEN: usize = 4;

/// What the loop is to do after a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Give the hub a turn when something arrives, or at this moment.
    Wait(Option<Moment>),
    /// The turn's time is over and there is more to do: let others have theirs, look at the descriptors, then give the
    /// hub another.
    Again,
    /// Exit with this code; what arrives now is of no use.
    Exit(u8),
}

/// See the module's documentation.
pub struct Hub<C: Carrier> {
    core: Server,
    carrier: C,
    inbox: Inbox<C::Remote, C::Local>,
    peers: Peers<C::Remote, C::Local>,
    ledger: Ledger,
    /// Whose input is being taken in.
    cause: Cause,
    /// Peers that have been released and still have parked messages.
    resumed: VecDeque<PeerId>,
    /// Those that have not finished.
    runs: BTreeMap<RunId, C::Run>,
    schemas: Option<SchemaTransfer>,
    /// Has it been said that the cluster does not answer for schemas?
    told_of_schemas: bool,
    hooks: Box<dyn Hooks>,
    /// What the hub itself has caused; the core takes it in before anything else that has arrived.
    caused: VecDeque<Input>,
    /// What a step has asked for and is not carried out. Nothing is fed to the core before that.
    effects: VecDeque<Effect>,
    /// Where the core puts its effects.
    fresh: Vec<Effect>,
    /// What follows when the effects of the step are carried out.
    following: Option<Following>,
    /// Who has been released and is served now, instead of the inbox.
    resuming: Option<PeerId>,
    /// Was the latest thing taken in one of a peer that has been released? Then the inbox is next.
    has_resumed: bool,
    /// Was the core told a deadline since anything was taken in? One may have passed always.
    has_ticked: bool,
    /// A deadline has passed: the core is told behind the ends of runs up to this number.
    tick_behind: Option<u64>,
    turn_ends: Moment,
    /// When the clock was last looked at for a turn.
    looked: Moment,
    exit: Option<u8>,
}

impl<C: Carrier> Hub<C> {
    /// A hub around a new core. `inbox` is what the loop's other parts have clones of.
    pub fn new(core: Server, carrier: C, inbox: Inbox<C::Remote, C::Local>, hooks: Box<dyn Hooks>) -> Self {
        Self {
            core,
            carrier,
            inbox,
            peers: Peers::default(),
            ledger: Ledger::default(),
            cause: Cause::Executor,
            resumed: VecDeque::new(),
            runs: BTreeMap::new(),
            schemas: None,
            told_of_schemas: false,
            hooks,
            caused: VecDeque::new(),
            effects: VecDeque::new(),
            fresh: Vec::new(),
            following: None,
            resuming: None,
            has_resumed: false,
            has_ticked: false,
            tick_behind: None,
            turn_ends: Moment::default(),
            looked: Moment::default(),
            exit: None,
        }
    }

    /// Takes in what has arrived, for as long as a turn may take, then flushes each peer once, so that a message's
    /// header, its payload and the notifications behind it leave together.
    pub fn turn(&mut self) -> Next {
        let mut now = self.carrier.now();
        self.turn_ends = now.mono + TURN;
        while self.exit.is_none() && now.mono < self.turn_ends && self.work(now) {
            let is_over = self.effects.is_empty() && self.caused.is_empty();
            // What costs no other peer time is not charged, and a look at the clock costs as much as a part of a message.
            let is_alone = is_over && !self.has_arrivals();
            let moment = if is_alone { now.mono } else { self.carrier.moment() };
            let before = std::mem::replace(&mut now.mono, moment);
            match self.resuming {
                Some(peer) => self.inbox.charge(peer, now.mono.since(before)),
                None => self.inbox.served(now.mono.since(before), is_over),
            }
            if is_over {
                self.resuming = None;
            }
        }
        self.looked = now.mono;
        self.flush();
        match self.exit {
            Some(code) => Next::Exit(code),
            None => self.next(now),
        }
    }

    /// Does the next thing that there is to do. False: there was nothing.
    fn work(&mut self, now: Now) -> bool {
        if !self.effects.is_empty() {
            self.carry_out(now);
        } else if let Some(input) = self.caused.pop_front() {
            if let Input::Disconnected(peer) = &input {
                self.peers.remove(*peer);
            }
            self.step(input, now);
        } else if (!self.has_ticked || !self.has_arrivals()) && self.is_tick_due(now) {
            (self.tick_behind, self.has_ticked) = (None, true);
            self.tick(now);
        } else {
            self.has_ticked = false;
            let is_first = !std::mem::take(&mut self.has_resumed);
            if is_first && let Some(peer) = self.resumed.pop_front() {
                self.has_resumed = true;
                self.resume(peer, now);
            } else if let Some(arrival) = self.inbox.take() {
                self.take(arrival, now);
            } else if self.resumed.is_empty() {
                return false;
            }
        }
        self.follow_up(now);
        true
    }

    fn has_arrivals(&self) -> bool {
        !self.inbox.is_empty() || !self.resumed.is_empty()
    }

    fn next(&mut self, now: Now) -> Next {
        let is_idle = self.effects.is_empty() && self.caused.is_empty() && !self.has_arrivals();
        let deadline = self.next_deadline();
        let has_passed = deadline.is_some_and(|deadline| deadline <= now.mono);
        if !is_idle || self.peers.has_unflushed() || (has_passed && self.is_tick_due(now)) {
            Next::Again
        } else {
            Next::Wait(deadline)
        }
    }

    /// A deadline that has passed is told behind the ends of runs that had arrived by then: a run that has ended is
    /// not overdue.
    fn is_tick_due(&mut self, now: Now) -> bool {
        if self.next_deadline().is_none_or(|deadline| deadline > now.mono) {
            return false;
        }
        let number = *self.tick_behind.get_or_insert_with(|| self.inbox.latest());
        !self.inbox.has_own_until(number)
    }

    /// Says goodbye to the remote peers, before the carrier is stopped. What runs goes on.
    pub fn leave(&mut self) {
        for remote in self.peers.remotes() {
            self.carrier.say_goodbye(remote);
        }
    }

    /// When the next turn is due though nothing may have arrived.
    pub fn next_deadline(&self) -> Option<Moment> {
        let schemas = self.schemas.as_ref().map(|transfer| transfer.deadline);
        [self.core.next_deadline(), schemas, self.ledger.deadline()].into_iter().flatten().min()
    }

    /// What carries the effects out.
    pub fn carrier(&self) -> &C {
        &self.carrier
    }

    /// What carries the effects out, to be changed.
    pub fn carrier_mut(&mut self) -> &mut C {
        &mut self.carrier
    }

    /// Where things arrive.
    pub fn inbox(&self) -> &Inbox<C::Remote, C::Local> {
        &self.inbox
    }

    fn take(&mut self, arrival: Arrival<C::Remote, C::Local>, now: Now) {
        match arrival {
            Arrival::Joined(peer, newcomer) => {
                let (kind, route) = newcomer.split();
                self.cause = cause(peer, &route);
                self.peers.add(peer, route);
                let client_id = self.carrier.new_client_id(peer);
                self.step(Input::Connected { peer, kind, client_id }, now);
                self.joined(peer);
            }
            Arrival::Left(peer) => self.left(peer, now),
            Arrival::Message(input, bytes) => self.message(input, bytes, now),
            Arrival::Drained(peer) => self.drained(peer, now),
            Arrival::Input(input) => match &input {
                Input::Request { .. } | Input::Proxied { .. } => self.message(input, 0, now),
                Input::Finished { run, .. } => {
                    if self.runs.remove(run).is_some() {
                        self.cause = self.owner(*run);
                        self.step(input, now);
                    }
                }
                Input::Waits(run) | Input::Started { run, .. } => {
                    if self.runs.contains_key(run) {
                        self.step(input, now);
                    }
                }
                Input::FencerLost { .. } | Input::Terminate => self.step(input, now),
                Input::Connected { .. } | Input::Disconnected(_) | Input::Tick => {}
            },
        }
    }

    /// Feeds one input, and has the effects carried out as far as the turn's time reaches.
    fn step(&mut self, input: Input, now: Now) {
        self.core.step(input, now, &mut self.fresh);
        self.effects.extend(self.fresh.drain(..));
        self.carry_out(now);
    }

    fn carry_out(&mut self, now: Now) {
        for number in 1.. {
            let Some(effect) = self.effects.pop_front() else { return };
            self.perform(effect, now);
            if number % EFFECTS_BETWEEN == 0 && self.exit.is_none() && self.carrier.moment() >= self.turn_ends
            {
                return;
            }
        }
    }

    fn tick(&mut self, now: Now) {
        self.limit_schemas(now);
        self.step(Input::Tick, now);
        self.ledger.tick(now.mono);
    }

    fn perform(&mut self, effect: Effect, now: Now) {
        match effect {
            Effect::Reply { peer, token, reply } => self.reply(peer, token, &reply),
            Effect::Notify { audience, notification } => {
                let peers = self.core.receivers(&audience);
                self.notify(&peers, &notification);
            }
            Effect::Relay { peer, relay } => self.relay(peer, &relay, now),
            Effect::Run { run, execution } => {
                let handle = self.carrier.run(run, self.core.owner(run), &execution);
                self.runs.insert(run, handle);
            }
            Effect::Fence { run, execution, device } => {
                let handle = self.carrier.fence(run, execution, device);
                self.runs.insert(run, handle);
            }
            Effect::RunAlert { run, alert } => {
                let handle = self.carrier.run_alert(run, self.core.owner(run), &alert);
                self.runs.insert(run, handle);
            }
            Effect::Kill { run, scope } => self.kill(run, scope),
            Effect::Close(peer) => self.close(peer, None),
            Effect::AcceptProxied(accept) => self.carrier.accept_proxied(accept),
            Effect::FetchSchemas => self.begin_schemas(now),
            Effect::CheckWatchdog(timeout) => self.check_watchdog(timeout.as_deref()),
            Effect::StopListening => self.carrier.stop_listening(),
            Effect::Exit => self.exit(0),
            Effect::Log { level, text } => log_effect(level, &text),
        }
    }

    fn reply(&mut self, peer: PeerId, token: RequestToken, reply: &Reply) {
        match self.peers.route(peer) {
            Some(Route::Remote(remote)) => {
                let queued = self.carrier.send_reply(remote, token, reply);
                self.ledger.note(peer, self.cause, queued);
            }
            Some(Route::Local(local)) => {
                let text = codec::encode_reply(reply, Envelope::Local);
                self.carrier.respond(local, token.0.cast_signed(), &text);
                self.ledger.note(peer, self.cause, self.carrier.waiting(local));
            }
            Some(Route::Proxied(_) | Route::Schemas) | None => {}
        }
    }

    /// Encodes at most once for remote and once for local peers, however many are told.
    fn notify(&mut self, peers: &[PeerId], notification: &Notification) {
        let (mut for_remote, mut for_local) = (None, None::<(String, Option<Arc<str>>)>);
        for peer in peers {
            match self.peers.route(*peer) {
                Some(Route::Remote(remote)) => {
                    let encoded = for_remote.get_or_insert_with(|| C::encode(notification));
                    let queued = self.carrier.send_notification(remote, encoded);
                    self.ledger.note(*peer, self.cause, queued);
                }
                Some(Route::Local(local)) => {
                    let (text, short) = for_local.get_or_insert_with(|| {
                        let short = codec::encode_short_notification(notification, Envelope::Local);
                        (codec::encode_notification(notification, Envelope::Local), short.map(Arc::from))
                    });
                    self.carrier.send_event(local, text, short.as_ref());
                    self.ledger.note(*peer, self.cause, self.carrier.waiting(local));
                }
                Some(Route::Proxied(_) | Route::Schemas) | None => {}
            }
        }
    }

    fn relay(&mut self, peer: PeerId, relay: &Relay, now: Now) {
        match self.peers.route(peer) {
            Some(Route::Proxied(local)) => match relay {
                Relay::Event(payload) => self.carrier.send_event(local, payload.as_str(), None),
                Relay::Response { msg_id, payload } => {
                    self.carrier.respond(local, *msg_id, payload.as_str());
                }
            },
            Some(Route::Schemas) => self.schemas_received(peer, relay, now),
            Some(Route::Remote(_) | Route::Local(_)) | None => {}
        }
    }

    fn kill(&mut self, run: RunId, scope: KillScope) {
        if let Some(handle) = self.runs.get(&run) {
            self.carrier.kill(handle, scope);
        }
    }

    fn close(&mut self, peer: PeerId, excess: Option<Excess>) {
        if self.peers.is_leaving(peer) {
            self.resumed.push_back(peer); // Nothing of it is parked any more, and nothing more arrives.
        }
        match self.peers.closing(peer) {
            Some(Route::Remote(remote)) => self.carrier.close(remote, excess),
            Some(Route::Local(local) | Route::Proxied(local)) => self.carrier.disconnect(local, excess),
            Some(Route::Schemas) => self.end_schemas(),
            None => {}
        }
    }

    fn check_watchdog(&mut self, timeout: Option<&str>) {
        if let Err(reason) = self.hooks.watchdog_fits(timeout) {
            crate::log_emergency!("Exiting, and not to be restarted: {reason}");
            self.exit(EXIT_FATAL);
        }
    }

    /// The first code counts.
    fn exit(&mut self, code: u8) {
        self.exit.get_or_insert(code);
    }
}
