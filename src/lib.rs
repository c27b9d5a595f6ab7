// SPDX-License-Identifier: LGPL-2.1-or-later
//! Pacemaker Remote in Rust: the transport, the protocol and the executor of Pacemaker's remote nodes, for programs in
//! Rust and, through the feature `capi`, for programs in C.
//!
//! # What a program in Rust can do with it
//!
//! **Be a client of an executor.** [`driver::blocking::Client`] connects to a remote node (or, with the feature
//! `local`, to the executor of this node), waits for answers and hands out what the executor tells. A cluster that uses
//! the node drops its own connection when another client signs on, so this is for nodes of one's own; to look whether a
//! node is reachable without being noticed, see below. [`driver::client::Connection`] does the same without waiting, in
//! any event loop.
//!
//! ```no_run
//! use pcmk_remote_rs::driver::blocking::{Client, Target};
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
//! **Find out why a node cannot be reached.** [`driver::blocking::check()`] goes the way step by step and stops before
//! a cluster would notice. A [`Problem`](driver::client::Problem) tells what happened, how far it came, and the remedy.
//!
//! ```
//! use pcmk_remote_rs::driver::blocking::{Problem, Stage, Target, check};
//!
//! // There is no listener on port 1 here.
//! let target = Target::new("127.0.0.1", 1);
//! let problem = check(&target, None, &mut |step| println!("{step:?}")).unwrap_err();
//! assert!(matches!(problem, Problem::Tcp { .. }));
//! assert_eq!(problem.stage(), Stage::Connect);
//! println!("{problem}; {}", problem.remedy());
//! ```
//!
//! **Ask what this node could run.** [`driver::blocking::NodeAgents`] lists standards, providers and agents, gives their
//! metadata, and explains what an action would be started with, without running it.
//!
//! ```
//! use pcmk_remote_rs::driver::blocking::NodeAgents;
//! use pcmk_remote_rs::model::{Agent, Millis, Params, Release, Standard};
//!
//! let node = NodeAgents::new(Release::V3_0);
//! for agent in node.agents(Some(Standard::Ocf), Some("heartbeat")) {
//!     println!("{agent}");
//! }
//! let missing = Agent { standard: "ocf".into(), provider: Some("nobody".into()), name: "nothing".into() };
//! assert!(node.metadata(&missing, &Params::new(), Millis(5_000)).is_err());
//! ```
//!
//! **Drive the protocol by itself.** [`session::ClientSession`] and [`session::ServerSession`] turn bytes into messages
//! and back, [`core::Client`] and [`core::Server`] are the two sides as state machines: no socket, no clock, no thread.
//! Any event loop can carry them, and a test can play hours in milliseconds.
//!
//! # Features
//!
//! `daemon` (default): the daemons `pacemaker-remoted` and `pacemaker-execd`, with tokio, libqb and D-Bus. `capi`: the C
//! interface of Pacemaker's liblrmd (docs/linking.md). `local`, which both imply: libqb, for the executor of this node.
//! A client of remote nodes needs none of them.
//!
//! # The layers
//!
//! Lowest first; each imports only those above it in this list (ARCHITECTURE.md has the map):
//!
//! * [`model`]: the field's vocabulary as types.
//! * [`wire`]: bytes and XML to messages and back. [`core`]: the protocol and the executor as state
//!   machines. [`agents`]: what an agent is started with and what its exit means. All three are pure.
//! * [`sys`]: every line of unsafe code but that of the C interface. [`transport`]: credentials and sockets.
//! * [`session`]: TLS bytes to messages, both roles.
//! * [`driver`]: the only place that waits.
//! * `daemon`, [`tool`], `capi`: the edges, which never see each other.

pub mod agents;
#[cfg(feature = "capi")]
pub mod capi;
pub mod core;
#[cfg(feature = "daemon")]
pub mod daemon;
pub mod driver;
pub mod model;
pub mod session;
pub mod sys;
pub mod tool;
pub mod transport;
pub mod wire;
