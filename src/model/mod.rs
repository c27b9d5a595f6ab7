// SPDX-License-Identifier: LGPL-2.1-or-later
//! The field's vocabulary as types: resources, operations, results, messages. Nothing here does anything.
#![forbid(unsafe_code)]

mod action;
pub mod certificate_files;
mod execution;
mod fencing;
mod message;
pub mod options;
mod outcome;
mod params;
mod proxy;
mod release;
mod resource;
pub mod site;
mod time;
pub mod timespec;
mod version;

pub use action::{CallId, Interval, Millis};
pub use execution::{Alert, Execution, KillScope};
pub use fencing::{DeviceState, FenceOrder};
pub use message::{
    Cancel, Completion, Execute, Notification, Notify, RecurringOperation, Registered, Reply, ReplyBody,
    Request, RequestMessage, RequestRefused, ResourceOperations, errno,
};
pub use outcome::{ExecStatus, OcfExit, Outcome, RunResult};
pub use params::Params;
pub use proxy::{ClientId, LocalIdentity, Payload, ProxiedServer, ProxyCommand, ProxyNotice};
pub use release::Release;
pub use resource::{Agent, Resource, ResourceId, Standard};
pub use time::{Moment, Now};
pub use version::ProtocolVersion;
