// SPDX-License-Identifier: LGPL-2.1-or-later
//! Local IPC clients as peers of the core: what they do becomes arrivals.
use super::clock::Clock;
use super::inbox::Inbox;
use super::ipc::{LocalConnId, LocalHandler, LocalServer};
use super::limited::{LINES, Limited, PERIOD};
use super::reclaim;
use crate::core::{Input, PeerId, RequestToken};
use crate::driver::hub::{Arrival, NewPeer};
use crate::model::LocalIdentity;
use crate::wire::{codec, xml};
use log::warn;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// The peer of each local connection.
pub(super) struct LocalPeers {
    inbox: Inbox,
    /// About messages that are none.
    lines: Rc<Limited>,
    by_connection: RefCell<BTreeMap<LocalConnId, PeerId>>,
}

impl LocalPeers {
    pub(super) fn new(inbox: Inbox, clock: Clock) -> Self {
        let lines = Limited::new(clock, |count| {
            warn!(
                "{count} more messages from local clients were ignored within {PERIOD:?}; only the first {LINES} are told"
            );
        });
        Self { inbox, lines, by_connection: RefCell::default() }
    }
}

impl LocalHandler for LocalPeers {
    fn connected(
        &self,
        connection: LocalConnId,
        server: LocalServer,
        privileged: bool,
        identity: LocalIdentity,
    ) {
        let peer = self.inbox.new_peer();
        self.by_connection.borrow_mut().insert(connection, peer);
        let newcomer = match server {
            LocalServer::Executor => NewPeer::Local { connection, privileged },
            LocalServer::Proxied(server) => NewPeer::Proxied { connection, server, identity },
        };
        self.inbox.put(Arrival::Joined(peer, newcomer));
    }

    fn message(&self, connection: LocalConnId, server: LocalServer, id: i32, flags: u32, text: String) {
        let Some(peer) = self.by_connection.borrow().get(&connection).copied() else { return };
        let input = match server {
            LocalServer::Executor => codec::decode_incoming(&text)
                .map(|decoded| {
                    let token = RequestToken(id.cast_unsigned());
                    Input::Request { peer, token, incoming: decoded.incoming }
                })
                .map_err(|problem| problem.to_string()),
            LocalServer::Proxied(_) => xml::check_element(&text)
                .map(|payload| Input::Proxied { peer, msg_id: id, flags, payload })
                .map_err(|problem| problem.to_string()),
        };
        match input {
            Ok(input) => self.inbox.message(input, text.len()),
            Err(problem) => self.lines.warn(format_args!("Ignored a message from a local client: {problem}")),
        }
    }

    fn closed(&self, connection: LocalConnId) {
        let peer = self.by_connection.borrow_mut().remove(&connection);
        reclaim::peer_left();
        if let Some(peer) = peer {
            self.inbox.put(Arrival::Left(peer));
        }
    }

    fn drained(&self, connection: LocalConnId) {
        if let Some(peer) = self.by_connection.borrow().get(&connection) {
            self.inbox.put(Arrival::Drained(*peer));
        }
    }

    fn is_busy(&self) -> bool {
        self.inbox.is_full_for_locals()
    }
}
