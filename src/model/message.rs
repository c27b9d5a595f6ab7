// SPDX-License-Identifier: LGPL-2.1-or-later
//! Requests, replies and notifications of the lrmd protocol, free of their encoding.
//! Fields that a sender may leave out, and whose absence has an answer of its own, are optional.
use super::{
    Agent, CallId, ClientId, Interval, Millis, Outcome, Params, ProtocolVersion, ProxyCommand, ProxyNotice,
    Resource, ResourceId,
};
use nix::errno::Errno;
use std::fmt;
use std::sync::Arc;

/// Linux error numbers, as replies carry them (negated).
#[allow(missing_docs, reason = "the names are errno's own")]
pub mod errno {
    pub const E2BIG: i32 = 7;
    pub const ENOMEM: i32 = 12;
    pub const EACCES: i32 = 13;
    pub const ENODEV: i32 = 19;
    pub const EINVAL: i32 = 22;
    pub const EPROTO: i32 = 71;
    pub const EPROTONOSUPPORT: i32 = 93;
    pub const EOPNOTSUPP: i32 = 95;
    pub const ENOTCONN: i32 = 107;
    pub const EINPROGRESS: i32 = 115;
    pub const EREMOTEIO: i32 = 121;
}

/// A request on its way, in either direction: with what its envelope says of the sender.
#[derive(Clone, Debug, PartialEq)]
pub struct RequestMessage {
    /// `lrmd_clientname`; the first request that carries it names the connection.
    pub client_name: Option<String>,
    /// `lrmd_callopt`, undecoded bits: which bit means what depends on the request (see the typed fields).
    pub options: u32,
    /// What is asked.
    pub request: Request,
}

/// What a client of an executor may ask.
#[derive(Clone, Debug, PartialEq)]
pub enum Request {
    /// Sign on. `version` None: absent or unreadable.
    Register {
        /// Announced protocol version.
        version: Option<ProtocolVersion>,
        /// May this client carry the IPC of local tools to the cluster?
        is_provider: bool,
        /// Seen only in what we send ourselves; the server reads the envelope's.
        client_name: Option<String>,
    },
    /// Are you there?
    Poke,
    /// Make a resource known. Any part may be missing.
    RegisterResource {
        /// Its name.
        resource_id: Option<ResourceId>,
        /// Its agent, with empty parts where the request had none.
        agent: Agent,
        /// Cancel its recurring operations when their owner leaves (wire: bit 0; 2.1 sends 3, 3.0 sends 1).
        drop_recurring: bool,
    },
    /// Forget a resource.
    UnregisterResource(Option<ResourceId>),
    /// Which agent has this resource?
    ResourceInfo(Option<ResourceId>),
    /// Run an operation.
    Execute(Box<Execute>),
    /// Stop a recurring operation.
    Cancel(Cancel),
    /// List recurring operations of one resource or of all.
    RecurringOperations(Option<ResourceId>),
    /// Is a watchdog at hand that fits this stonith-watchdog-timeout? A time with an optional unit.
    Check {
        /// As given; None when the cluster does not rely on a watchdog here.
        watchdog: Option<String>,
    },
    /// Run an alert. `id` and `path` may be missing.
    Alert {
        /// Name in the configuration.
        id: Option<String>,
        /// Program to run.
        path: Option<String>,
        /// Limit; zero: none.
        timeout: Millis,
        /// Its environment.
        params: Params,
    },
    /// A provider's word about a proxied session.
    Proxy(ProxyCommand),
    /// An operation that nobody knows.
    Unknown(String),
}

/// Who hears of an operation's results.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Notify {
    /// Only the client that asked (wire: bit 1).
    pub origin_only: bool,
    /// Only results that differ from the last one told (wire: bit 2).
    pub changes_only: bool,
}

/// An operation to run.
#[derive(Clone, Debug, PartialEq)]
pub struct Execute {
    /// The resource; None is an error of the sender.
    pub resource_id: Option<ResourceId>,
    /// The action; empty when missing.
    pub action: Arc<str>,
    /// Zero: once.
    pub interval: Interval,
    /// Limit of each run; zero: none.
    pub timeout: Millis,
    /// Delay before the first run.
    pub start_delay: Millis,
    /// Echoed in every result.
    pub user_data: Option<String>,
    /// Parameters and meta-attributes.
    pub params: Arc<Params>,
    /// Who hears of results.
    pub notify: Notify,
}

/// Which recurring operation to stop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cancel {
    /// The resource.
    pub resource_id: Option<ResourceId>,
    /// The action.
    pub action: Option<String>,
    /// The interval, matched exactly.
    pub interval: Interval,
}

/// The answer to one request.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    /// 0, a negated error number, or the call id of an accepted operation.
    pub rc: i32,
    /// The number that the executor gave the request.
    pub call_id: CallId,
    /// What else the answer holds.
    pub body: ReplyBody,
}

impl Reply {
    /// The call id of the operation that was accepted, which its results carry; 0 for a request that starts none.
    ///
    /// # Errors
    /// The executor refused the request.
    pub const fn result(&self) -> Result<CallId, RequestRefused> {
        match self.rc {
            code @ 0.. => Ok(CallId(code)),
            code => Err(RequestRefused { code: code.unsigned_abs() }),
        }
    }
}

/// An executor's refusal of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestRefused {
    /// The reply's error number, positive.
    pub code: u32,
}

impl RequestRefused {
    /// The same by its name; [`Errno::UnknownErrno`] for a number that Linux does not have.
    pub fn errno(self) -> Errno {
        Errno::from_raw(i32::try_from(self.code).unwrap_or_default())
    }
}

impl fmt::Display for RequestRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the executor refused the request: {} (error {})", self.errno().desc(), self.code)
    }
}

impl std::error::Error for RequestRefused {}

/// The part of a reply that depends on the request.
#[derive(Clone, Debug, PartialEq)]
pub enum ReplyBody {
    /// Nothing more.
    Plain,
    /// To a sign-on.
    Registered(Registered),
    /// To a question for a known resource.
    ResourceInfo(Resource),
    /// To a question for recurring operations.
    Recurring(Vec<ResourceOperations>),
}

/// What a client learns when it signs on.
#[derive(Clone, Debug, PartialEq)]
pub struct Registered {
    /// The connection's identity.
    pub client_id: ClientId,
    /// The server's own version; None: absent (a server older than 1.1).
    pub version: Option<ProtocolVersion>,
    /// Seconds since the executor started (protocol 1.2).
    pub uptime_s: Option<u64>,
    /// How the node wants to join (protocol 1.2).
    pub node_start_state: Option<String>,
}

/// Recurring operations of one resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceOperations {
    /// The resource.
    pub resource_id: ResourceId,
    /// Its recurring operations.
    pub operations: Vec<RecurringOperation>,
}

/// One recurring operation in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields name themselves")]
pub struct RecurringOperation {
    pub action: Arc<str>,
    pub interval: Interval,
    pub timeout: Millis,
}

/// What an executor tells without being asked.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "the fields are the wire's own")]
pub enum Notification {
    /// An operation ended.
    Completed(Box<Completion>),
    /// A resource was registered. (Generic notifications echo the request's result, number and resource.)
    Registered { rc: i32, call_id: CallId, resource_id: Option<ResourceId> },
    /// A resource was unregistered.
    Unregistered { rc: i32, call_id: CallId, resource_id: Option<ResourceId> },
    /// The answer that a poke is really about.
    Poke { rc: i32, call_id: CallId, resource_id: Option<ResourceId> },
    /// Somebody else connected.
    NewClient,
    /// About a proxied session.
    Proxy(ProxyNotice),
}

/// The result of one run of an operation.
#[derive(Clone, Debug, PartialEq)]
pub struct Completion {
    /// Number of the request that asked for it (the latest one, for a merged recurring operation).
    pub call_id: CallId,
    /// The resource.
    pub resource_id: ResourceId,
    /// The action as requested.
    pub action: Arc<str>,
    /// Zero: it ran once.
    pub interval: Interval,
    /// The limit as requested.
    pub timeout: Millis,
    /// The delay as requested.
    pub start_delay: Millis,
    /// Echo of the request.
    pub user_data: Option<String>,
    /// How it ended.
    pub outcome: Outcome,
    /// Was the resource unregistered meanwhile?
    pub resource_deleted: bool,
    /// Start of the run, seconds since the epoch; 0 on repeats.
    pub run_time_s: u64,
    /// When the agent's exit code last changed, seconds since the epoch; 0: never yet.
    pub rc_change_s: u64,
    /// Length of the run; 0 on repeats.
    pub exec_time: Millis,
    /// Wait before the run; 0 on repeats.
    pub queue_time: Millis,
    /// Echo of the request's parameters.
    pub params: Arc<Params>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_negative_result_is_a_refusal_and_any_other_a_call_id() {
        let result = |rc| Reply { rc, call_id: CallId(9), body: ReplyBody::Plain }.result();
        assert_eq!(result(0), Ok(CallId(0)));
        assert_eq!(result(7), Ok(CallId(7)));
        let refused = result(-errno::ENODEV).unwrap_err();
        assert_eq!((refused.code, refused.errno()), (19, Errno::ENODEV));
        assert_eq!(refused.to_string(), "the executor refused the request: No such device (error 19)");
        assert_eq!(result(-1001).unwrap_err().errno(), Errno::UnknownErrno);
        assert_eq!(result(i32::MIN).unwrap_err().code, 1 << 31);
    }
}
