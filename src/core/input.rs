// SPDX-License-Identifier: LGPL-2.1-or-later
//! Everything that can happen to a server.
use crate::model::{ClientId, LocalIdentity, Outcome, Payload, ProxiedServer, RequestMessage};

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

/// How a run ended, as the driver saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finish {
    /// The result, already translated from the agent's standard. When the core had ordered a kill it
    /// replaces status and reason by its own and keeps the output.
    pub outcome: Outcome,
    /// Did a signal end it? Decides what a cancelled run reports.
    pub signalled: bool,
    /// Could the agent not even be prepared (missing, unknown standard)? Such a recurring operation reports
    /// once and is not repeated.
    pub unprepared: bool,
    /// The agent's exit code before translation; None when there was none. Decides when `rc_change_s` moves.
    pub raw_exit: Option<i32>,
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
        /// Who.
        peer: PeerId,
        /// For addressing the reply.
        token: RequestToken,
        /// What.
        incoming: RequestMessage,
    },
    /// A proxied client sent a message to its server. `flags` as in its IPC header.
    Proxied {
        /// Who.
        peer: PeerId,
        /// Its request id.
        msg_id: i32,
        /// Its header flags, multipart and compression bits cleared.
        flags: u32,
        /// The message.
        payload: Payload,
    },
    /// A run ended (agents and alerts alike). Comes exactly once for each `Run` and `RunAlert` effect.
    Finished {
        /// Which.
        run: RunId,
        /// How.
        finish: Finish,
    },
    /// The fencer that was connected is gone. What it was running is reported by `Finished` as ever; `finish` is
    /// the result of whatever else there is of fence devices.
    FencerLost {
        /// How.
        finish: Finish,
    },
    /// SIGTERM.
    Terminate,
    /// A deadline that [`super::Server::next_deadline`] named may have passed.
    Tick,
}
