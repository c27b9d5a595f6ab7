// SPDX-License-Identifier: LGPL-2.1-or-later
//! Local clients of the cluster's daemons, served through a provider: a remote client that carries their
//! messages to a cluster node. The newest provider gets new sessions; a session stays with its provider.
use super::context::Context;
use super::{Audience, Effect, LogLevel, PeerId, Relay};
use crate::model::site::IPC_FLAG_PROXIED;
use crate::model::{
    ClientId, LocalIdentity, Notification, Payload, ProxiedServer, ProxyCommand, ProxyNotice,
};
use std::collections::{BTreeMap, BTreeSet};

/// One local client of a proxied server.
#[derive(Debug)]
struct Session {
    /// The remote client that serves it; None: there was none, and it is being closed.
    provider: Option<PeerId>,
    id: ClientId,
    server: ProxiedServer,
    identity: LocalIdentity,
    /// Has its end been ordered?
    closing: bool,
}

impl Session {
    fn display_name(&self) -> String {
        let short: String = self.id.as_str().chars().take(8).collect();
        format!("proxy-{}-{}-{short}", self.server.wire_name(), self.identity.pid)
    }
}

/// What the cluster says to our wish to shut down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ShutdownAnswer {
    /// It has heard us.
    Acknowledged,
    /// It does not move anything away.
    Denied,
}

/// Providers and sessions.
#[derive(Debug, Default)]
pub(super) struct Proxies {
    /// Newest first.
    providers: Vec<PeerId>,
    sessions: BTreeMap<PeerId, Session>,
    by_id: BTreeMap<ClientId, PeerId>,
    by_provider: BTreeMap<PeerId, BTreeSet<PeerId>>,
    /// Sessions whose end has not been ordered.
    open: usize,
}

impl Proxies {
    /// The provider for whatever is new.
    pub(super) fn newest_provider(&self) -> Option<PeerId> {
        self.providers.first().copied()
    }

    /// Does this remote client carry messages?
    pub(super) fn is_provider(&self, peer: PeerId) -> bool {
        self.providers.contains(&peer)
    }

    /// Who serves this local client.
    pub(super) fn provider_of(&self, session: PeerId) -> Option<PeerId> {
        self.sessions.get(&session)?.provider
    }

    /// Are there local clients that stay?
    pub(super) const fn has_open_sessions(&self) -> bool {
        self.open > 0
    }

    pub(super) fn session_count(&self) -> usize {
        self.sessions.len()
    }

    /// Ends all sessions.
    pub(super) fn close_all(&mut self, context: &mut Context) {
        for peer in self.sessions.keys().copied().collect::<Vec<_>>() {
            self.close(peer, context);
        }
    }

    /// A remote client offers to carry messages (again, maybe: it is then the newest).
    ///
    /// The other providers hear of it as of a new client: what a cluster's controller makes of that is that another one
    /// has taken the node over, and it disconnects. So it is not told of clients that carry nothing.
    pub(super) fn add_provider(&mut self, provider: PeerId, context: &mut Context) {
        let first = self.providers.is_empty();
        if !self.providers.contains(&provider) {
            context.notify(Audience::Providers(self.providers.clone()), Notification::NewClient);
        }
        self.providers.retain(|other| *other != provider);
        self.providers.insert(0, provider);
        if first {
            context.emit(Effect::AcceptProxied(true));
        }
    }

    /// A remote client is gone; true when it was the last provider.
    pub(super) fn remove_provider(&mut self, provider: PeerId, context: &mut Context) -> bool {
        let before = self.providers.len();
        self.providers.retain(|other| *other != provider);
        if self.providers.len() == before {
            return false;
        }
        for peer in self.by_provider.remove(&provider).unwrap_or_default() {
            if let Some(session) = self.sessions.get_mut(&peer) {
                session.provider = None;
            }
            self.close(peer, context);
        }
        if self.providers.is_empty() {
            context.emit(Effect::AcceptProxied(false));
        }
        self.providers.is_empty()
    }

    /// A local client connected.
    pub(super) fn open(
        &mut self,
        peer: PeerId,
        server: ProxiedServer,
        identity: LocalIdentity,
        id: ClientId,
        context: &mut Context,
    ) {
        let provider = self.newest_provider();
        let session = Session { provider, id: id.clone(), server, identity, closing: false };
        self.by_id.insert(id.clone(), peer);
        self.sessions.insert(peer, session);
        self.open = self.open.saturating_add(1);
        match provider {
            Some(provider) => {
                self.by_provider.entry(provider).or_default().insert(peer);
                let notice = ProxyNotice::New { session: id, server: server.wire_name().to_owned() };
                context.notify(Audience::Providers(vec![provider]), Notification::Proxy(notice));
            }
            None => {
                context.log(LogLevel::Warning, || {
                    format!("no cluster node is connected: refused a client of {}", server.wire_name())
                });
                self.close(peer, context);
            }
        }
    }

    /// Orders the end of a local client, once.
    fn close(&mut self, peer: PeerId, context: &mut Context) {
        if let Some(session) = self.sessions.get_mut(&peer)
            && !std::mem::replace(&mut session.closing, true)
        {
            self.open = self.open.saturating_sub(1);
            context.emit(Effect::Close(peer));
        }
    }

    /// A local client is gone; false when it was none.
    pub(super) fn closed(&mut self, peer: PeerId, context: &mut Context) -> bool {
        let Some(session) = self.sessions.remove(&peer) else { return false };
        self.by_id.remove(&session.id);
        if !session.closing {
            self.open = self.open.saturating_sub(1);
        }
        if let Some(provider) = session.provider {
            if let Some(served) = self.by_provider.get_mut(&provider) {
                served.remove(&peer);
            }
            destroy(provider, session.id, context);
        }
        true
    }

    /// A local client said something.
    pub(super) fn forward(
        &mut self,
        peer: PeerId,
        msg_id: i32,
        flags: u32,
        payload: Payload,
        context: &mut Context,
    ) {
        let Some(session) = self.sessions.get(&peer).filter(|session| !session.closing) else { return };
        let Some(provider) = session.provider else { return };
        let notice = ProxyNotice::Request {
            session: session.id.clone(),
            client: session.display_name(),
            user: session.identity.user.clone(),
            msg_id,
            flags: flags | IPC_FLAG_PROXIED,
            payload,
        };
        context.notify(Audience::Providers(vec![provider]), Notification::Proxy(notice));
    }

    /// A remote client said something about a session, or about our shutdown.
    pub(super) fn command(
        &mut self,
        from: PeerId,
        command: ProxyCommand,
        context: &mut Context,
    ) -> Option<ShutdownAnswer> {
        match command {
            ProxyCommand::ShutdownAck => return Some(ShutdownAnswer::Acknowledged),
            ProxyCommand::ShutdownNack => return Some(ShutdownAnswer::Denied),
            ProxyCommand::Event { session, payload } => {
                self.relay(from, session, payload, Relay::Event, context);
            }
            ProxyCommand::Response { session, msg_id, payload } => {
                let respond = |payload| Relay::Response { msg_id, payload };
                self.relay(from, session, payload, respond, context);
            }
            ProxyCommand::Destroy { session } => {
                if let Some((peer, _)) = self.session_of(from, session, context) {
                    self.close(peer, context);
                }
            }
            ProxyCommand::Unknown { session, op } => {
                context.log(LogLevel::Warning, || format!("unknown proxy operation {op:?} ignored"));
                if let Some(session) = session {
                    self.session_of(from, session, context);
                }
            }
        }
        None
    }

    fn relay(
        &self,
        from: PeerId,
        id: ClientId,
        payload: Option<Payload>,
        relay: impl FnOnce(Payload) -> Relay,
        context: &mut Context,
    ) {
        let Some((peer, session)) = self.session_of(from, id, context) else { return };
        match payload {
            Some(payload) if !session.closing => context.emit(Effect::Relay { peer, relay: relay(payload) }),
            Some(_) => {}
            None => context.log(LogLevel::Warning, || {
                format!("message without content for {} ignored", session.display_name())
            }),
        }
    }

    /// The session that `from` may speak for. Otherwise tells it that there is no such session: only the
    /// provider that a session is bound to may touch it.
    fn session_of(&self, from: PeerId, id: ClientId, context: &mut Context) -> Option<(PeerId, &Session)> {
        let peer = self.by_id.get(&id).copied();
        let found = peer.and_then(|peer| Some((peer, self.sessions.get(&peer)?)));
        match found {
            Some((peer, session)) if session.provider == Some(from) => Some((peer, session)),
            _ => {
                destroy(from, id, context);
                None
            }
        }
    }
}

/// Tells a provider that a session is over.
fn destroy(provider: PeerId, session: ClientId, context: &mut Context) {
    context
        .notify(Audience::Providers(vec![provider]), Notification::Proxy(ProxyNotice::Destroy { session }));
}

#[cfg(test)]
mod tests {
    use crate::core::testing::{Bench, client_id, payload, sign_on};
    use crate::core::{Input, PeerId};
    use crate::model::{ClientId, ProxyCommand, Request};

    const SESSION: &str = "00000009-uuid";

    fn event(session: &str) -> Request {
        let session = ClientId::new(session);
        Request::Proxy(ProxyCommand::Event { session, payload: Some(payload("<e/>")) })
    }

    fn destroy(session: &str) -> Request {
        Request::Proxy(ProxyCommand::Destroy { session: ClientId::new(session) })
    }

    fn says(bench: &mut Bench, peer: u64, flags: u32) -> Vec<String> {
        bench.step(Input::Proxied { peer: PeerId(peer), msg_id: 7, flags, payload: payload("<m/>") })
    }

    /// Provider 1, and its session 9.
    fn with_session() -> Bench {
        let mut bench = Bench::remoted();
        bench.provider(1);
        assert_eq!(bench.proxied(9), [format!("tell 1 new {SESSION} cib_rw")]);
        assert_eq!(client_id(9).as_str(), SESSION);
        bench
    }

    #[test]
    fn messages_travel_both_ways() {
        let mut bench = with_session();
        let expected = "tell 1 request proxy-cib_rw-77-00000009 root 7 0x300 <m/>";
        assert_eq!(says(&mut bench, 9, 0x200), [expected]);
        assert_eq!(says(&mut bench, 9, 0), [expected.replace("0x300", "0x100")]);
        assert_eq!(bench.ask(1, event(SESSION)), ["relay 9 event <e/>", "reply 1 0"]);
        let response = |payload| {
            let session = ClientId::new(SESSION);
            Request::Proxy(ProxyCommand::Response { session, msg_id: 7, payload })
        };
        assert_eq!(bench.ask(1, response(Some(payload("<r/>")))), ["relay 9 response 7 <r/>", "reply 1 0"]);
        assert_eq!(bench.ask(1, response(None)), ["reply 1 0"], "nothing to relay");
    }

    #[test]
    fn a_session_ends_from_either_side() {
        let mut bench = with_session();
        let gone = [format!("tell 1 destroy {SESSION}")];
        assert_eq!(bench.gone(9), gone);
        let mut bench = with_session();
        assert_eq!(bench.ask(1, destroy(SESSION)), ["close 9", "reply 1 0"]);
        assert_eq!(bench.ask(1, destroy(SESSION)), ["reply 1 0"], "closed once");
        assert_eq!(bench.ask(1, event(SESSION)), ["reply 1 0"], "and hears nothing more");
        assert!(says(&mut bench, 9, 0).is_empty());
        assert_eq!(bench.gone(9), gone);
    }

    #[test]
    fn unknown_sessions_are_answered_with_their_end() {
        let mut bench = with_session();
        let unknown = ["tell 1 destroy nobody", "reply 1 0"];
        assert_eq!(bench.ask(1, event("nobody")), unknown);
        assert_eq!(bench.ask(1, destroy("nobody")), unknown);
        let strange = |session: Option<&str>| {
            let session = session.map(ClientId::new);
            Request::Proxy(ProxyCommand::Unknown { session, op: "x".into() })
        };
        assert_eq!(bench.ask(1, strange(Some("nobody"))), unknown);
        assert_eq!(bench.ask(1, strange(Some(SESSION))), ["reply 1 0"]);
        assert_eq!(bench.ask(1, strange(None)), ["reply 1 0"]);
        assert_eq!(
            bench.ask(1, event(client_id(1).as_str()))[0],
            "tell 1 destroy 00000001-uuid",
            "no session"
        );
    }

    #[test]
    fn nobody_but_its_provider_speaks_for_a_session() {
        let mut bench = with_session();
        bench.provider(2);
        for request in [event(SESSION), destroy(SESSION)] {
            assert_eq!(bench.ask(2, request), [format!("tell 2 destroy {SESSION}"), "reply 2 0".into()]);
        }
        assert_eq!(bench.ask(1, event(SESSION)).len(), 2);
    }

    #[test]
    fn the_newest_provider_gets_new_sessions_and_old_ones_stay() {
        let mut bench = with_session();
        bench.provider(2);
        assert_eq!(bench.proxied(10), ["tell 2 new 00000010-uuid cib_rw"]);
        assert!(says(&mut bench, 9, 0)[0].starts_with("tell 1 "));
        bench.ask(1, sign_on(true));
        assert_eq!(bench.proxied(11), ["tell 1 new 00000011-uuid cib_rw"], "signed on again: newest again");
        assert_eq!(bench.gone(1), ["close 9", "close 11"]);
        assert!(bench.gone(9).is_empty(), "nobody to be told");
        assert_eq!(bench.proxied(12), ["tell 2 new 00000012-uuid cib_rw"]);
        assert_eq!(bench.gone(2), ["close 10", "close 12", "accept false"]);
        assert_eq!(bench.proxied(13), ["close 13"], "one that came too late");
        assert!(says(&mut bench, 13, 0).is_empty());
        assert!(bench.gone(13).is_empty());
    }

    #[test]
    fn sessions_that_end_with_the_last_provider_do_not_count_as_clients() {
        let mut bench = Bench::remoted();
        bench.provider(1);
        bench.ask(1, crate::core::testing::register("r1"));
        bench.ask(1, crate::core::testing::execute("r1", "monitor", 1000));
        bench.exits(1, 0);
        bench.proxied(9);
        assert_eq!(bench.gone(1), ["close 9", "accept false"]);
        assert!(bench.pass(5000).is_empty(), "the recurring operation is gone with the last client");
    }
}
