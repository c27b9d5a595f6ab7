// SPDX-License-Identifier: LGPL-2.1-or-later
//! What local IPC clients say, turned into the core's inputs.
use super::hub::Hub;
use super::ipc::{LocalConnId, LocalHub, LocalServer};
use crate::core::{Input, PeerKind, RequestToken};
use crate::model::LocalIdentity;
use crate::wire::{codec, xml};
use log::warn;
use std::rc::{Rc, Weak};

/// The hub as the IPC servers know it.
pub(super) struct LocalEar {
    hub: Weak<Hub>,
}

impl LocalEar {
    /// Holds the hub weakly, since the hub holds the servers.
    pub(super) fn new(hub: &Rc<Hub>) -> Self {
        Self { hub: Rc::downgrade(hub) }
    }
}

impl LocalHub for LocalEar {
    fn connected(&self, conn: LocalConnId, server: LocalServer, privileged: bool, identity: LocalIdentity) {
        let Some(hub) = self.hub.upgrade() else { return };
        let kind = match server {
            LocalServer::Executor => PeerKind::Local { privileged },
            LocalServer::Proxied(server) => PeerKind::Proxied { server, identity },
        };
        let peer = hub.add_local(conn, matches!(server, LocalServer::Proxied(_)));
        hub.input(Input::Connected { peer, kind, client_id: Hub::new_client_id() });
    }

    fn message(&self, conn: LocalConnId, server: LocalServer, id: i32, flags: u32, text: String) {
        let Some((hub, peer)) =
            self.hub.upgrade().and_then(|hub| hub.local_peer(conn).map(|peer| (hub, peer)))
        else {
            return;
        };
        match server {
            LocalServer::Executor => match codec::decode_incoming(&text) {
                Ok(decoded) => {
                    let token = RequestToken(id.cast_unsigned());
                    hub.input(Input::Request { peer, token, incoming: decoded.incoming });
                }
                Err(problem) => warn!("Ignored a message from a local client: {problem}"),
            },
            LocalServer::Proxied(_) => match xml::check_element(&text) {
                Ok(payload) => hub.input(Input::Proxied { peer, msg_id: id, flags, payload }),
                Err(problem) => warn!("Ignored a message from a local client: {problem}"),
            },
        }
    }

    fn closed(&self, conn: LocalConnId) {
        if let Some(hub) = self.hub.upgrade()
            && let Some(peer) = hub.local_peer(conn)
        {
            hub.peer_gone(peer);
        }
    }
}
