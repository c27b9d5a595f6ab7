// SPDX-License-Identifier: LGPL-2.1-or-later
//! What a server is told once.

/// Which daemon this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DaemonKind {
    /// `pacemaker-remoted`: the executor of a node without cluster daemons. Carries proxied clients.
    Remoted,
    /// `pacemaker-execd`: the executor of a cluster node.
    Execd,
}

/// What a server is told once.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Which daemon this is.
    pub daemon: DaemonKind,
    /// `PCMK_node_start_state`, told to every client that signs on.
    pub node_start_state: Option<String>,
    /// Bytes that names and parameters of resources, operations and alerts may hold; None: 48 MiB.
    pub parameter_memory: Option<usize>,
}
