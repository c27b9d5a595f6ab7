// SPDX-License-Identifier: LGPL-2.1-or-later
//! The daemon as a client of its own proxy: transfers newer schemas through the provider that signed on.
use crate::core::{Input, PeerId, PeerKind, Relay};
use crate::model::{ClientId, LocalIdentity, Millis, Moment, Payload, ProxiedServer};
use crate::session::{SchemaFetch, SchemaFile, SchemaStep};
use crate::wire::ipc::flag;

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
pub(super) enum Progress {
    /// The core is to be fed this.
    Next(Input),
    /// Nothing yet.
    Waiting,
    /// The transfer is over, with these files or for this reason.
    Over(Result<Vec<SchemaFile>, String>),
}

impl SchemaTransfer {
    /// A transfer of what is newer than `newest`, and the inputs that it begins with.
    pub(super) fn begin(peer: PeerId, client_id: ClientId, newest: &str, now: Moment) -> (Self, [Input; 2]) {
        let (fetch, first) = SchemaFetch::start(newest);
        let mut transfer = Self { peer, deadline: now.after(LIMIT), fetch, last_id: 0 };
        let identity = LocalIdentity { pid: std::process::id().cast_signed(), user: "root".to_owned() };
        let kind = PeerKind::Proxied { server: ProxiedServer::CibRo, identity };
        let first = transfer.request(first);
        (transfer, [Input::Connected { peer, kind, client_id }, first])
    }

    /// Takes what the cluster sent.
    pub(super) fn receive(&mut self, relay: &Relay) -> Progress {
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
