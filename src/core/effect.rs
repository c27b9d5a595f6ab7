// SPDX-License-Identifier: LGPL-2.1-or-later
//! Everything a server may ask of its driver. Effects are carried out in order; none returns a value.
use super::{PeerId, RequestToken, RunId};
use crate::model::{Alert, DeviceState, Execution, KillScope, Notification, Payload, Reply};

/// What a local client of a proxied server is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Relay {
    /// As an IPC event.
    Event(Payload),
    /// As the response to its request `msg_id`.
    Response {
        /// The request id.
        msg_id: i32,
        /// The response.
        payload: Payload,
    },
}

/// One thing to do.
#[derive(Clone, Debug)]
pub enum Effect {
    /// Answer a request.
    Reply {
        /// Whom.
        peer: PeerId,
        /// As given with the request.
        token: RequestToken,
        /// What.
        reply: Reply,
    },
    /// Tell some executor clients. Encode once per carrier.
    Notify {
        /// Whom; never empty.
        peers: Vec<PeerId>,
        /// What.
        notification: Notification,
    },
    /// Pass a message to a local client of a proxied server.
    Relay {
        /// Whom.
        peer: PeerId,
        /// What.
        relay: Relay,
    },
    /// Start an agent; answered by exactly one `Input::Finished`.
    Run {
        /// Its number.
        run: RunId,
        /// What to run.
        execution: Box<Execution>,
    },
    /// Have the fencer run an action of a fence device; answered by exactly one `Input::Finished`.
    Fence {
        /// Its number.
        run: RunId,
        /// What to run.
        execution: Box<Execution>,
        /// What is known of the device.
        device: DeviceState,
    },
    /// Start an alert; answered by exactly one `Input::Finished`.
    RunAlert {
        /// Its number.
        run: RunId,
        /// What to run.
        alert: Box<Alert>,
    },
    /// SIGKILL a run that has not finished; `Finished` still follows.
    Kill {
        /// Which.
        run: RunId,
        /// How much of it.
        scope: KillScope,
    },
    /// Disconnect a peer; `Input::Disconnected` follows later, as for any peer.
    Close(PeerId),
    /// From now on local clients of proxied servers are accepted (or refused).
    AcceptProxied(bool),
    /// A provider that can transfer schemas signed on. It is the newest, so a session that is opened now is its own.
    FetchSchemas,
    /// Does a watchdog of this node fit the time (text with an optional unit)? If not the daemon must exit
    /// with code 100.
    CheckWatchdog(Option<String>),
    /// Shutting down: take no further connections.
    StopListening,
    /// All is done: exit with code 0.
    Exit,
    /// Something worth a line in the log.
    Log {
        /// How urgent.
        level: super::LogLevel,
        /// What, in words, without a parameter value.
        text: String,
    },
}
