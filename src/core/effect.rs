// SPDX-License-Identifier: LGPL-2.1-or-later
//! Everything a server may ask of its driver. Effects are carried out in order; none returns a value.
use super::{LogLevel, PeerId, RequestToken, RunId};
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

/// Who is told something, of those who are clients when it is told: a server knows them itself
/// ([`super::Server::receivers`]), and [`super::Commands`] leaves them to its driver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Each client that has a name.
    Named,
    /// The same without those that carry messages: it is not the cluster's business.
    NamedOthers,
    /// The same without this client, which is new.
    NamedOthersBut(PeerId),
    /// This client, if it has a name.
    Only(PeerId),
    /// These clients, which carry messages.
    Providers(Vec<PeerId>),
}

/// One thing to do.
#[derive(Clone, Debug)]
pub enum Effect {
    /// Answer a request.
    Reply {
        /// The client that asked.
        peer: PeerId,
        /// As given with the request.
        token: RequestToken,
        /// The answer.
        reply: Reply,
    },
    /// Tell some executor clients. Encode once per carrier.
    Notify {
        /// Its receivers, as they are when it is told.
        audience: Audience,
        /// The message.
        notification: Notification,
    },
    /// Pass a message to a local client of a proxied server.
    Relay {
        /// Its receiver.
        peer: PeerId,
        /// The message.
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
        /// Its number.
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
        level: LogLevel,
        /// What, in words, without a parameter value.
        text: String,
    },
}
