// SPDX-License-Identifier: LGPL-2.1-or-later
//! Everything that can happen to a server.
use crate::model::{ClientId, LocalIdentity, Moment, Payload, ProxiedServer, RequestMessage, RunResult};

/// A connection, as the driver numbers them; never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerId(pub u64);

/// One run of an agent or alert, as the core numbers them; never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunId(pub u64);

/// What the driver needs to address a reply: the message id of the request on its carrier.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RequestToken(pub u32);

/// How a peer reached us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PeerKind {
    /// Over TLS, handshake finished: as trusted as root.
    Remote,
    /// Over the executor's own IPC server. `privileged`: root or the cluster's user.
    Local {
        /// Root or the cluster's user.
        privileged: bool,
    },
    /// A local client of a proxied server. None of the executor's business, but it counts as a client.
    Proxied {
        /// The server it believes to talk to.
        server: ProxiedServer,
        /// Name of the server socket as the client knows it, for the session's display name.
        identity: LocalIdentity,
    },
}

/// What the driver feeds to [`super::Server::step`].
#[derive(Clone, Debug)]
pub enum Input {
    /// A peer is ready: TLS handshake finished, or local connection accepted. `client_id` is a new UUID.
    Connected {
        /// The driver's number for it.
        peer: PeerId,
        /// How it came.
        kind: PeerKind,
        /// Its identity on the wire.
        client_id: ClientId,
    },
    /// A peer of any kind is gone.
    Disconnected(PeerId),
    /// A remote or local executor client asked something.
    Request {
        /// The client that asks.
        peer: PeerId,
        /// For addressing the reply.
        token: RequestToken,
        /// The request.
        incoming: RequestMessage,
    },
    /// A proxied client sent a message to its server. `flags` as in its IPC header.
    Proxied {
        /// The local client.
        peer: PeerId,
        /// Its request id.
        msg_id: i32,
        /// Its header flags, multipart and compression bits cleared.
        flags: u32,
        /// The message.
        payload: Payload,
    },
    /// A run waits for its start. Not said of one that is started at once.
    Waits(RunId),
    /// A run that has waited has been started: its limit counts from then on.
    Started {
        /// Its number.
        run: RunId,
        /// When that was.
        since: Moment,
    },
    /// A run ended (agents and alerts alike). Comes exactly once for each `Run` and `RunAlert` effect.
    Finished {
        /// Its number.
        run: RunId,
        /// How it ended.
        result: RunResult,
    },
    /// The fencer that was connected is gone. What it was running is reported by `Finished` as ever; `result` is
    /// that of whatever else there is of fence devices.
    FencerLost {
        /// How it ended.
        result: RunResult,
    },
    /// SIGTERM.
    Terminate,
    /// A deadline that [`super::Server::next_deadline`] named may have passed.
    Tick,
}
