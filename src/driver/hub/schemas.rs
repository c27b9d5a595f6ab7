// SPDX-License-Identifier: LGPL-2.1-or-later
//! The daemon as a client of its own proxy: transfers newer schemas through the provider that signed on.
use super::Hub;
use super::carrier::Carrier;
use super::inbox::Route;
use crate::core::{Input, PeerId, PeerKind, Relay};
use crate::log_notice;
use crate::model::{ClientId, LocalIdentity, Millis, Moment, Now, Payload, ProxiedServer};
use crate::session::{SchemaFetch, SchemaFile, SchemaStep};
use crate::wire::ipc::flag;
use log::{debug, warn};

/// How long a transfer may take.
pub(super) const LIMIT: Millis = Millis(300_000);

/// One transfer.
#[derive(Debug)]
pub(super) struct SchemaTransfer {
    /// The client of the proxy, as the core knows it.
    pub(super) peer: PeerId,
    /// When it has taken too long.
    pub(super) deadline: Moment,
    fetch: SchemaFetch,
    last_id: i32,
}

/// What has come of a message.
#[derive(Debug)]
enum Progress {
    /// The core is to be fed this.
    Next(Input),
    /// Nothing yet.
    Waiting,
    /// The transfer is over, with these files or for this reason.
    Over(Result<Vec<SchemaFile>, String>),
}

impl SchemaTransfer {
    /// A transfer of what is newer than `newest`, and the inputs that it begins with.
    fn begin(peer: PeerId, client_id: ClientId, newest: &str, now: Moment) -> (Self, [Input; 2]) {
        let (fetch, first) = SchemaFetch::start(newest);
        let mut transfer = Self { peer, deadline: now.after(LIMIT), fetch, last_id: 0 };
        let identity = LocalIdentity { pid: std::process::id().cast_signed(), user: "root".to_owned() };
        let kind = PeerKind::Proxied { server: ProxiedServer::CibRo, identity };
        let first = transfer.request(first);
        (transfer, [Input::Connected { peer, kind, client_id }, first])
    }

    /// Takes what the cluster sent.
    fn receive(&mut self, relay: &Relay) -> Progress {
        let Relay::Response { payload, .. } = relay else { return Progress::Waiting };
        match self.fetch.receive(payload) {
            SchemaStep::Send(payload) => Progress::Next(self.request(payload)),
            SchemaStep::Wait => Progress::Waiting,
            SchemaStep::Done(files) => Progress::Over(Ok(files)),
            SchemaStep::Failed(problem) => Progress::Over(Err(problem)),
        }
    }

    fn request(&mut self, payload: Payload) -> Input {
        self.last_id = self.last_id.wrapping_add(1);
        Input::Proxied { peer: self.peer, msg_id: self.last_id, flags: flag::RESPONSE_WANTED, payload }
    }
}

impl<C: Carrier> Hub<C> {
    /// Gives up a transfer that has taken too long.
    pub(super) fn limit_schemas(&mut self, now: Now) {
        if self.schemas.as_ref().is_some_and(|transfer| transfer.deadline <= now.mono) {
            warn!("The transfer of schemas did not end within {} s", LIMIT.0 / 1000);
            self.end_schemas();
        }
    }

    /// Begins a transfer of schemas; an older one that is still on its way is given up.
    pub(super) fn begin_schemas(&mut self, now: Now) {
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

    pub(super) fn schemas_received(&mut self, peer: PeerId, relay: &Relay) {
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

    pub(super) fn end_schemas(&mut self) {
        if let Some(transfer) = self.schemas.take() {
            self.caused.push_back(Input::Disconnected(transfer.peer));
        }
    }
}
