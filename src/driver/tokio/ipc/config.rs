// SPDX-License-Identifier: LGPL-2.1-or-later
//! How the servers are set up, and what clients are known by.
use crate::driver::tokio::memory::MemoryLimits;
use crate::model::{ProxiedServer, site};
use crate::sys::qb::Transport;

/// Which servers there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Servers {
    /// The executor's own, on a cluster node.
    Executor,
    /// Also those that stand for the cluster's daemons, where these do not run.
    ExecutorAndProxied,
}

/// How the servers are set up.
#[derive(Clone, Debug)]
pub struct IpcConfig {
    /// Which there are.
    pub servers: Servers,
    /// Put before each server's name; empty but in tests.
    pub prefix: String,
    /// From `PCMK_ipc_type`.
    pub transport: Transport,
    /// No client's buffers are smaller, in bytes. From `PCMK_ipc_buffer` where that is larger than the default.
    pub buffer_size: u32,
    /// What clients may hold together.
    pub memory: MemoryLimits,
    /// The user whom the cluster's daemons run as, and whose primary group may connect.
    pub cluster_user: String,
}

impl Default for IpcConfig {
    fn default() -> Self {
        Self {
            servers: Servers::ExecutorAndProxied,
            prefix: String::new(),
            transport: Transport::SharedMemory,
            buffer_size: LEAST_BUFFER,
            memory: MemoryLimits::default(),
            cluster_user: site::CLUSTER_USER.to_owned(),
        }
    }
}

/// [`site::IPC_BUFFER`] as libqb counts.
pub(super) const LEAST_BUFFER: u32 = site::IPC_BUFFER as u32;

/// A local client's connection; never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LocalConnId(pub u64);

/// What a local client believes to talk to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LocalServer {
    /// The executor.
    Executor,
    /// A daemon of the cluster.
    Proxied(ProxiedServer),
}
