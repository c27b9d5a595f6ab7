// SPDX-License-Identifier: LGPL-2.1-or-later
//! How an action ended: what the agent said, and what the executor adds to it, kept apart.

/// An OCF exit code, after translation from the agent's own standard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OcfExit(pub i32);

#[allow(missing_docs, reason = "the names are the standard's own")]
impl OcfExit {
    pub const OK: Self = Self(0);
    pub const ERROR: Self = Self(1);
    pub const INVALID_PARAM: Self = Self(2);
    pub const UNIMPLEMENTED: Self = Self(3);
    pub const INSUFFICIENT_PRIVILEGES: Self = Self(4);
    pub const NOT_INSTALLED: Self = Self(5);
    pub const NOT_CONFIGURED: Self = Self(6);
    pub const NOT_RUNNING: Self = Self(7);
    pub const RUNNING_PROMOTED: Self = Self(8);
    pub const FAILED_PROMOTED: Self = Self(9);
    pub const CONNECTION_DIED: Self = Self(189);
    pub const DEGRADED: Self = Self(190);
    pub const DEGRADED_PROMOTED: Self = Self(191);
    pub const UNKNOWN: Self = Self(193);
}

/// How the executor fared with an action; the discriminants are the wire's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(i32)]
#[allow(missing_docs, reason = "the names are the field's own")]
pub enum ExecStatus {
    Unknown = -2,
    Pending = -1,
    Done = 0,
    Cancelled = 1,
    Timeout = 2,
    NotSupported = 3,
    Error = 4,
    HardError = 5,
    FatalError = 6,
    NotInstalled = 7,
    NotConnected = 8,
    Invalid = 9,
    NoFenceDevice = 10,
    NoSecrets = 11,
}

impl ExecStatus {
    /// The number on the wire.
    pub const fn code(self) -> i32 {
        self as i32
    }

    /// The status with this number on the wire; None for one that nobody defined.
    pub fn from_code(code: i32) -> Option<Self> {
        use ExecStatus::*;
        let all = [
            Unknown,
            Pending,
            Done,
            Cancelled,
            Timeout,
            NotSupported,
            Error,
            HardError,
            FatalError,
            NotInstalled,
            NotConnected,
            Invalid,
            NoFenceDevice,
            NoSecrets,
        ];
        all.into_iter().find(|status| status.code() == code)
    }
}

/// The end of one run of an action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// What the agent reported, or what stands for it.
    pub exit: OcfExit,
    /// How the executor fared.
    pub status: ExecStatus,
    /// Why, in words: the agent's own, or ours when the agent could not speak.
    pub reason: Option<String>,
    /// What the agent printed: standard error if it wrote there, else standard output; None if neither.
    pub output: Option<String>,
}

impl Outcome {
    /// An outcome without words.
    pub const fn new(exit: OcfExit, status: ExecStatus) -> Self {
        Self { exit, status, reason: None, output: None }
    }

    /// Did both agent and executor fare well?
    pub fn is_ok(&self) -> bool {
        self.exit == OcfExit::OK && self.status == ExecStatus::Done
    }

    /// The same with a reason.
    pub fn because(mut self, reason: impl Into<String>) -> Self {
        self.reason = Some(reason.into());
        self
    }
}

/// What is known of one run of an agent or an alert after its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunResult {
    /// The result, translated from the agent's standard. When the core had ordered a kill it replaces status and
    /// reason by its own and keeps the output.
    pub outcome: Outcome,
    /// Exit code in the agent's own terms; None when there was none. Decides when `rc_change_s` moves.
    pub raw_exit: Option<i32>,
    /// Number of the signal that ended the process, if one did.
    pub signal: Option<i32>,
    /// Could the agent not even be prepared (missing, unknown standard)? Such a recurring operation reports once and
    /// is not repeated.
    pub unprepared: bool,
}

impl RunResult {
    /// The result of something that was prepared and that no signal ended.
    pub const fn new(outcome: Outcome, raw_exit: Option<i32>) -> Self {
        Self { outcome, raw_exit, signal: None, unprepared: false }
    }
}
