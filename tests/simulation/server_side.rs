// SPDX-License-Identifier: LGPL-2.1-or-later
//! What happens to the server.
use crate::proxied::Session;
use crate::world::{Event, World, now};
use pcmk_remote_rs::core::{Input, PeerId, RequestToken, RunId};
use pcmk_remote_rs::driver::hub::{Arrival, NewPeer, Next};
use pcmk_remote_rs::model::{LocalIdentity, Payload, ProxiedServer, Request};
use pcmk_remote_rs::wire::codec;

impl World {
    pub(crate) fn joins(&mut self, peer: PeerId, newcomer: NewPeer<PeerId, PeerId>) {
        self.around().checks.peers.insert(peer);
        self.inbox.put(Arrival::Joined(peer, newcomer));
    }

    pub(crate) fn server_reads(&mut self, peer: PeerId, text: &str) {
        let decoded = codec::decode_incoming(text).unwrap();
        let token = RequestToken(decoded.received.msg_id.unwrap());
        let incoming = decoded.incoming;
        let around = self.around();
        around.checks.asked(peer, token, &incoming.request);
        let is_observer = around.connections.get(&peer).is_some_and(|connection| connection.client == 0);
        if is_observer && matches!(incoming.request, Request::Register { .. }) {
            // Answered within this turn, before anything that comes later.
            around.checks.observed_by(peer);
        }
        self.inbox.message(Input::Request { peer, token, incoming }, text.len());
    }

    pub(crate) fn server_sees_the_end(&mut self, peer: PeerId) {
        let around = self.around();
        let Some(connection) = around.connections.get_mut(&peer) else { return };
        if !std::mem::replace(&mut connection.server_gone, true) {
            around.checks.peer_gone(peer);
            if around.connections.values().all(|connection| connection.server_gone) {
                around.checks.deserted();
            }
            self.inbox.put(Arrival::Left(peer));
        }
    }

    pub(crate) fn run_ends(&mut self, run: RunId, plan: u32) {
        let around = self.hub.carrier_mut();
        if let Some(result) = around.agents.end(run, plan)
            && !self.exited
        {
            let now_ms = around.now_ms();
            around.checks.finished(run, result.unprepared, now_ms);
            self.inbox.input(Input::Finished { run, result });
        }
    }

    pub(crate) fn local_connects(&mut self) {
        if self.now_ms() >= self.plan.acting_ms || self.exited {
            return;
        }
        if self.around().accepting {
            let peer = self.inbox.new_peer();
            self.around().sessions.open.insert(peer, Session::default());
            let identity = LocalIdentity { pid: 1, user: "root".into() };
            let server = ProxiedServer::CibRw;
            self.joins(peer, NewPeer::Proxied { connection: peer, server, identity });
            self.around().schedule(5, Event::LocalAsks(peer));
            let stay = 20 + self.random().below(300);
            self.around().schedule(stay, Event::LocalGone(peer));
        }
        let pause = self.random().below(60);
        self.around().schedule(pause, Event::LocalConnects);
    }

    pub(crate) fn local_asks(&mut self, peer: PeerId) {
        if self.exited || !self.around().sessions.open.contains_key(&peer) {
            return;
        }
        if let Some(msg_id) = self.around().sessions.ask(peer) {
            let payload = Payload::from_checked("<question/>");
            self.inbox.input(Input::Proxied { peer, msg_id, flags: 0x200, payload });
        }
        let pause = 1 + self.random().below(40);
        self.around().schedule(pause, Event::LocalAsks(peer));
    }

    pub(crate) fn local_leaves(&mut self, peer: PeerId) {
        let around = self.around();
        if around.sessions.open.remove(&peer).is_some() {
            around.checks.peer_gone(peer);
            self.inbox.put(Arrival::Left(peer));
        }
    }

    /// The hub takes in what has arrived, in as many turns as that needs.
    pub(crate) fn turn(&mut self) {
        if self.exited {
            return;
        }
        let mut asked_for_shutdown = false;
        loop {
            self.around().turn = Default::default();
            let next = self.hub.turn();
            let around = self.hub.carrier_mut();
            asked_for_shutdown |= around.turn.asked_for_shutdown;
            // Stopping without asking the cluster: it leaves at once.
            if around.turn.stopped_listening && !asked_for_shutdown {
                around.checks.abandoned();
            }
            match next {
                Next::Again => {
                    assert!(around.time_passes(), "no time passes within a turn");
                    around.turns_cut += 1;
                }
                Next::Wait(Some(at)) if at <= now(around.now_ms()).mono => {
                    assert!(around.time_passes(), "a deadline that has passed is not met");
                }
                Next::Wait(_) => break,
                Next::Exit(code) => {
                    assert_eq!(code, 0);
                    self.exited = true;
                    break self.hub.leave();
                }
            }
        }
        self.judge();
    }

    /// All that has arrived has been taken in.
    fn judge(&mut self) {
        let around = self.hub.carrier_mut();
        assert!(around.queued.is_empty(), "queued and not flushed: {:?}", around.queued);
        if !self.exited {
            around.checks.nothing_unanswered();
            around.checks.nothing_forgotten(around.now_ms());
            assert!(self.inbox.is_empty(), "something was left for the next turn");
        }
    }
}
