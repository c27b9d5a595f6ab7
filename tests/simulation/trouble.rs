// SPDX-License-Identifier: LGPL-2.1-or-later
//! What goes wrong: the daemon crashes, clients crash without a word, do not read, or ask more than is reasonable.
use crate::actor::{Actor, Role, whim};
use crate::carrier::{NodeFiles, Surroundings};
use crate::connection::Toward;
use crate::world::{Event, World, new_hub};
use pcmk_remote_rs::core::{Input, PeerId};
use pcmk_remote_rs::driver::hub::Inbox;
use pcmk_remote_rs::model::{Payload, Request};
use std::rc::Rc;

/// Bytes that may wait for a client that does not read.
pub(crate) const QUEUE_LIMIT: usize = 16 * 1024;

#[derive(Debug)]
pub(crate) enum Trouble {
    /// The daemon is gone, with all that it knew, and starts again a little later.
    Crash,
    Restart,
    /// A client is gone, and the server hears of it much later.
    Vanish(usize),
    /// A client does not read for a while.
    Stall(usize),
    Resume(PeerId),
    /// A client sends many requests without waiting for anything.
    Flood(usize),
    /// A local client does.
    LocalFlood,
}

impl World {
    /// Puts some trouble into the time that is left.
    pub(crate) fn plan_trouble(&mut self) {
        let (span, workers) = (self.plan.acting_ms - 300, self.plan.workers as u64);
        for _ in 0..2 + self.random().below(8) {
            let actor = 1 + usize::try_from(self.random().below(workers)).unwrap();
            let trouble = match self.random().below(12) {
                0 => Trouble::Crash,
                1..4 => Trouble::Vanish(actor),
                4..7 => Trouble::Stall(actor),
                7..10 => Trouble::Flood(actor),
                _ => Trouble::LocalFlood,
            };
            let delay = 50 + self.random().below(span);
            self.around().schedule(delay, Event::Trouble(trouble));
        }
    }

    pub(crate) fn trouble(&mut self, trouble: &Trouble) {
        match *trouble {
            Trouble::Crash => self.crash(),
            Trouble::Restart => self.around().restarts(),
            Trouble::Vanish(actor) => self.vanish(actor),
            Trouble::Stall(actor) => self.stall(actor),
            Trouble::Resume(peer) => self.around().resume(peer),
            Trouble::Flood(actor) => self.flood(actor),
            Trouble::LocalFlood => self.local_flood(),
        }
    }

    fn crash(&mut self) {
        if self.exited || self.around().is_down {
            return;
        }
        self.crashes += 1;
        let mut around = std::mem::replace(self.around(), Surroundings::new(0, false));
        around.crashes();
        // Numbers of peers go on, since ends of old connections are still to be seen.
        let last = self.inbox.new_peer();
        self.inbox = Inbox::default();
        while self.inbox.new_peer() < last {}
        let files = NodeFiles { transfers: Rc::clone(&self.transfers) };
        self.hub = new_hub(around, self.inbox.clone(), files);
    }

    fn vanish(&mut self, actor: usize) {
        if self.actors.get(actor).is_some_and(|actor| actor.connection.is_some() && !actor.done) {
            self.actors[actor].vanishes = true;
            self.actors[actor].client.disconnected();
            self.pump(actor);
        }
    }

    fn stall(&mut self, actor: usize) {
        let Some(peer) = self.actors.get(actor).and_then(|actor| actor.connection) else { return };
        let delay = 1 + self.random().below(600);
        let around = self.around();
        if let Some(connection) = around.connections.get_mut(&peer) {
            connection.stalled = true;
            around.schedule(delay, Event::Trouble(Trouble::Resume(peer)));
        }
    }

    fn flood(&mut self, actor: usize) {
        let asks_for_pokes = self.random().chance(50);
        for _ in 0..20 + self.random().below(200) {
            let Some(Actor { client, role, .. }) = self.actors.get_mut(actor) else { return };
            if !client.is_ready() || *role == Role::Observer {
                return;
            }
            let request = if asks_for_pokes { Request::Poke } else { whim(self.random()).0 };
            self.actors[actor].client.send(request).unwrap();
        }
        self.pump(actor);
    }

    fn local_flood(&mut self) {
        if self.exited {
            return;
        }
        let Some(peer) = self.around().sessions.open.keys().next().copied() else { return };
        for _ in 0..10 + self.random().below(100) {
            let Some(msg_id) = self.around().sessions.flood(peer) else { return };
            let payload = Payload::from_checked("<question/>");
            self.inbox.input(Input::Proxied { peer, msg_id, flags: 0x200, payload });
        }
    }
}

impl Surroundings {
    /// What the daemon knew is gone, and its connections with it. Agents live on, but nobody hears of their end.
    fn crashes(&mut self) {
        self.remember(|now_ms| format!("{now_ms} the daemon crashes"));
        self.events.retain(|_, event| {
            !matches!(
                event,
                Event::RunEnds(..)
                    | Event::LocalAsks(_)
                    | Event::LocalGone(_)
                    | Event::Arrive(..)
                    | Event::Broken(_, Toward::Server)
            )
        });
        self.checks.daemon_crashed();
        self.sessions.open.clear();
        self.agents = Default::default();
        self.queued.clear();
        (self.accepting, self.listening, self.is_down) = (false, false, true);
        let peers: Vec<_> = self.connections.keys().copied().collect();
        for peer in peers {
            let delay = self.random.below(30);
            self.schedule(delay, Event::Broken(peer, Toward::Client));
            let connection = self.connections.get_mut(&peer).unwrap();
            connection.server_gone = true;
            connection.held.clear();
        }
        let delay = 10 + self.random.below(150);
        self.schedule(delay, Event::Trouble(Trouble::Restart));
    }

    fn restarts(&mut self) {
        (self.listening, self.is_down) = (true, false);
    }

    fn resume(&mut self, peer: PeerId) {
        let Some(connection) = self.connections.get_mut(&peer) else { return };
        connection.stalled = false;
        for text in std::mem::take(&mut connection.held) {
            self.transmit(peer, Toward::Client, &text);
        }
    }

    /// A client that does not read lets messages wait, up to the bound.
    pub(crate) fn hold(&mut self, peer: PeerId, text: &str) {
        let connection = self.connections.get_mut(&peer).unwrap();
        let waiting: usize = connection.held.iter().map(String::len).sum();
        if waiting <= QUEUE_LIMIT {
            connection.held.push(text.to_owned());
        } else if !std::mem::replace(&mut connection.overfull, true) {
            // The carrier cuts it; the hub hears of that later, and the client when it reads again.
            self.cut += 1;
            let delay = self.random.below(10);
            self.schedule(delay, Event::Broken(peer, Toward::Server));
            self.schedule(delay + 600, Event::Broken(peer, Toward::Client));
        }
    }
}
