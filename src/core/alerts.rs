// SPDX-License-Identifier: LGPL-2.1-or-later
//! Alerts: programs that the cluster wants run to tell somebody. They wait for nothing and no client is
//! told how they end; at exit they get a bounded time to finish.
use super::budget::{self, Charge};
use super::context::Context;
use super::refusal::Refusal;
use super::timers::Timer;
use super::{Effect, LogLevel, PeerId, RunId};
use crate::model::{Alert, ExecStatus, KillScope, Millis, Moment, Params, RunResult};
use std::collections::BTreeMap;

/// What an alert may take longer than its limit until its end is known.
const GRACE: Millis = Millis(5_000);

#[derive(Debug)]
struct InFlight {
    id: String,
    timeout: Millis,
    killed: bool,
    charge: Charge,
}

/// An alert that a client asks for.
pub(super) struct NewAlert {
    pub(super) id: Option<String>,
    pub(super) path: Option<String>,
    pub(super) timeout: Millis,
    pub(super) params: Params,
    /// The client.
    pub(super) owner: PeerId,
}

/// All alerts in flight.
#[derive(Debug, Default)]
pub(super) struct Alerts {
    in_flight: BTreeMap<RunId, InFlight>,
    sequence: u32,
}

impl Alerts {
    /// Starts an alert.
    ///
    /// # Errors
    /// When name or program are missing, and when there is too much of this client's.
    pub(super) fn start(&mut self, alert: NewAlert, context: &mut Context) -> Result<(), Refusal> {
        let NewAlert { id, path, timeout, params, owner } = alert;
        let (Some(id), Some(path)) = (id, path) else { return Err(Refusal::Incomplete) };
        let bytes = budget::cost(&[Some(&id), Some(&path)], Some(&params));
        let charge = context.budget().charge(owner, bytes)?;
        self.sequence = self.sequence.checked_add(1).unwrap_or(1);
        let run = context.next_run();
        self.in_flight.insert(run, InFlight { id: id.clone(), timeout, killed: false, charge });
        if timeout > Millis(0) {
            context.arm(Timer::RunLimit(run), context.now().mono.after(timeout));
        }
        let alert = Alert { id, path, timeout, params, sequence: self.sequence };
        context.emit(Effect::RunAlert { run, alert: Box::new(alert) });
        Ok(())
    }

    /// An alert's time is up.
    pub(super) fn overdue(&mut self, run: RunId, context: &mut Context) {
        let Some(alert) = self.in_flight.get_mut(&run) else { return };
        if !std::mem::replace(&mut alert.killed, true) {
            context.emit(Effect::Kill { run, scope: KillScope::Group });
        }
    }

    /// An alert ended; all that is left of it is a line in the log.
    pub(super) fn finished(&mut self, run: RunId, result: &RunResult, context: &mut Context) {
        let Some(alert) = self.in_flight.remove(&run) else { return };
        context.disarm(Timer::RunLimit(run));
        context.budget().release(&alert.charge);
        let outcome = &result.outcome;
        if alert.killed {
            context.log(LogLevel::Warning, || {
                format!("alert {} did not complete within {} and was killed", alert.id, alert.timeout)
            });
        } else if outcome.status != ExecStatus::Done || outcome.exit.0 != 0 {
            context.log(LogLevel::Warning, || {
                let reason = outcome.reason.as_deref().unwrap_or("no reason given");
                format!("alert {} failed with exit {}: {reason}", alert.id, outcome.exit.0)
            });
        } else {
            context.log(LogLevel::Debug, || format!("alert {} done", alert.id));
        }
    }

    pub(super) fn are_running(&self) -> bool {
        !self.in_flight.is_empty()
    }

    /// How long the daemon waits at exit for the alerts in flight.
    pub(super) fn drain_until(&self, now: Moment) -> Moment {
        let longest = self.in_flight.values().map(|alert| alert.timeout).max().unwrap_or_default();
        now.after(longest).after(GRACE)
    }
}

#[cfg(test)]
mod tests {
    use crate::core::testing::{Bench, killed};
    use crate::model::{Millis, Params, Request};

    fn alert(id: Option<&str>, path: Option<&str>, timeout_ms: u64) -> Request {
        Request::Alert {
            id: id.map(str::to_owned),
            path: path.map(str::to_owned),
            timeout: Millis(timeout_ms),
            params: Params::new(),
        }
    }

    #[test]
    fn alerts_are_numbered_started_at_once_and_beside_each_other() {
        let mut bench = Bench::with_r1();
        assert_eq!(bench.ask(1, alert(None, Some("/a"), 0)), ["reply 1 -22"]);
        assert_eq!(bench.ask(1, alert(Some("a"), None, 0)), ["reply 1 -22"]);
        assert_eq!(bench.ask(1, alert(Some("a"), Some("/a"), 0)), ["alert 1 a /a seq=1", "reply 1 0"]);
        assert_eq!(bench.ask(1, alert(Some("b"), Some("/b"), 0)), ["alert 2 b /b seq=2", "reply 1 0"]);
        assert!(bench.exits(2, 1).is_empty());
        assert!(bench.exits(1, 0).is_empty());
    }

    #[test]
    fn an_alert_that_takes_too_long_is_killed_once() {
        let mut bench = Bench::with_r1();
        bench.ask(1, alert(Some("a"), Some("/a"), 300));
        assert_eq!(bench.pass(300), ["kill 1 Group"]);
        assert!(bench.pass(10_000).is_empty());
        assert!(bench.ends(1, killed()).is_empty());
        bench.ask(1, alert(Some("a"), Some("/a"), 300));
        bench.exits(2, 0);
        assert!(bench.pass(10_000).is_empty());
    }
}
