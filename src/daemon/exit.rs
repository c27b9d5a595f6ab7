// SPDX-License-Identifier: LGPL-2.1-or-later
//! How the programs end.

/// Exit codes, as service managers and Pacemaker's own tools know them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitCode {
    /// All went well.
    Ok,
    /// The command line was wrong.
    Usage,
    /// The system refused something the daemon cannot live without.
    OsError,
    /// Fatal, and a restart would not help: the unit counts it as a clean stop.
    Fatal,
}

impl ExitCode {
    /// The number.
    pub const fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Usage => 64,
            Self::OsError => 71,
            Self::Fatal => 100,
        }
    }
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(exit: ExitCode) -> Self {
        Self::from(exit.code())
    }
}
