// SPDX-License-Identifier: LGPL-2.1-or-later
//! The executor's clients: who they are, what they may ask and who is told what.
use super::view::{ClientKind, ClientView, shortened};
use super::{Audience, PeerId, PeerKind};
use crate::model::{ClientId, Now, Request};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

/// How a client reached us, and so how far it is trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Carrier {
    /// Over TLS: holds the cluster's key.
    Remote,
    /// Over local IPC.
    Local { privileged: bool },
}

/// One client of the executor (local clients of proxied servers are in [`super::proxy`]).
#[derive(Debug)]
pub(super) struct Peer {
    carrier: Carrier,
    client_id: ClientId,
    /// What it calls itself; without a name it is told nothing.
    name: Option<String>,
    /// When it was connected.
    since: Now,
}

impl Peer {
    pub(super) const fn client_id(&self) -> &ClientId {
        &self.client_id
    }

    pub(super) fn is_remote(&self) -> bool {
        self.carrier == Carrier::Remote
    }

    fn view(&self, peer: PeerId, is_provider: bool) -> ClientView {
        let kind = match self.carrier {
            Carrier::Remote => ClientKind::Remote,
            Carrier::Local { privileged: true } => ClientKind::Local,
            Carrier::Local { privileged: false } => ClientKind::Unprivileged,
        };
        ClientView {
            peer,
            client_id: self.client_id.clone(),
            name: self.name.as_deref().map(shortened),
            kind,
            since: self.since,
            is_provider,
        }
    }

    pub(super) fn is_named(&self) -> bool {
        self.name.is_some()
    }

    /// May it ask this? Whoever may connect may sign on and poke.
    pub(super) fn may(&self, request: &Request) -> bool {
        match self.carrier {
            Carrier::Remote | Carrier::Local { privileged: true } => true,
            Carrier::Local { privileged: false } => {
                matches!(request, Request::Register { .. } | Request::Poke | Request::Unknown(_))
            }
        }
    }
}

/// All clients of the executor.
#[derive(Debug, Default)]
pub(super) struct Peers {
    peers: BTreeMap<PeerId, Peer>,
    /// Those that carry messages of local clients, as the connection of a cluster's controller does.
    providers: BTreeSet<PeerId>,
}

impl Peers {
    /// Takes in an executor client that has just been connected; false for a client of a proxied server.
    pub(super) fn add(&mut self, peer: PeerId, kind: &PeerKind, client_id: &ClientId, since: Now) -> bool {
        let carrier = match kind {
            PeerKind::Remote => Carrier::Remote,
            PeerKind::Local { privileged } => Carrier::Local { privileged: *privileged },
            PeerKind::Proxied { .. } => return false,
        };
        let client_id = client_id.clone();
        self.peers.insert(peer, Peer { carrier, client_id, name: None, since });
        true
    }

    pub(super) fn count(&self) -> usize {
        self.peers.len()
    }

    /// Those after this one, `most` at most.
    pub(super) fn views(&self, after: Option<PeerId>, most: usize) -> Vec<ClientView> {
        let first = after.map_or(Bound::Unbounded, Bound::Excluded);
        self.peers
            .range((first, Bound::Unbounded))
            .take(most)
            .map(|(id, peer)| peer.view(*id, self.provides(*id)))
            .collect()
    }

    pub(super) fn remove(&mut self, peer: PeerId) -> Option<Peer> {
        self.providers.remove(&peer);
        self.peers.remove(&peer)
    }

    pub(super) fn get(&self, peer: PeerId) -> Option<&Peer> {
        self.peers.get(&peer)
    }

    /// Keeps the first name that a client gives itself; true when this was it.
    pub(super) fn name(&mut self, peer: PeerId, name: Option<&str>) -> bool {
        match (self.peers.get_mut(&peer), name) {
            (Some(peer), Some(name)) if peer.name.is_none() => {
                peer.name = Some(name.to_owned());
                true
            }
            _ => false,
        }
    }

    /// It has offered to carry messages.
    pub(super) fn set_provides(&mut self, peer: PeerId) {
        self.providers.insert(peer);
    }

    /// Those that carry messages.
    pub(super) fn providers(&self) -> Vec<PeerId> {
        self.providers.iter().copied().collect()
    }

    /// Does it carry messages?
    pub(super) fn provides(&self, peer: PeerId) -> bool {
        self.providers.contains(&peer)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.peers.is_empty()
    }

    pub(super) fn ids(&self) -> Vec<PeerId> {
        self.peers.keys().copied().collect()
    }

    /// Who belongs to an audience now.
    pub(super) fn receivers(&self, audience: &Audience) -> Vec<PeerId> {
        match audience {
            Audience::Named => self.named(|_| true),
            Audience::NamedOthers => self.named(|peer| !self.provides(peer)),
            Audience::NamedOthersBut(newcomer) => {
                self.named(|peer| !self.provides(peer) && peer != *newcomer)
            }
            Audience::Only(peer) => {
                self.get(*peer).filter(|peer| peer.is_named()).map(|_| *peer).into_iter().collect()
            }
            Audience::Providers(peers) => peers.clone(),
        }
    }

    fn named(&self, is_meant: impl Fn(PeerId) -> bool) -> Vec<PeerId> {
        let named = self.peers.iter().filter(|(id, peer)| peer.is_named() && is_meant(**id));
        named.map(|(id, _)| *id).collect()
    }

    /// For logs.
    pub(super) fn describe(&self, peer: PeerId) -> String {
        match self.peers.get(&peer) {
            Some(Peer { name: Some(name), .. }) => name.clone(),
            Some(client) => format!("nameless client {}", client.client_id),
            None => format!("unknown client {}", peer.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{LocalIdentity, ProxiedServer};

    fn id(text: &str) -> ClientId {
        ClientId::new(text)
    }

    #[test]
    fn the_first_name_stays_and_makes_the_client_hear() {
        let mut peers = Peers::default();
        assert!(peers.add(PeerId(1), &PeerKind::Remote, &id("a"), Now::default()));
        assert!(peers.add(PeerId(2), &PeerKind::Local { privileged: true }, &id("b"), Now::default()));
        assert!(peers.receivers(&Audience::Named).is_empty());
        assert!(!peers.name(PeerId(1), None));
        assert!(peers.name(PeerId(1), Some("first")));
        assert!(!peers.name(PeerId(1), Some("second")));
        assert_eq!(peers.describe(PeerId(1)), "first");
        assert_eq!(peers.receivers(&Audience::Named), [PeerId(1)]);
        assert_eq!(peers.receivers(&Audience::Only(PeerId(1))), [PeerId(1)]);
        assert!(peers.receivers(&Audience::Only(PeerId(2))).is_empty(), "nameless");
        assert!(peers.receivers(&Audience::Only(PeerId(9))).is_empty(), "not connected");
        assert!(peers.receivers(&Audience::NamedOthersBut(PeerId(1))).is_empty());
    }

    #[test]
    fn clients_of_proxied_servers_are_not_the_executors() {
        let mut peers = Peers::default();
        let identity = LocalIdentity { pid: 1, user: "root".into() };
        let kind = PeerKind::Proxied { server: ProxiedServer::Attrd, identity };
        assert!(!peers.add(PeerId(1), &kind, &id("a"), Now::default()));
        assert!(peers.is_empty());
    }

    #[test]
    fn the_unprivileged_may_only_sign_on_and_poke() {
        let mut peers = Peers::default();
        peers.add(PeerId(1), &PeerKind::Local { privileged: false }, &id("a"), Now::default());
        peers.add(PeerId(2), &PeerKind::Local { privileged: true }, &id("b"), Now::default());
        peers.add(PeerId(3), &PeerKind::Remote, &id("c"), Now::default());
        let register = Request::Register { version: None, is_provider: false, client_name: None };
        let harmless = [register, Request::Poke, Request::Unknown("x".into())];
        let others = [
            Request::ResourceInfo(None),
            Request::Check { watchdog: None },
            Request::RecurringOperations(None),
        ];
        for (peer, all) in [(1, false), (2, true), (3, true)] {
            let peer = peers.get(PeerId(peer)).unwrap();
            assert!(harmless.iter().all(|request| peer.may(request)));
            assert!(others.iter().all(|request| peer.may(request) == all));
        }
    }
}
