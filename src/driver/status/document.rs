// SPDX-License-Identifier: LGPL-2.1-or-later
//! The document. Times of day are seconds since 1970, spans are milliseconds. A reader takes what it does not know for
//! absent, and the other way round; only another meaning needs another version.
use serde::{Deserialize, Serialize};

/// Of the document.
pub const VERSION: u32 = 1;

/// All of it, as a reader holds it. A daemon writes it piece by piece.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Document {
    /// What comes first.
    #[serde(flatten)]
    pub overview: Overview,
    /// Clients of the executor.
    pub clients: Vec<Client>,
    /// Resources by name.
    pub resources: Vec<Resource>,
    /// Why there is no more than the version, if there is not.
    pub error: Option<String>,
}

/// What comes first.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Overview {
    /// Of the document.
    pub version: u32,
    /// The daemon.
    pub daemon: Daemon,
    /// What it shows remote clients; none where it serves local ones alone.
    pub credential: Option<Credential>,
    /// How much of everything there is.
    pub counts: Count,
    /// Results since the start.
    pub results: Vec<Result>,
    /// Refused requests since the start.
    pub refusals: Vec<Refusal>,
    /// Connections of remote clients since the start.
    pub handshakes: Option<Handshakes>,
    /// Readers of this document since the start.
    pub readers: Readers,
}

/// The daemon.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Daemon {
    /// `pacemaker-remoted` or `pacemaker-execd`.
    pub name: String,
    /// Its release.
    pub release: String,
    /// Its process id.
    pub pid: u32,
    /// When it began to serve.
    pub started: u64,
    /// The time of day.
    pub now: u64,
    /// Has the way out begun?
    pub shutting_down: bool,
    /// TCP addresses.
    pub listening: Vec<String>,
}

/// What the daemon shows remote clients, and asks them for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Credential {
    /// How many pre-shared keys are accepted.
    pub keys: u32,
    /// Subject of its certificate.
    pub subject: Option<String>,
    /// Until when that is valid.
    pub not_after: Option<i64>,
}

/// How much of everything there is.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Count {
    /// Clients of the executor.
    pub clients: u64,
    /// Local clients whose messages a provider carries.
    pub proxied: u64,
    /// Registered resources.
    pub resources: u64,
    /// Operations that are queued, in flight or recur.
    pub operations: u64,
    /// Operations in flight.
    pub in_flight: u64,
    /// Alerts in flight.
    pub alerts: u64,
    /// Bytes that names and parameters hold.
    pub parameter_bytes: u64,
}

/// A kind of result.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Result {
    /// Execution status.
    pub status: String,
    /// Exit code; -1 stands for those that no agent should have.
    pub exit: i32,
    /// How many there were.
    pub count: u64,
}

/// A reason to refuse.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Refusal {
    /// The reason.
    pub reason: String,
    /// How often.
    pub count: u64,
}

/// Connections of remote clients.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Handshakes {
    /// Those that were authenticated.
    pub accepted: u64,
    /// The others.
    pub refused: Vec<Refusal>,
}

/// Readers of the document.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Readers {
    /// Those who were served.
    pub served: u64,
    /// Those who came while there were too many.
    pub turned_away: u64,
    /// Those who did not read, or too slowly.
    pub cut_off: u64,
}

/// A client of the executor.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Client {
    /// Its identity on the wire.
    pub id: String,
    /// What it calls itself.
    pub name: Option<String>,
    /// `remote`, `local` (root or the cluster's user) or `unprivileged`.
    pub kind: String,
    /// Does it carry messages of local clients, as the connection of a cluster's controller does?
    pub provider: bool,
    /// When it was connected.
    pub since: u64,
    /// Of a remote client.
    pub address: Option<String>,
    /// Of a remote client.
    pub tls: Option<Tls>,
}

/// How a remote client was authenticated.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Tls {
    /// Of the protocol.
    pub version: String,
    /// Cipher suite.
    pub cipher: String,
    /// `key`, `second-key` or `certificate`.
    pub credential: String,
    /// Subject of its certificate.
    pub subject: Option<String>,
    /// Until when that is valid.
    pub not_after: Option<i64>,
}

impl Tls {
    /// With the certificate's subject and end, or the key at this place.
    #[cfg(feature = "daemon")]
    pub(in crate::driver) fn of(
        version: &str,
        cipher: &str,
        certificate: Option<(String, Option<i64>)>,
        place: usize,
    ) -> Self {
        let credential = match (&certificate, place) {
            (Some(_), _) => "certificate",
            (None, 0) => "key",
            (None, _) => "second-key",
        };
        let (subject, not_after) = certificate.map_or((None, None), |(subject, end)| (Some(subject), end));
        let [version, cipher, credential] = [version, cipher, credential].map(str::to_owned);
        Self { version, cipher, credential, subject, not_after }
    }
}

/// A resource.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Resource {
    /// Its name.
    pub id: String,
    /// As `ocf:heartbeat:Dummy`.
    pub agent: String,
    /// What is queued, in flight or recurs.
    pub operations: Vec<Operation>,
    /// How many more there are, which are not shown.
    pub more_operations: u64,
    /// The latest result.
    pub last: Option<Latest>,
}

/// An operation.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Operation {
    /// The action.
    pub action: String,
    /// Zero: it does not recur.
    pub interval_ms: u64,
    /// Zero: none.
    pub timeout_ms: u64,
    /// The number that its results bear.
    pub call_id: i32,
    /// `queued`, `blocked`, `running`, `resting` or `dormant`.
    pub state: String,
    /// For how long it has been `running` or `blocked`.
    pub since_ms: Option<u64>,
    /// When it is due, if it is `queued` or `resting`; less than zero: since then.
    pub due_in_ms: Option<i64>,
    /// How much later than due its latest run began.
    pub lateness_ms: Option<u64>,
    /// Exit code of its latest run.
    pub exit: Option<i32>,
    /// Execution status of its latest run.
    pub status: Option<String>,
    /// When that ended.
    pub ended: Option<u64>,
}

/// The latest result of a resource.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Latest {
    /// The action.
    pub action: String,
    /// Its interval.
    pub interval_ms: u64,
    /// The number that the result bore.
    pub call_id: i32,
    /// Exit code.
    pub exit: i32,
    /// Execution status.
    pub status: String,
    /// Why.
    pub reason: Option<String>,
    /// When the run ended.
    pub ended: u64,
    /// How much later than due it began.
    pub lateness_ms: u64,
}
