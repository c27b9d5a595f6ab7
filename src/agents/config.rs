// SPDX-License-Identifier: LGPL-2.1-or-later
//! Where agents are found and what they inherit; and how this layer looks at files.
use crate::model::{Release, site};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where agents are, and what each run of one inherits.
#[derive(Clone)]
pub struct AgentConfig {
    /// Directories of OCF providers, separated by colons; the first that has the agent wins.
    pub ocf_search_path: String,
    /// `OCF_ROOT` for agents.
    pub ocf_root: PathBuf,
    /// Directory of init scripts.
    pub init_dir: PathBuf,
    /// Directory of units of systemd that last until the next boot; drop-ins are written there.
    pub unit_dir: PathBuf,
    /// Directory of fence agents.
    pub fence_dir: PathBuf,
    /// Where the cluster keeps secret parameters of this node: `<resource id>/<parameter>`.
    pub secrets_dir: PathBuf,
    /// User that alerts run as; None: the daemon's own, for a daemon that may not change users.
    pub alert_user: Option<String>,
    /// Most open files of a child (RLIMIT_NOFILE), soft and hard; None: as the daemon's. A daemon that has raised
    /// its own passes on what it was started with, as select(2) in an agent wants it.
    pub file_limit: Option<(u64, u64)>,
    /// The daemon's environment as children are to see it: without what its service manager says to the daemon
    /// alone.
    pub base_env: Arc<[(OsString, OsString)]>,
}

impl AgentConfig {
    /// The places that distributions use.
    pub fn new(base_env: Arc<[(OsString, OsString)]>) -> Self {
        Self {
            ocf_search_path: site::OCF_SEARCH_PATH.to_owned(),
            ocf_root: PathBuf::from(site::OCF_ROOT),
            init_dir: PathBuf::from(site::INIT_DIRECTORY),
            unit_dir: PathBuf::from(site::UNIT_DIRECTORY),
            fence_dir: PathBuf::from(site::FENCE_DIRECTORY),
            secrets_dir: PathBuf::from(site::SECRETS_DIRECTORY),
            alert_user: Some(site::CLUSTER_USER.to_owned()),
            file_limit: None,
            base_env,
        }
    }
}

/// What matters of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileFacts {
    /// Is it a directory?
    pub directory: bool,
    /// Is it a regular file?
    pub regular: bool,
    /// Is it a regular file that somebody may execute?
    pub executable: bool,
}

/// The file system, as far as agents are concerned. Errors are errnos.
pub trait AgentFiles {
    /// Follows symbolic links.
    ///
    /// # Errors
    /// The errno of stat(2).
    fn facts(&self, path: &Path) -> Result<FileFacts, i32>;

    /// At most the first `limit` bytes.
    ///
    /// # Errors
    /// The errno of open(2) or read(2).
    fn read(&self, path: &Path, limit: usize) -> Result<Vec<u8>, i32>;

    /// Names of what is in a directory, in any order.
    ///
    /// # Errors
    /// The errno of opendir(3) or readdir(3).
    fn entries(&self, path: &Path) -> Result<Vec<OsString>, i32>;
}

/// The node's service manager, systemd, as far as the discovery of agents is concerned.
pub trait NodeUnits {
    /// Paths of all unit files; none where there is no systemd.
    fn files(&self) -> Vec<String>;

    /// A property, a text, of the unit of this full name; None if systemd does not say. It loads any unit whose
    /// name is one.
    fn property(&self, unit: &str, name: &str) -> Option<String>;
}

/// The node whose agents are looked for, as callers of one release of Pacemaker see it.
#[derive(Clone, Copy)]
pub struct Node<'a> {
    /// Decides about orders and words.
    pub release: Release,
    /// Where agents are.
    pub config: &'a AgentConfig,
    /// Its files.
    pub files: &'a dyn AgentFiles,
    /// Its units of systemd.
    pub units: &'a dyn NodeUnits,
}
