// SPDX-License-Identifier: LGPL-2.1-or-later
//! The daemon as a client of its own proxy: fetches newer schemas through the provider that signed on.
use super::hub::Hub;
use crate::core::{Input, PeerId, PeerKind, Relay};
use crate::log_notice;
use crate::model::{LocalIdentity, Payload, ProxiedServer};
use crate::session::{SchemaFetch, SchemaStep};
use log::{debug, warn};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;
use tokio::task::{AbortHandle, spawn_local};
use tokio::time::sleep;

/// How long a transfer may take.
const LIMIT: Duration = Duration::from_secs(300);

/// Header flag of a request that wants a response.
const WANTS_RESPONSE: u32 = 0x200;

/// One transfer.
pub struct SchemaPeer {
    peer: PeerId,
    fetch: RefCell<SchemaFetch>,
    next_id: Cell<i32>,
    /// Ends the transfer when it takes too long.
    limit: Cell<Option<AbortHandle>>,
}

impl Drop for SchemaPeer {
    /// A provider may sign on again and again: no transfer leaves its limit behind.
    fn drop(&mut self) {
        if let Some(limit) = self.limit.take() {
            limit.abort();
        }
    }
}

impl SchemaPeer {
    /// Begins a transfer; an older one that is still on its way is given up.
    pub(super) fn start(hub: &Rc<Hub>, _provider: PeerId) {
        if let Some(older) = hub.schemas_peer() {
            hub.peer_gone(older);
        }
        let newest = match hub.hooks.prepare_schemas() {
            Ok(newest) => newest,
            Err(problem) => return warn!("Not asking the cluster for schemas: {problem}"),
        };
        let (fetch, first) = SchemaFetch::start(&newest);
        let peer = hub.new_peer();
        let limit = Cell::new(Some(Self::limit(hub, peer)));
        let schemas = Rc::new(Self { peer, fetch: RefCell::new(fetch), next_id: Cell::new(1), limit });
        hub.add_schemas(peer, Rc::clone(&schemas));
        let identity = LocalIdentity { pid: nix::unistd::getpid().as_raw(), user: "root".to_owned() };
        let kind = PeerKind::Proxied { server: ProxiedServer::CibRo, identity };
        hub.input(Input::Connected { peer, kind, client_id: Hub::new_client_id() });
        schemas.send(hub, first);
    }

    fn limit(hub: &Rc<Hub>, peer: PeerId) -> AbortHandle {
        let hub = Rc::clone(hub);
        let limit = spawn_local(async move {
            sleep(LIMIT).await;
            if hub.schemas_peer() == Some(peer) {
                warn!("The transfer of schemas did not end within {LIMIT:?}");
                hub.peer_gone(peer);
            }
        });
        limit.abort_handle()
    }

    /// Takes what the cluster sent.
    pub(super) fn receive(&self, hub: &Rc<Hub>, relay: &Relay) {
        let payload = match relay {
            Relay::Response { payload, .. } => payload,
            Relay::Event(_) => return,
        };
        let step = self.fetch.borrow_mut().receive(payload);
        match step {
            SchemaStep::Send(payload) => self.send(hub, payload),
            SchemaStep::Wait => {}
            SchemaStep::Done(files) => {
                match hub.hooks.keep_schemas(&files) {
                    Ok(()) if files.is_empty() => debug!("The cluster has no newer schemas"),
                    Ok(()) => log_notice!("Got {} schema files from the cluster", files.len()),
                    Err(problem) => warn!("Cannot keep the cluster's schemas: {problem}"),
                }
                hub.peer_gone(self.peer);
            }
            SchemaStep::Failed(problem) => {
                warn!("Cannot get the cluster's schemas: {problem}");
                hub.peer_gone(self.peer);
            }
        }
    }

    fn send(&self, hub: &Rc<Hub>, payload: Payload) {
        let msg_id = self.next_id.get();
        self.next_id.set(msg_id.wrapping_add(1));
        hub.input(Input::Proxied { peer: self.peer, msg_id, flags: WANTS_RESPONSE, payload });
    }
}
