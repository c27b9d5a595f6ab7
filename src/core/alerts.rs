// SPDX-License-Identifier: LGPL-2.1-or-later
//! Alerts: programs that the cluster wants run to tell somebody. They wait for nothing and no client is
//! told how they end; at exit they get a bounded time to finish.
use super::budget::{self, Budget, Charge};
use super::context::Context;
use super::refusal::Refusal;
use super::timers::Timer;
use super::{Effect, LogLevel, PeerId, RunId};
use crate::model::{Alert, ExecStatus, KillScope, Millis, Moment, Params, RunResult};
use std::collections::BTreeMap;

/// What an alert may take longer than its limit until its end is known.
const GRACE: Millis = Millis(5_000);

/// Alerts in flight: each is a process, or waits to be one. Beyond it a client that has many is refused, and half as many
/// again are left to the others.
const MOST_ALERTS: usize = 1_000;

#[derive(Debug)]
struct InFlight {
    id: String,
    timeout: Millis,
    killed: bool,
    /// Its place among the alerts.
    place: Charge,
    /// For its texts and parameters.
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
#[derive(Debug)]
pub(super) struct Alerts {
    in_flight: BTreeMap<RunId, InFlight>,
    /// Counts alerts, not bytes.
    places: Budget,
    /// For lack of places, since there was one.
    refused: u64,
    sequence: u32,
}

impl Default for Alerts {
    fn default() -> Self {
        let (in_flight, places) = (BTreeMap::new(), Budget::new(MOST_ALERTS));
        Self { in_flight, places, refused: 0, sequence: 0 }
    }
}

impl Alerts {
    pub(super) fn count(&self) -> usize {
        self.in_flight.len()
    }

    /// Starts an alert.
    ///
    /// # Errors
    /// When name or program are missing, and when there are too many or too much of this client's.
    pub(super) fn start(&mut self, alert: NewAlert, context: &mut Context) -> Result<(), Refusal> {
        let NewAlert { id, path, timeout, params, owner } = alert;
        let (Some(id), Some(path)) = (id, path) else { return Err(Refusal::Incomplete) };
        let bytes = budget::cost(&[Some(&id), Some(&path)], Some(&params));
        let place = self.places.charge(owner, 1).map_err(|_| self.refuse(&id, context))?;
        let charge = context.budget().charge(owner, bytes).inspect_err(|_| self.places.release(&place))?;
        self.sequence = self.sequence.checked_add(1).unwrap_or(1);
        let run = context.next_run();
        self.in_flight.insert(run, InFlight { id: id.clone(), timeout, killed: false, place, charge });
        if timeout > Millis(0) {
            context.arm(Timer::RunLimit(run), context.now().mono.after(timeout));
        }
        let alert = Alert { id, path, timeout, params, sequence: self.sequence };
        context.emit(Effect::RunAlert { run, alert: Box::new(alert) });
        Ok(())
    }

    /// Says why, once until there is room again.
    fn refuse(&mut self, id: &str, context: &mut Context) -> Refusal {
        if self.refused == 0 {
            let running = self.in_flight.len();
            context.log(LogLevel::Warning, || {
                format!("alert {id} and further ones are refused: {running} have not ended yet")
            });
        }
        self.refused = self.refused.saturating_add(1);
        Refusal::TooManyAlerts
    }

    /// An alert that had to wait for its start has begun.
    pub(super) fn started(&self, run: RunId, since: Moment, context: &mut Context) {
        if let Some(alert) = self.in_flight.get(&run).filter(|alert| alert.timeout > Millis(0)) {
            context.arm(Timer::RunLimit(run), since.after(alert.timeout));
        }
    }

    /// The client that asked for an alert in flight.
    pub(super) fn owner(&self, run: RunId) -> Option<PeerId> {
        self.in_flight.get(&run).map(|alert| alert.place.owner())
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
        self.places.release(&alert.place);
        let refused = std::mem::take(&mut self.refused);
        if refused > 0 {
            context.log(LogLevel::Warning, || format!("{refused} alerts were refused; there is room again"));
        }
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
    use crate::core::testing::{Bench, killed, now, operation};
    use crate::core::{Input, RunId};
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
    fn a_client_with_too_many_alerts_is_refused_until_one_ends_and_others_are_not() {
        let mut bench = Bench::with_r1();
        bench.remote(2);
        for run in 1..=super::MOST_ALERTS {
            let effects = bench.ask(1, alert(Some("a"), Some("/a"), 0));
            assert_eq!(effects.last().unwrap(), "reply 1 0", "{run}");
        }
        assert_eq!(bench.ask(1, alert(Some("a"), Some("/a"), 0)), ["reply 1 -7"]);
        assert_eq!(bench.ask(2, alert(Some("b"), Some("/b"), 0)).last().unwrap(), "reply 2 0");
        bench.exits(1, 0);
        bench.exits(2, 0);
        assert_eq!(bench.ask(1, alert(Some("a"), Some("/a"), 0)).last().unwrap(), "reply 1 0");
    }

    #[test]
    fn the_limit_of_an_alert_that_waits_counts_from_its_start() {
        let mut bench = Bench::with_r1();
        bench.ask(1, alert(Some("a"), Some("/a"), 300));
        assert!(bench.step(Input::Waits(RunId(1))).is_empty());
        assert!(bench.pass(10_000).is_empty());
        bench.step(Input::Started { run: RunId(1), since: now(bench.now_ms).mono });
        assert!(bench.pass(299).is_empty());
        assert_eq!(bench.pass(1), ["kill 1 Group"]);
    }

    #[test]
    fn the_limit_of_an_operation_that_waits_counts_from_its_start() {
        let mut bench = Bench::with_r1();
        let mut limited = operation("r1", "start", 0);
        limited.timeout = Millis(300);
        bench.ask(1, Request::Execute(Box::new(limited)));
        bench.step(Input::Waits(RunId(1)));
        assert!(bench.pass(10_000).is_empty());
        bench.step(Input::Started { run: RunId(1), since: now(bench.now_ms).mono });
        assert!(bench.pass(299).is_empty());
        assert_eq!(bench.pass(1), ["kill 1 Group"]);
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
