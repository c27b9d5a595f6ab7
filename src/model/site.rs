// SPDX-License-Identifier: LGPL-2.1-or-later
//! What Pacemaker fixes when it is built, and other programs of a node rely on: names, numbers and places, as
//! distributions build it. Each stands here alone; what an administrator may change is in [`options`](super::options).

/// The user whom the cluster's daemons run as, beside root.
pub const CLUSTER_USER: &str = "hacluster";
/// The group whose members may connect to local servers.
pub const CLUSTER_GROUP: &str = "haclient";
/// Stands for a user id that has no name.
pub const UNKNOWN_USER: &str = "#unprivileged";

/// TCP port of Pacemaker Remote.
pub const REMOTE_PORT: u16 = 3121;
/// Where the pre-shared key may be, the first place first.
pub const KEY_FILES: [&str; 2] = ["/etc/pacemaker/authkey", "/etc/corosync/authkey"];

/// The executor's name among local servers.
pub const EXECUTOR_SERVER: &str = "lrmd";
/// Bytes of a local connection's buffer, and the largest local message of Pacemaker from 3.0.1 on.
pub const IPC_BUFFER: usize = 131_072;
/// In a local message's flags: its sender is behind a proxy, and knows how answers travel then (since 1.1.11).
pub const IPC_FLAG_PROXIED: u32 = 0x100;

/// `OCF_ROOT` of OCF agents.
pub const OCF_ROOT: &str = "/usr/lib/ocf";
/// Where the providers of OCF agents have their directories.
pub const OCF_SEARCH_PATH: &str = "/usr/lib/ocf/resource.d";
/// Init scripts.
pub const INIT_DIRECTORY: &str = "/etc/init.d";
/// Units of systemd that last until the next boot.
pub const UNIT_DIRECTORY: &str = "/run/systemd/system";
/// Fence agents.
pub const FENCE_DIRECTORY: &str = "/usr/sbin";
/// State of resource agents.
pub const AGENT_STATE_DIRECTORY: &str = "/run/resource-agents";
/// Secret parameters of resources on this node.
pub const SECRETS_DIRECTORY: &str = "/var/lib/pacemaker/lrm/secrets";

/// Schemas as installed.
pub const SCHEMA_DIRECTORY: &str = "/usr/share/pacemaker";
/// Schemas that the cluster has sent to a remote node.
pub const REMOTE_SCHEMA_DIRECTORY: &str = "/var/lib/pacemaker/schemas";
/// Core files of daemons.
pub const CORE_DIRECTORY: &str = "/var/lib/pacemaker/cores";
/// The detail log.
pub const LOG_FILE: &str = "/var/log/pacemaker/pacemaker.log";
/// The detail log of a daemon that is a container's first process.
pub const CONTAINER_LOG_FILE: &str = "/var/log/pcmk-init.log";
/// Settings for containers.
pub const CONTAINER_SETTINGS: &str = "/etc/pacemaker/pcmk-init.env";
