// SPDX-License-Identifier: LGPL-2.1-or-later
//! What the end of an agent means.
use super::{Capture, Convention, lsb, ocf};
use crate::model::{ExecStatus, OcfExit, Outcome};
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

/// What is known of a run after its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The result.
    pub outcome: Outcome,
    /// Exit code in the agent's own terms, if there was one.
    pub raw_exit: Option<i32>,
    /// Did a signal end it?
    pub signalled: bool,
    /// Was there nothing to start, now or later?
    pub unprepared: bool,
}

impl Verdict {
    /// The same, when there is evidence that the kernel killed the agent for lack of memory: said of an agent
    /// that got a SIGKILL, and of no other.
    pub fn short_of_memory(mut self) -> Self {
        let killed = signal_name(Signal::SIGKILL as i32);
        if let Some(reason) = self.outcome.reason.as_mut().filter(|reason| reason.ends_with(&killed)) {
            reason.push_str(
                ", probably out of memory: the kernel killed a process for that meanwhile; raise the memory limit \
                 (MemoryMax) or free memory on this node",
            );
        }
        self
    }
}

/// Translates the end of an agent.
pub fn outcome(convention: Convention, ended: Ended, capture: Capture) -> Verdict {
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
    let raw_exit = match ended {
        Ended::Exited(code) => Some(code),
        _ => None,
    };
    if convention == Convention::Ocf && raw_exit.is_some() {
        outcome.reason = ocf::exit_reason(&capture.stderr.kept);
    }
    outcome.output = capture.into_text();
    let signalled = matches!(ended, Ended::Signalled { .. });
    Verdict { outcome, raw_exit, signalled, unprepared: false }
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
        let verdict = outcome(Convention::Ocf, Ended::Exited(12), Capture::of("o", "ocf-exit-reason:why\n"));
        let mut expected = Outcome::new(OcfExit::ERROR, ExecStatus::Done).because("why");
        expected.output = Some("ocf-exit-reason:why\n".into());
        assert_eq!(verdict.outcome, expected);
        assert_eq!((verdict.raw_exit, verdict.signalled, verdict.unprepared), (Some(12), false, false));
    }

    #[test]
    fn only_ocf_agents_have_reasons() {
        let verdict =
            outcome(Convention::LsbStatus, Ended::Exited(3), Capture::of("", "ocf-exit-reason:why\n"));
        assert_eq!((verdict.outcome.exit, verdict.outcome.reason), (OcfExit::NOT_RUNNING, None));
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
            let verdict = outcome(Convention::Ocf, ended, Capture::of("", "ocf-exit-reason:no\n"));
            assert_eq!((verdict.outcome.exit, verdict.outcome.status), (OcfExit::ERROR, ExecStatus::Error));
            assert_eq!((verdict.raw_exit, verdict.signalled), (None, true));
            let reason = verdict.outcome.reason.unwrap();
            assert!(reason.contains(words), "{reason}");
            assert!(verdict.outcome.output.is_some());
        }
    }

    #[test]
    fn lack_of_memory_explains_a_kill_alone() {
        let reason = |ended, stderr: &str| {
            outcome(Convention::Ocf, ended, Capture::of("", stderr)).short_of_memory().outcome.reason
        };
        let signal = |signal| Ended::Signalled { signal, core_dumped: false };
        let killed = reason(signal(9), "").unwrap();
        assert!(killed.contains("SIGKILL (9), probably out of memory"), "{killed}");
        assert!(!reason(signal(15), "").unwrap().contains("memory"));
        assert_eq!(reason(Ended::Exited(1), ""), None);
    }
}
