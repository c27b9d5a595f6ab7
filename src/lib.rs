// SPDX-License-Identifier: LGPL-2.1-or-later
//! Pacemaker Remote in Rust: the transport, the protocol and the executor of Pacemaker's remote nodes, for programs in
//! Rust and, through the feature `capi`, for programs in C.
//!
//! # What a program in Rust can do with it
//!
//! **Be a client of an executor**, with [`client`]. A [`client::Client`] connects to a remote node (or, with the feature
//! `local`, to the executor of this node), waits for answers and hands out what the executor tells. A cluster that uses
//! the node drops its own connection when another client signs on, so this is for nodes of one's own; to look whether a
//! node is reachable without being noticed, see below. A [`client::Connection`] does the same without waiting, in any
//! event loop.
//!
//! ```no_run
//! use pcmk_remote_rs::client::{Client, Target};
//! use pcmk_remote_rs::model::{
//!     Agent, Execute, Interval, Millis, Notification, Notify, Request, ResourceId,
//! };
//! use std::time::{Duration, Instant};
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     // The key is looked for where Pacemaker keeps it, unless `with_key_file` names another place.
//!     let target = Target::new("web1.example.org", 3121);
//!     let mut client = Client::connect(&target, "my-tool")?;
//!
//!     let resource_id = ResourceId::new("web");
//!     let agent = Agent { standard: "ocf".into(), provider: Some("pacemaker".into()), name: "Dummy".into() };
//!     let register = Request::RegisterResource {
//!         resource_id: Some(resource_id.clone()),
//!         agent,
//!         drop_recurring: true,
//!     };
//!     // A refusal is an answer; `result` makes an error of it.
//!     client.call(register)?.result()?;
//!     let start = Request::Execute(Box::new(Execute {
//!         resource_id: Some(resource_id),
//!         action: "start".into(),
//!         interval: Interval(0),
//!         timeout: Millis(20_000),
//!         start_delay: Millis(0),
//!         user_data: None,
//!         params: Default::default(),
//!         notify: Notify::default(),
//!     }));
//!     // The number that the operation's result will carry.
//!     let call_id = client.call(start)?.result()?;
//!
//!     let deadline = Instant::now() + Duration::from_secs(30);
//!     while let Some(notification) = client.next_notification(deadline)? {
//!         if let Notification::Completed(done) = notification
//!             && done.call_id == call_id
//!         {
//!             println!("{}: {:?}, {}", done.action, done.outcome, done.exec_time);
//!             break;
//!         }
//!     }
//!     Ok(())
//! }
//! ```
//!
//! **Find out why a node cannot be reached**, with [`check`]. [`check::check()`] goes the way step by step and stops
//! before a cluster would notice. A [`Problem`](check::Problem) tells what happened, how far it came, and the remedy.
//!
//! ```
//! use pcmk_remote_rs::check::{Problem, Stage, Target, check};
//!
//! // There is no listener on port 1 here.
//! let target = Target::new("127.0.0.1", 1);
//! let problem = check(&target, None, &mut |step| println!("{step:?}")).unwrap_err();
//! assert!(matches!(problem, Problem::Tcp { .. }));
//! assert_eq!(problem.stage(), Stage::Connect);
//! println!("{problem}; {}", problem.remedy());
//! ```
//!
//! **Ask what this node could run**, with `node_agents` (feature `agents`). Its `NodeAgents` lists standards, providers and
//! agents, gives their metadata, and explains what an action would be started with, without running it.
//!
#![cfg_attr(feature = "agents", doc = "```")]
#![cfg_attr(not(feature = "agents"), doc = "```ignore")]
//! use pcmk_remote_rs::model::{Agent, Millis, Params, Release, Standard};
//! use pcmk_remote_rs::node_agents::NodeAgents;
//!
//! let node = NodeAgents::new(Release::V3_0);
//! for agent in node.agents(Some(Standard::Ocf), Some("heartbeat")) {
//!     println!("{agent}");
//! }
//! let missing = Agent { standard: "ocf".into(), provider: Some("none".into()), name: "nothing".into() };
//! assert!(node.metadata(&missing, &Params::new(), Millis(5_000)).is_err());
//! ```
//!
//! **Drive the protocol by itself**, with [`protocol`]: sessions that turn bytes into messages and back, and both sides as
//! state machines; no socket, no clock, no thread. Any event loop can carry them, and a test can play hours in
//! milliseconds.
//!
//! The package's `examples` folder has a short program for each of these.
//!
//! # Features
//!
//! A client of remote nodes needs none of them: `default-features = false`.
//!
//! * `local`: libqb, for the executor of this node; `daemon` and `capi` imply it.
//!
//! * `agents`: the agents of the node on which the program runs (`node_agents`).
//! * `daemon` (default): the daemons `pacemaker-remoted` and `pacemaker-execd`, with tokio, libqb's servers and D-Bus.
//! * `tool` (default): the program `pcmk-remote`.
//! * `capi`: the C interface of Pacemaker's liblrmd (docs/linking.md).
//!
//! # Machines
//!
//! 64-bit Linux of either byte order. A 32-bit target is refused when it is compiled: system calls and C types are taken for
//! those of 64-bit machines.
//!
//! # What is stable
//!
//! Versions follow SemVer for what is documented here. All other modules are public only for the programs, tests and fuzz
//! targets of this package; they change without notice. ARCHITECTURE.md describes them.

// Not before each of these fits: users and groups in raw system calls (16 bits of a number on i386), time_t, and C's long in
// bindings of GLib.
#[cfg(not(target_pointer_width = "64"))]
compile_error!(
    "pcmk-remote-rs is for 64-bit machines: on others it would hand wrong numbers to the kernel and to C"
);

#[cfg(feature = "agents")]
#[doc(hidden)]
pub mod agents;
#[cfg(feature = "capi")]
#[doc(hidden)]
pub mod capi;
#[doc(hidden)]
pub mod core;
#[cfg(feature = "daemon")]
#[doc(hidden)]
pub mod daemon;
#[doc(hidden)]
pub mod driver;
pub mod model;
#[doc(hidden)]
pub mod session;
#[doc(hidden)]
pub mod sys;
#[cfg(feature = "tool")]
#[doc(hidden)]
pub mod tool;
#[doc(hidden)]
pub mod transport;
#[doc(hidden)]
pub mod wire;

/// A client of a remote node's executor: connect, call, hear what the executor tells.
pub mod client {
    pub use crate::driver::blocking::{Client, Target};
    pub use crate::driver::client::{
        CallProblem, ClientError, Connection, Event, Fingerprint, HANDSHAKE_LIMIT, Identity, KeyProblem,
        Keys, Problem, RemoteSettings, Stage, Strictness, SuiteB, Wanted,
    };
    pub use crate::wire::ipc::IpcLayout;
}

/// Whether a node can be reached, and if not, why. A cluster that uses the node does not notice.
pub mod check {
    pub use crate::driver::blocking::{KeyProblem, Problem, Stage, Step, Target, check};
}

/// The agents of the node on which the program runs: which there are, what they say of themselves, and what an action
/// of one would be started with.
#[cfg(feature = "agents")]
pub mod node_agents {
    pub use crate::agents::AgentConfig;
    pub use crate::driver::blocking::{
        Explained, Explanation, NoMetadata, NodeAgents, Shown, ShownValue, UnitAction, UnitPlan,
    };
    pub use crate::driver::inquiry::{Answer, Asked, Asking, Refused};
}

/// The protocol without input and output: for an event loop of one's own, and for tests.
///
/// A session turns the bytes of a TLS connection into messages and back. The program carries the bytes and says what time it
/// is: received bytes go in by `receive`, events come out by `next_event`, bytes to send by `output`.
pub mod protocol {
    pub use crate::session::{
        ClientEvent, ClientSession, ClientStep, EncodedNotification, LargeMessage, Probe, ProbeProgress,
        ServerEvent, ServerSession, ServerStep, SessionError,
    };
    pub use crate::wire::frame::FrameError;

    /// The two sides of the protocol as state machines: inputs and the time in, effects out.
    pub mod core {
        pub use crate::core::{
            Audience, Client, ClientCarrier, ClientError, ClientKind, ClientOutput, ClientSettings,
            ClientView, DaemonKind, Effect, FromServer, Headcount, Input, LastResult, LatestResult, LogLevel,
            OperationView, Outgoing, PeerId, PeerKind, REMOTE_LIMIT, Relay, RequestId, RequestToken,
            ResourceView, RunId, Server, Settings, Stage, Summary,
        };
    }

    /// What a session needs to encrypt: the shared key or certificates, and the policy.
    pub mod tls {
        pub use crate::sys::tls::{
            ClientContext, Credential, InvalidKey, Policy, Psk, ServerContext, TlsError, TlsVersion,
        };
        pub use crate::sys::x509::{
            About, Certificate, CertificateSet, Fingerprint, ListFinding, NoFingerprint, PemError,
            PrivateKey, RevocationList, Role, Strictness, SuiteB, Time, certificates, private_key,
            revocation_lists,
        };
        pub use crate::transport::credentials::{CertificateError, KeyFileError};
        pub use crate::transport::credentials::{KeyError, read_key};
        pub use crate::transport::priorities::{
            PriorityError, Translation, translate, translate_with_certificates,
        };
    }
}
