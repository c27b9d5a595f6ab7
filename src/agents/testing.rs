// SPDX-License-Identifier: LGPL-2.1-or-later
//! A node in memory, and actions to plan on it, for the tests of this layer.
use super::config::{AgentConfig, AgentFiles, FileFacts, Node, NodeUnits};
use crate::model::{Agent, Execution, Interval, Millis, Params, Release, ResourceId};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const NO_SUCH_FILE: i32 = nix::errno::Errno::ENOENT as i32;

/// Asks `question` of a node of this release with these files and units.
pub(super) fn on_node<T>(
    release: Release,
    files: &dyn AgentFiles,
    units: &FakeUnits,
    question: impl FnOnce(&Node<'_>) -> T,
) -> T {
    question(&Node { release, config: &config(), files, units })
}

pub(super) fn execution(agent: &str, action: &str, params: &[(&str, &str)]) -> Execution {
    let parts: Vec<&str> = agent.split(':').collect();
    let provider = (parts.len() == 3).then(|| parts[1].to_owned());
    Execution {
        resource_id: ResourceId::new("rsc"),
        agent: Agent { standard: parts[0].into(), provider, name: parts[parts.len() - 1].into() },
        action: action.into(),
        interval: Interval(0),
        timeout: Millis(0),
        params: Arc::new(Params::from_iter(params.iter().copied())),
    }
}

pub(super) fn config() -> AgentConfig {
    let mut config = AgentConfig::new(base());
    config.ocf_search_path = "/one:/two".into();
    config
}

fn base() -> Arc<[(OsString, OsString)]> {
    Arc::new([("PATH".into(), "/sbin:/bin".into())])
}

/// Unit files in memory: path, load state and description.
#[derive(Default)]
pub(super) struct FakeUnits(Vec<[String; 3]>);

impl FakeUnits {
    pub(super) fn with(mut self, path: &str, state: &str, description: &str) -> Self {
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
pub(super) struct FakeFiles(BTreeMap<PathBuf, (Vec<u8>, bool)>);

impl FakeFiles {
    pub(super) fn with(mut self, path: &str, content: &str, executable: bool) -> Self {
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
            return Ok(FileFacts { directory: true, regular: false, executable: false });
        }
        let (_, executable) = self.0.get(path).ok_or(NO_SUCH_FILE)?;
        Ok(FileFacts { directory: false, regular: true, executable: *executable })
    }

    fn read(&self, path: &Path, limit: usize) -> Result<Vec<u8>, i32> {
        let (content, _) = self.0.get(path).ok_or(NO_SUCH_FILE)?;
        Ok(content.iter().copied().take(limit).collect())
    }

    fn entries(&self, path: &Path) -> Result<Vec<OsString>, i32> {
        let names = self.below(path);
        // Backwards: a caller that needs an order must make it.
        if names.is_empty() { Err(NO_SUCH_FILE) } else { Ok(names.into_iter().rev().collect()) }
    }
}
