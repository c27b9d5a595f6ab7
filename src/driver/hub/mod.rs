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
use crate::log_notice;
use crate::model::{KillScope, Moment, Notification, Now, Reply};
use crate::session::SchemaFile;
use crate::wire::codec::{self, Envelope};
use inbox::Route;
use ledger::{Cause, Ledger};
use log::{debug, warn};
use peers::Peers;
use pressure::cause;
use schemas::{LIMIT, Progress, SchemaTransfer};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

/// The exit code that tells a supervisor not to start the daemon again.
const EXIT_FATAL: u8 = 100;

/// What the loop is to do after a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Give the hub a turn when something arrives, or at this moment.
    Wait(Option<Moment>),
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
    hooks: Box<dyn Hooks>,
    /// What the hub itself has caused; the core takes it in before anything else that has arrived.
    caused: VecDeque<Input>,
    effects: Vec<Effect>,
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
            hooks,
            caused: VecDeque::new(),
            effects: Vec::new(),
            exit: None,
        }
    }

    /// Takes in everything that has arrived, then flushes each peer once, so that a message's header, its payload and
    /// the notifications behind it leave together.
    pub fn turn(&mut self) -> Next {
        let mut now = None;
        // A turn that has to end before the inbox is empty would end here, and be followed by another at once.
        while self.exit.is_none() {
            let arrival = self.inbox.take();
            if arrival.is_none() && self.resumed.is_empty() {
                break;
            }
            let moment = *now.insert(self.carrier.now());
            self.resume(moment);
            if let Some(arrival) = arrival {
                self.take(arrival, moment);
            }
        }
        if self.exit.is_none()
            && let Some(deadline) = self.next_deadline()
        {
            let now = now.unwrap_or_else(|| self.carrier.now());
            if deadline <= now.mono {
                self.tick(now);
            }
        }
        self.flush(now);
        match self.exit {
            Some(code) => Next::Exit(code),
            None => Next::Wait(self.next_deadline()),
        }
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
            Arrival::Left(peer) => {
                let Some(route) = self.peers.remove(peer) else { return };
                if let Route::Remote(remote) = &route {
                    self.carrier.say_goodbye(remote);
                }
                self.cause = cause(peer, &route);
                self.step(Input::Disconnected(peer), now);
                self.left(peer);
            }
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
                Input::Waits(run) | Input::Started(run) => {
                    if self.runs.contains_key(run) {
                        self.step(input, now);
                    }
                }
                Input::FencerLost { .. } | Input::Terminate => self.step(input, now),
                Input::Connected { .. } | Input::Disconnected(_) | Input::Tick => {}
            },
        }
        self.relieve(now);
    }

    /// Feeds one input, and what the hub itself causes by carrying its effects out.
    fn step(&mut self, input: Input, now: Now) {
        let mut effects = std::mem::take(&mut self.effects);
        let mut next = Some(input);
        while let Some(input) = next {
            self.core.step(input, now, &mut effects);
            for effect in effects.drain(..) {
                self.perform(effect, now);
            }
            next = self.caused.pop_front();
            if let Some(Input::Disconnected(peer)) = &next {
                self.peers.remove(*peer);
            }
        }
        self.effects = effects;
        self.cause = Cause::Executor;
    }

    fn tick(&mut self, now: Now) {
        if self.schemas.as_ref().is_some_and(|transfer| transfer.deadline <= now.mono) {
            warn!("The transfer of schemas did not end within {} s", LIMIT.0 / 1000);
            self.end_schemas();
        }
        self.step(Input::Tick, now);
        self.ledger.tick(now.mono);
        self.relieve(now);
    }

    fn perform(&mut self, effect: Effect, now: Now) {
        match effect {
            Effect::Reply { peer, token, reply } => self.reply(peer, token, &reply),
            Effect::Notify { peers, notification } => self.notify(&peers, &notification),
            Effect::Relay { peer, relay } => self.relay(peer, &relay),
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
        let (mut for_remote, mut for_local) = (None, None::<(String, Option<Rc<str>>)>);
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
                        (codec::encode_notification(notification, Envelope::Local), short.map(Rc::from))
                    });
                    self.carrier.send_event(local, text, short.as_ref());
                    self.ledger.note(*peer, self.cause, self.carrier.waiting(local));
                }
                Some(Route::Proxied(_) | Route::Schemas) | None => {}
            }
        }
    }

    fn relay(&mut self, peer: PeerId, relay: &Relay) {
        match self.peers.route(peer) {
            Some(Route::Proxied(local)) => match relay {
                Relay::Event(payload) => self.carrier.send_event(local, payload.as_str(), None),
                Relay::Response { msg_id, payload } => {
                    self.carrier.respond(local, *msg_id, payload.as_str());
                }
            },
            Some(Route::Schemas) => self.schemas_received(peer, relay),
            Some(Route::Remote(_) | Route::Local(_)) | None => {}
        }
    }

    fn kill(&mut self, run: RunId, scope: KillScope) {
        if let Some(handle) = self.runs.get(&run) {
            self.carrier.kill(handle, scope);
        }
    }

    fn close(&mut self, peer: PeerId, excess: Option<Excess>) {
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

    /// Begins a transfer of schemas; an older one that is still on its way is given up.
    fn begin_schemas(&mut self, now: Now) {
        self.end_schemas();
        let newest = match self.hooks.prepare_schemas() {
            Ok(newest) => newest,
            Err(problem) => return warn!("Not asking the cluster for schemas: {problem}"),
        };
        let peer = self.inbox.new_peer();
        let client_id = self.carrier.new_client_id(peer);
        let (transfer, inputs) = SchemaTransfer::begin(peer, client_id, &newest, now.mono);
        self.peers.add(peer, Route::Schemas);
        self.caused.extend(inputs);
        self.schemas = Some(transfer);
    }

    fn schemas_received(&mut self, peer: PeerId, relay: &Relay) {
        let Some(transfer) = self.schemas.as_mut().filter(|transfer| transfer.peer == peer) else { return };
        match transfer.receive(relay) {
            Progress::Next(input) => self.caused.push_back(input),
            Progress::Waiting => {}
            Progress::Over(result) => {
                match result {
                    Ok(files) => self.keep_schemas(&files),
                    Err(problem) => warn!("Cannot get the cluster's schemas: {problem}"),
                }
                self.end_schemas();
            }
        }
    }

    fn keep_schemas(&self, files: &[SchemaFile]) {
        match self.hooks.keep_schemas(files) {
            Ok(()) if files.is_empty() => debug!("The cluster has no newer schemas"),
            Ok(()) => log_notice!("Got {} schema files from the cluster", files.len()),
            Err(problem) => warn!("Cannot keep the cluster's schemas: {problem}"),
        }
    }

    fn end_schemas(&mut self) {
        if let Some(transfer) = self.schemas.take() {
            self.caused.push_back(Input::Disconnected(transfer.peer));
        }
    }
}
