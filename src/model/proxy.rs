// SPDX-License-Identifier: LGPL-2.1-or-later
//! Local clients of a remote node whose messages travel through a provider to the cluster's daemons.
use std::fmt;
use std::sync::Arc;

/// The identity of a connection on the wire: a random UUID in lower case. A peer may send anything instead.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClientId(Arc<str>);

impl ClientId {
    /// Takes any text: what peers send is only compared.
    pub fn new(id: impl Into<Arc<str>>) -> Self {
        Self(id.into())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The text of exactly one well-formed XML element. Whoever makes one has checked it (`wire::xml`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payload(Arc<str>);

impl Payload {
    /// Takes text that the caller knows to be one well-formed element.
    pub fn from_checked(element: impl Into<Arc<str>>) -> Self {
        Self(element.into())
    }

    /// The element's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A cluster daemon that local tools believe to reach on the remote node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names are the daemons' own")]
pub enum ProxiedServer {
    CibRo,
    CibRw,
    Attrd,
    Fencer,
    Controller,
}

impl ProxiedServer {
    /// The name in `lrmd_ipc_server` of a new session.
    pub const fn wire_name(self) -> &'static str {
        match self {
            Self::CibRo => "cib_ro",
            Self::CibRw => "cib_rw",
            Self::Attrd => "attrd",
            Self::Fencer => "stonith-ng",
            Self::Controller => "crmd",
        }
    }
}

/// Who a local client is, as the kernel tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalIdentity {
    /// Process id of the client.
    pub pid: i32,
    /// Login name of its user; `#unprivileged` when the uid has none.
    pub user: String,
}

/// Executor to provider: news of a local session.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are the wire's own")]
pub enum ProxyNotice {
    /// A local client connected to a proxied server.
    New { session: ClientId, server: String },
    /// A local client sent a message. `flags` are those of its IPC header with the proxied bit set.
    Request { session: ClientId, client: String, user: String, msg_id: i32, flags: u32, payload: Payload },
    /// The session is over.
    Destroy { session: ClientId },
    /// The remote node wants to shut down.
    ShutdownRequest,
}

/// Provider to executor: what to do with a local session.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are the wire's own")]
pub enum ProxyCommand {
    /// To be delivered as an event. `payload` is None when the message carried none.
    Event { session: ClientId, payload: Option<Payload> },
    /// To be delivered as the response to the local request `msg_id`.
    Response { session: ClientId, msg_id: i32, payload: Option<Payload> },
    /// The server side closed: disconnect the local client.
    Destroy { session: ClientId },
    /// The cluster has heard the shutdown request.
    ShutdownAck,
    /// The cluster will not move the resources away.
    ShutdownNack,
    /// Something that we do not know; `session` as given, if it was.
    Unknown { session: Option<ClientId>, op: String },
}
