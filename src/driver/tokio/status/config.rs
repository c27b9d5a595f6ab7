// SPDX-License-Identifier: LGPL-2.1-or-later
//! Where status is shown.
use std::path::PathBuf;

/// Where to serve, and as which daemon.
#[derive(Clone, Debug)]
pub struct StatusConfig {
    /// Made if it is not there.
    pub directory: PathBuf,
    /// Of the daemon.
    pub name: &'static str,
    /// Of the daemon.
    pub release: &'static str,
}
