// SPDX-License-Identifier: LGPL-2.1-or-later
//! What the end of an agent means.
use super::{Capture, Convention, lsb, ocf};
use crate::model::{ExecStatus, OcfExit, Outcome, RunResult};
use nix::sys::signal::Signal;

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// By itself, with this code.
    Exited(i32),
    /// By this signal.
    Signalled {
        /// Its number.
        signal: i32,
        /// Did it leave a core dump?
        core_dumped: bool,
    },
    /// Nobody knows: something else in the process took its status.
    Lost,
}

/// Translates the end of an agent.
pub fn outcome(convention: Convention, ended: Ended, capture: Capture) -> RunResult {
    let mut outcome = match ended {
        Ended::Exited(code) => Outcome::new(exit(convention, code), ExecStatus::Done),
        Ended::Signalled { signal, core_dumped } => {
            let core = if core_dumped { ", which left a core dump" } else { "" };
            let what = if convention == Convention::Alert { "Alert" } else { "Resource agent" };
            Outcome::new(OcfExit::ERROR, ExecStatus::Error)
                .because(format!("{what} interrupted by signal {}{core}", signal_name(signal)))
        }
        Ended::Lost => Outcome::new(OcfExit::ERROR, ExecStatus::Error)
            .because("The agent's end was missed: something else took its exit status"),
    };
    let (raw_exit, signal) = match ended {
        Ended::Exited(code) => (Some(code), None),
        Ended::Signalled { signal, .. } => (None, Some(signal)),
        Ended::Lost => (None, None),
    };
    if convention == Convention::Ocf && raw_exit.is_some() {
        outcome.reason = ocf::exit_reason(&capture.stderr.kept);
    }
    outcome.output = capture.into_text();
    RunResult { signal, ..RunResult::new(outcome, raw_exit) }
}

/// Did the process get a SIGKILL, as the kernel sends it for lack of memory?
pub fn may_have_lacked_memory(result: &RunResult) -> bool {
    result.signal == Some(Signal::SIGKILL as i32)
}

/// Adds to the reason that there is evidence of the kernel having killed the process for lack of memory. Only said of
/// one that [`may_have_lacked_memory`].
pub fn short_of_memory(mut result: RunResult) -> RunResult {
    if may_have_lacked_memory(&result) {
        result.outcome.reason.get_or_insert_default().push_str(
            ", probably out of memory: the kernel killed a process for that meanwhile; raise the memory limit \
             (MemoryMax) or free memory on this node",
        );
    }
    result
}

fn exit(convention: Convention, code: i32) -> OcfExit {
    match convention {
        Convention::Ocf => ocf::exit(code),
        Convention::Lsb | Convention::LsbStatus => lsb::exit(code, convention),
        Convention::Alert => OcfExit(code),
    }
}

/// `SIGKILL (9)`; a number alone for real-time signals.
fn signal_name(signal: i32) -> String {
    match Signal::try_from(signal) {
        Ok(name) => format!("{} ({signal})", name.as_str()),
        Err(_) => signal.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exit_keeps_its_reason_and_output() {
        let result = outcome(Convention::Ocf, Ended::Exited(12), Capture::of("o", "ocf-exit-reason:why\n"));
        let mut expected = Outcome::new(OcfExit::ERROR, ExecStatus::Done).because("why");
        expected.output = Some("ocf-exit-reason:why\n".into());
        assert_eq!(result.outcome, expected);
        assert_eq!((result.raw_exit, result.signal, result.unprepared), (Some(12), None, false));
    }

    #[test]
    fn only_ocf_agents_have_reasons() {
        let result =
            outcome(Convention::LsbStatus, Ended::Exited(3), Capture::of("", "ocf-exit-reason:why\n"));
        assert_eq!((result.outcome.exit, result.outcome.reason), (OcfExit::NOT_RUNNING, None));
        assert_eq!(
            outcome(Convention::Alert, Ended::Exited(99), Capture::of("", "")).outcome.exit,
            OcfExit(99)
        );
    }

    #[test]
    fn signals_are_named() {
        for (signal, core_dumped, words) in
            [(9, false, "signal SIGKILL (9)"), (11, true, "SIGSEGV (11), which"), (40, false, "signal 40")]
        {
            let ended = Ended::Signalled { signal, core_dumped };
            let result = outcome(Convention::Ocf, ended, Capture::of("", "ocf-exit-reason:no\n"));
            assert_eq!((result.outcome.exit, result.outcome.status), (OcfExit::ERROR, ExecStatus::Error));
            assert_eq!((result.raw_exit, result.signal), (None, Some(signal)));
            let reason = result.outcome.reason.unwrap();
            assert!(reason.contains(words), "{reason}");
            assert!(result.outcome.output.is_some());
        }
    }

    #[test]
    fn lack_of_memory_explains_a_kill_alone_whatever_the_reason_says() {
        let killed =
            outcome(Convention::Ocf, Ended::Signalled { signal: 9, core_dumped: false }, Capture::of("", ""));
        let reason = |result| short_of_memory(result).outcome.reason;
        let explained = reason(killed.clone()).unwrap();
        assert!(explained.contains("SIGKILL (9), probably out of memory"), "{explained}");
        let reworded = RunResult { outcome: killed.outcome.clone().because("it was killed"), ..killed };
        assert!(reason(reworded).unwrap().starts_with("it was killed, probably out of memory"));

        let text = "ocf-exit-reason:pidfile says signal SIGKILL (9)\n";
        let exited = outcome(Convention::Ocf, Ended::Exited(1), Capture::of("", text));
        assert_eq!(reason(exited).as_deref(), Some("pidfile says signal SIGKILL (9)"));
        let signal = Ended::Signalled { signal: 15, core_dumped: false };
        let terminated = reason(outcome(Convention::Ocf, signal, Capture::of("", ""))).unwrap();
        assert!(!terminated.contains("memory"), "{terminated}");
    }
}
