// SPDX-License-Identifier: LGPL-2.1-or-later
//! What the clients do, and what they are told.
use crate::actor::{Role, provide, whim};
use crate::connection::{Connection, Toward};
use crate::world::{Event, World, now};
use pcmk_remote_rs::core::{ClientOutput, FromServer, Outgoing, PeerId, RequestId};
use pcmk_remote_rs::driver::hub::NewPeer;
use pcmk_remote_rs::model::{ClientId, Millis, Notification, ProxyNotice, Request, RequestMessage};
use pcmk_remote_rs::wire::codec::{self, Envelope, RequestFields};

impl World {
    pub(crate) fn connect(&mut self, actor: usize) {
        if self.around().is_down && !self.actors[actor].done {
            return self.around().schedule(30, Event::Connect(actor));
        }
        if !self.around().listening || self.exited || self.actors[actor].done {
            self.actors[actor].done = true;
            return;
        }
        let first = std::mem::replace(&mut self.actors[actor].connections, 1) == 0;
        let cut = match (self.plan.cut, self.actors[actor].role) {
            (Some(_), _) if actor == 1 && first => self.plan.cut,
            (Some(_), _) | (None, Role::Observer) => None,
            (None, _) => {
                let random = self.random();
                let cut = (random.chance(50), usize::try_from(random.below(9000)).unwrap());
                random.chance(40).then_some(cut)
            }
        };
        let (peer, now_ms) = (self.inbox.new_peer(), self.now_ms());
        let lag_ms = match self.plan.trouble {
            true if self.actors[actor].role != Role::Observer => *self.random().pick(&[0, 0, 0, 20, 150]),
            _ => 0,
        };
        self.around().connections.insert(peer, Connection::new(actor, now_ms, cut, lag_ms));
        (self.actors[actor].connection, self.actors[actor].heard) = (Some(peer), 0);
        self.joins(peer, NewPeer::Remote(peer));
        self.actors[actor].client.connected(now(now_ms).mono);
        self.pump(actor);
    }

    pub(crate) fn act(&mut self, actor: usize) {
        let over = self.now_ms() >= self.plan.acting_ms && self.actors[actor].role != Role::Observer;
        if over {
            self.leave(actor);
        } else if self.actors[actor].client.is_ready() && self.actors[actor].waiting.is_none() {
            let (request, wait) = match self.actors[actor].role {
                Role::Observer => (Request::Poke, true),
                _ => whim(self.random()),
            };
            let now = now(self.now_ms()).mono;
            let client = &mut self.actors[actor].client;
            if wait {
                let id = client.call(request, Millis(0), now).unwrap();
                self.actors[actor].waiting = Some(id);
            } else {
                client.send(request).unwrap();
                self.act_again(actor);
            }
            self.pump(actor);
        }
    }

    pub(crate) fn act_again(&mut self, actor: usize) {
        let pause = match self.actors[actor].role {
            Role::Observer if self.now_ms() > self.plan.acting_ms => return,
            Role::Observer => 300,
            _ => 60,
        };
        let delay = self.random().below(pause);
        self.around().schedule(delay, Event::Act(actor));
    }

    pub(crate) fn leave(&mut self, actor: usize) {
        self.actors[actor].done = true;
        self.actors[actor].client.close();
        self.pump(actor);
    }

    pub(crate) fn curtain(&mut self) {
        let alone = self.actors.iter().skip(1).all(|actor| actor.done);
        let (heard, told) = self.heard_and_told(0);
        self.curtains += 1;
        if self.exited || (alone && self.around().checks.all_told() && heard == told) {
            self.leave(0);
        } else {
            // What was told a moment ago is still on its way.
            assert!(self.curtains < 300, "{heard} of {told} notifications came");
            let delay = 100 + self.random().below(20);
            self.around().schedule(delay, Event::Curtain);
        }
    }

    /// A client's core has something to say.
    pub(crate) fn pump(&mut self, actor: usize) {
        loop {
            while let Some(outgoing) = self.actors[actor].client.next_request() {
                self.client_sends(actor, &outgoing);
            }
            let Some(output) = self.actors[actor].client.poll() else { return };
            match output {
                ClientOutput::Ready { .. } => self.act_again(actor),
                ClientOutput::Answered(id, _) | ClientOutput::Unanswered(id, _) => {
                    assert_eq!(self.actors[actor].waiting.take(), Some(id), "answered twice");
                    self.act_again(actor);
                }
                ClientOutput::LateReply(..) => {}
                ClientOutput::Notification(notification) => self.client_hears(actor, notification),
                ClientOutput::Disconnected(_) => self.client_closes(actor),
            }
        }
    }

    pub(crate) fn client_sends(&mut self, actor: usize, outgoing: &Outgoing) {
        let Some(peer) = self.actors[actor].connection else { return };
        let request = outgoing.request.clone();
        let message = RequestMessage { client_name: None, options: 0, request };
        let token = outgoing.token.as_ref().map(ClientId::as_str);
        let fields = RequestFields { timeout: outgoing.timeout, token };
        let envelope = Envelope::Tls { msg_id: outgoing.request_id.0 };
        let text = codec::encode_request(&message, &fields, envelope);
        self.around().transmit(peer, Toward::Server, &text);
    }

    pub(crate) fn client_hears(&mut self, actor: usize, notification: Notification) {
        assert!(self.actors[actor].waiting.is_none(), "told something inside a blocking call");
        self.actors[actor].heard += 1;
        let (heard, told) = self.heard_and_told(actor);
        assert!(heard <= told, "a notification is doubled");
        match notification {
            Notification::Completed(completion) if self.actors[actor].role == Role::Observer => {
                self.around().checks.told(&completion);
            }
            Notification::Proxy(notice) => {
                let leaving = notice == ProxyNotice::ShutdownRequest && self.plan.acknowledge;
                let acknowledge = self.plan.acknowledge;
                if let Some(command) = provide(notice, acknowledge, self.random()) {
                    self.actors[actor].client.send(Request::Proxy(command)).unwrap();
                }
                if leaving {
                    self.actors[actor].done = true;
                    self.plan.acting_ms = self.plan.acting_ms.min(self.now_ms() + 100);
                }
            }
            _ => {}
        }
    }

    pub(crate) fn client_closes(&mut self, actor: usize) {
        if let Some(peer) = self.actors[actor].connection.take()
            && let Some(connection) = self.around().connections.get_mut(&peer)
        {
            connection.client_gone = true;
            let delay = match std::mem::take(&mut self.actors[actor].vanishes) {
                true => 100 + self.random().below(1000),
                false => 12 + self.random().below(5),
            };
            self.around().schedule(delay, Event::Broken(peer, Toward::Server));
        }
        let delay = 20 + self.random().below(100);
        if self.now_ms() < self.plan.acting_ms {
            self.around().schedule(delay, Event::Connect(actor));
        } else {
            self.actors[actor].done = true;
        }
    }

    pub(crate) fn client_reads(&mut self, actor: usize, text: &str) {
        let (message, received) = codec::decode_from_server(text).unwrap();
        let message = match message {
            codec::FromServer::Reply(reply) => FromServer::Reply(RequestId(received.msg_id.unwrap()), reply),
            codec::FromServer::Notification(notification) => FromServer::Notification(notification),
            other => panic!("our server never says {other:?}"),
        };
        self.actors[actor].client.received(message);
        self.pump(actor);
    }

    pub(crate) fn client_sees_the_end(&mut self, peer: PeerId) {
        let Some(connection) = self.around().connections.get_mut(&peer) else { return };
        let actor = connection.client;
        if !std::mem::replace(&mut connection.client_gone, true) {
            self.actors[actor].client.disconnected();
            self.pump(actor);
        }
    }
}
