// SPDX-License-Identifier: LGPL-2.1-or-later
//! What to start for an action or an alert, and how to read its end: types alone. `standards` makes them.
use std::ffi::OsString;
use std::path::PathBuf;
use zeroize::Zeroizing;

/// How an agent is to be understood: its standard, resolved, and what was asked of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Convention {
    /// OCF exit codes, exit reason on standard error.
    Ocf,
    /// Exit codes of an init script's `status`.
    LsbStatus,
    /// Exit codes of any other action of an init script.
    Lsb,
    /// An alert: its exit code interests the log only.
    Alert,
}

/// Names and values for a child's environment. Values may be secrets.
pub type Variables = Vec<(String, Zeroizing<Vec<u8>>)>;

/// What to start.
pub struct Plan {
    /// The file, with a slash in its name.
    pub program: PathBuf,
    /// Arguments, the zeroth included.
    pub arguments: Vec<OsString>,
    /// Variables beside [`AgentConfig::base_env`], which they override. No name twice.
    pub environment: Variables,
    /// Run as this user; None: as the daemon.
    pub as_user: Option<String>,
    /// How to read its end.
    pub convention: Convention,
}

impl Plan {
    /// `program action`, nothing in the environment, run as the daemon.
    pub(super) fn of(program: PathBuf, action: Option<&str>, convention: Convention) -> Self {
        let mut arguments = vec![program.clone().into_os_string()];
        arguments.extend(action.map(OsString::from));
        Self { program, arguments, environment: Vec::new(), as_user: None, convention }
    }
}
