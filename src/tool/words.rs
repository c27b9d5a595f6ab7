// SPDX-License-Identifier: LGPL-2.1-or-later
//! Results in words, as administrators know them.
use crate::driver::blocking::{CallProblem, Problem, Stage};
use crate::driver::client::with_remedy;
use crate::model::{ExecStatus, OcfExit, Outcome};
use crate::session::SessionError;
use std::time::Duration;

/// The layer of the way to a remote node that a problem is about.
pub(super) fn layer(problem: &Problem) -> &'static str {
    match (problem, problem.stage()) {
        (Problem::Garbled(SessionError::Tls(_)), _) | (_, Stage::Handshake) => "TLS",
        (_, Stage::Name) => "name",
        (_, Stage::Connect) => "TCP",
        (_, Stage::Key) => "key",
        (_, Stage::SignOn | Stage::Ready) => "protocol",
    }
}

/// Layer, problem and remedy.
pub(super) fn problem(problem: &Problem) -> String {
    with_remedy(format!("{}: {problem}", layer(problem)), problem.remedy())
}

/// The same for a call.
pub(super) fn call_problem(call: &CallProblem) -> String {
    match call {
        CallProblem::Ended(ended) => problem(ended),
        call => with_remedy(format!("protocol: {call}"), call.remedy()),
    }
}

/// `ok (0)`, `not running (7)`.
pub(super) fn exit(exit: OcfExit) -> String {
    let word = match exit {
        OcfExit::OK => "ok",
        OcfExit::ERROR => "error",
        OcfExit::INVALID_PARAM => "invalid parameter",
        OcfExit::UNIMPLEMENTED => "not implemented",
        OcfExit::INSUFFICIENT_PRIVILEGES => "insufficient privileges",
        OcfExit::NOT_INSTALLED => "not installed",
        OcfExit::NOT_CONFIGURED => "not configured",
        OcfExit::NOT_RUNNING => "not running",
        OcfExit::RUNNING_PROMOTED => "promoted",
        OcfExit::FAILED_PROMOTED => "promoted, failed",
        OcfExit::DEGRADED => "degraded",
        OcfExit::DEGRADED_PROMOTED => "promoted, degraded",
        _ => "unknown",
    };
    format!("{word} ({})", exit.0)
}

/// The exit, and what else happened when the action did not just finish.
pub(super) fn outcome(outcome: &Outcome) -> String {
    let how = match outcome.status {
        ExecStatus::Done => return exit(outcome.exit),
        ExecStatus::Cancelled => "cancelled",
        ExecStatus::Timeout => "timed out",
        ExecStatus::Pending => "pending",
        ExecStatus::NotSupported => "not supported",
        ExecStatus::NotInstalled => "not installed",
        _ => "failed",
    };
    format!("{how}: {}", exit(outcome.exit))
}

/// `0.4 ms`, `12.3 ms`, `1.204 s`.
pub(super) fn time(span: Duration) -> String {
    let ms = span.as_secs_f64() * 1000.0;
    if ms < 1000.0 { format!("{ms:.1} ms") } else { format!("{:.3} s", ms / 1000.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_read_like_sentences() {
        assert_eq!(outcome(&Outcome::new(OcfExit::NOT_RUNNING, ExecStatus::Done)), "not running (7)");
        assert_eq!(outcome(&Outcome::new(OcfExit::ERROR, ExecStatus::Timeout)), "timed out: error (1)");
        assert_eq!(time(Duration::from_micros(1234)), "1.2 ms");
        assert_eq!(time(Duration::from_millis(1204)), "1.204 s");
    }
}
