// SPDX-License-Identifier: LGPL-2.1-or-later
//! Where agents are found and what they inherit; and how this layer looks at files.
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
            ocf_search_path: "/usr/lib/ocf/resource.d".to_owned(),
            ocf_root: PathBuf::from("/usr/lib/ocf"),
            init_dir: PathBuf::from("/etc/init.d"),
            unit_dir: PathBuf::from("/run/systemd/system"),
            fence_dir: PathBuf::from("/usr/sbin"),
            secrets_dir: PathBuf::from("/var/lib/pacemaker/lrm/secrets"),
            alert_user: Some("hacluster".to_owned()),
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

#[cfg(test)]
pub(super) mod fake {
    use super::*;
    use std::collections::{BTreeMap, BTreeSet};

    /// Unit files in memory: path, load state and description.
    #[derive(Default)]
    pub(in crate::agents) struct FakeUnits(Vec<[String; 3]>);

    impl FakeUnits {
        pub(in crate::agents) fn with(mut self, path: &str, state: &str, description: &str) -> Self {
            self.0.push([path, state, description].map(str::to_owned));
            self
        }
    }

    impl NodeUnits for FakeUnits {
        fn files(&self) -> Vec<String> {
            self.0.iter().map(|[path, ..]| path.clone()).collect()
        }

        fn property(&self, unit: &str, name: &str) -> Option<String> {
            let mut all = self.0.iter();
            let found = all.find(|[path, ..]| path.ends_with(&format!("/{unit}")));
            let [_, state, description] = found?;
            Some(if name == "LoadState" { state } else { description }.clone())
        }
    }

    /// Files in memory: content and whether executable.
    #[derive(Default)]
    pub(in crate::agents) struct FakeFiles(pub BTreeMap<PathBuf, (Vec<u8>, bool)>);

    impl FakeFiles {
        pub(in crate::agents) fn with(mut self, path: &str, content: &str, executable: bool) -> Self {
            self.0.insert(path.into(), (content.into(), executable));
            self
        }

        /// A directory is there as long as there is a file below it.
        fn below(&self, directory: &Path) -> BTreeSet<OsString> {
            let inside = self.0.keys().filter_map(|path| path.strip_prefix(directory).ok());
            inside.filter_map(|rest| Some(rest.components().next()?.as_os_str().to_owned())).collect()
        }
    }

    impl AgentFiles for FakeFiles {
        fn facts(&self, path: &Path) -> Result<FileFacts, i32> {
            if !self.below(path).is_empty() {
                return Ok(FileFacts { directory: true, executable: false });
            }
            let (_, executable) = self.0.get(path).ok_or(nix::libc::ENOENT)?;
            Ok(FileFacts { directory: false, executable: *executable })
        }

        fn read(&self, path: &Path, limit: usize) -> Result<Vec<u8>, i32> {
            let (content, _) = self.0.get(path).ok_or(nix::libc::ENOENT)?;
            Ok(content.iter().copied().take(limit).collect())
        }

        fn entries(&self, path: &Path) -> Result<Vec<OsString>, i32> {
            let names = self.below(path);
            // Backwards: whoever needs an order must make it.
            if names.is_empty() { Err(nix::libc::ENOENT) } else { Ok(names.into_iter().rev().collect()) }
        }
    }
}
