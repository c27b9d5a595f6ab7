// SPDX-License-Identifier: LGPL-2.1-or-later
//! What a hub asks of the daemon around it.
use crate::session::SchemaFile;

/// What the daemon around the hub decides, since only it knows the machine's files.
pub trait Hooks {
    /// Does this node's watchdog fit `timeout` (a time with an optional unit)?
    ///
    /// # Errors
    /// Why it does not.
    fn watchdog_fits(&self, timeout: Option<&str>) -> Result<(), String>;

    /// Empties the place for transferred schemas; the newest schema version that is installed anyway.
    ///
    /// # Errors
    /// Why no schemas are to be transferred.
    fn prepare_schemas(&self) -> Result<String, String>;

    /// Keeps the transferred schema files, all or none. Their names have been sanitised.
    ///
    /// # Errors
    /// Why they were not kept.
    fn keep_schemas(&self, files: &[SchemaFile]) -> Result<(), String>;
}
