// SPDX-License-Identifier: LGPL-2.1-or-later
//! What the driver leaves to the daemon, since it is about this node's files.
use super::config::Config;
use super::schemas;
use super::watchdog::{self, SbdPaths};
use crate::driver::tokio::Hooks;
use crate::session::SchemaFile;

/// The daemon's decisions, from its configuration.
pub(super) struct NodeHooks {
    config: Config,
}

impl NodeHooks {
    pub(super) fn new(config: Config) -> Self {
        Self { config }
    }
}

impl Hooks for NodeHooks {
    fn watchdog_fits(&self, timeout: Option<&str>) -> Result<(), String> {
        watchdog::check(timeout, &self.config, &SbdPaths::default()).map_err(|problem| problem.to_string())
    }

    fn prepare_schemas(&self) -> Result<String, String> {
        schemas::prepare(&self.config.remote_schema_directory).map_err(|problem| problem.to_string())?;
        schemas::newest(&self.config.schema_directory).map(|version| version.to_string()).ok_or_else(|| {
            format!(
                "no schemas are installed in {}, so none are needed",
                self.config.schema_directory.display()
            )
        })
    }

    fn keep_schemas(&self, files: &[SchemaFile]) -> Result<(), String> {
        let files = files.iter().map(|file| (file.name.as_str(), file.contents.as_str()));
        schemas::store(&self.config.remote_schema_directory, files)
            .map(drop)
            .map_err(|problem| problem.to_string())
    }
}
