// SPDX-License-Identifier: LGPL-2.1-or-later
//! What happens to the server, and what it wants done.
use crate::connection::Toward;
use crate::proxied::Session;
use crate::world::{Event, World, now};
use pcmk_remote_rs::core::{Effect, Input, PeerId, PeerKind, Relay, RequestToken, RunId};
use pcmk_remote_rs::model::{
    ClientId, LocalIdentity, Notification, Payload, ProxiedServer, ProxyNotice, Request,
};
use pcmk_remote_rs::wire::codec::{self, Envelope};

impl World {
    pub(crate) fn serve_newcomer(&mut self, peer: PeerId, kind: PeerKind) {
        self.checks.peers.insert(peer);
        let client_id = ClientId::new(format!("{:08x}-client", peer.0));
        self.serve(Input::Connected { peer, kind, client_id });
    }

    pub(crate) fn server_reads(&mut self, peer: PeerId, text: &str) {
        let decoded = codec::decode_incoming(text).unwrap();
        let token = RequestToken(decoded.received.msg_id.unwrap());
        let incoming = decoded.incoming;
        if !self.exited {
            self.checks.asked(peer, token, &incoming.request);
            self.serve(Input::Request { peer, token, incoming });
        }
    }

    pub(crate) fn server_sees_the_end(&mut self, peer: PeerId) {
        let Some(connection) = self.connections.get_mut(&peer) else { return };
        if !std::mem::replace(&mut connection.server_gone, true) {
            self.checks.peer_gone(peer);
            self.serve(Input::Disconnected(peer));
        }
    }

    pub(crate) fn local_connects(&mut self) {
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

    pub(crate) fn local_asks(&mut self, peer: PeerId) {
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
    pub(crate) fn serve(&mut self, input: Input) {
        if self.exited {
            return;
        }
        let mut effects = Vec::new();
        let one_shot = matches!(&input, Input::Request { incoming, .. }
            if matches!(&incoming.request, Request::Execute(execute) if !execute.interval.recurs()));
        self.remember(|now_ms| format!("{now_ms} {input:?}"));
        self.server.step(input, now(self.now_ms), &mut effects);
        let stops = |effect: &Effect| matches!(effect, Effect::StopListening);
        let asks = |effect: &Effect| {
            let request = Notification::Proxy(ProxyNotice::ShutdownRequest);
            matches!(effect, Effect::Notify { notification, .. } if *notification == request)
        };
        // Stopping without asking the cluster: it leaves at once.
        if effects.iter().any(stops) && !effects.iter().any(asks) {
            self.checks.abandoned();
        }
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

    pub(crate) fn perform(&mut self, effect: Effect) {
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
            Effect::RunAlert { run, .. } | Effect::Fence { run, .. } => self.start(run),
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

    pub(crate) fn start(&mut self, run: RunId) {
        if let Some((at, plan)) = self.agents.start(run, self.now_ms, &mut self.random) {
            self.schedule_at(at, Event::RunEnds(run, plan));
        }
    }

    pub(crate) fn close(&mut self, peer: PeerId) {
        self.checks.closing(peer);
        let delay = self.random.below(20);
        if let Some(session) = self.sessions.open.get_mut(&peer) {
            session.closing = true;
            self.schedule(delay, Event::LocalGone(peer));
        } else {
            self.schedule(delay, Event::Broken(peer, Toward::Server));
            self.schedule(delay, Event::Broken(peer, Toward::Client));
        }
    }

    pub(crate) fn exit(&mut self) {
        self.exited = true;
        for peer in self.connections.keys().copied().collect::<Vec<_>>() {
            self.schedule(1, Event::Broken(peer, Toward::Client));
        }
    }
}
