// SPDX-License-Identifier: LGPL-2.1-or-later
//! From the end of a run to what clients are told of it.
use super::LogLevel;
use super::context::Context;
use super::operation::Operation;
use crate::model::{Completion, ExecStatus, Millis, Notification, Now, OcfExit, Outcome, RunResult};

/// An action that the core gave up for lack of time. A process that was killed has nothing to add to that.
fn timed_out(operation: &Operation, result: &RunResult) -> Outcome {
    let words = match &result.outcome.reason {
        Some(reason) if result.signal.is_none() => format!(": {reason}"),
        _ => " and was killed".to_owned(),
    };
    Outcome {
        exit: OcfExit::ERROR,
        status: ExecStatus::Timeout,
        reason: Some(format!("{} did not complete within {}{words}", operation.action, operation.timeout)),
        output: result.outcome.output.clone(),
    }
}

impl Operation {
    /// Takes in how a run ended, except for a cancelled one, and says what to report.
    pub(super) fn record(&mut self, result: RunResult, killed_late: bool, now: Now) -> Outcome {
        let (outcome, exit) = if killed_late {
            (timed_out(self, &result), OcfExit::ERROR.0)
        } else {
            let exit = result.raw_exit.unwrap_or(result.outcome.exit.0);
            match self.pending_too_long(&result.outcome, now) {
                Some(overdue) => (overdue, OcfExit::ERROR.0),
                None => (result.outcome, exit),
            }
        };
        // As upstream: the agent's own number against the translated one of the time before.
        if !result.unprepared && exit != self.last_exit.0 {
            self.rc_change_s = now.epoch_s;
        }
        self.last_exit = outcome.exit;
        if killed_late { self.with_phases(outcome, now) } else { outcome }
    }

    /// The limit is that of the run alone: says what else took long, waiting for its turn or ending it.
    fn with_phases(&self, mut outcome: Outcome, now: Now) -> Outcome {
        const WORTH_SAYING: Millis = Millis(1000);
        let (Some(reason), Some(started)) = (&mut outcome.reason, self.started_at) else { return outcome };
        let waited = self.queued_at.map_or(Millis(0), |queued| started.mono.since(queued).into());
        if waited >= WORTH_SAYING {
            reason.push_str(&format!("; before that it had waited {waited} for its turn"));
            if self.start_delay > Millis(0) {
                reason.push_str(&format!(", of which {} are its start delay", self.start_delay));
            }
        }
        let lingered = Millis::from(now.mono.since(started.mono.after(self.timeout)));
        if lingered >= WORTH_SAYING {
            reason.push_str(&format!("; its process was gone only {lingered} later"));
        }
        outcome
    }

    /// After a run of a recurring operation: later results carry no times.
    pub(super) fn forget_times(&mut self) {
        self.queued_at = None;
        self.started_at = None;
    }

    /// Tells whoever shall hear of it.
    pub(super) fn tell(&mut self, outcome: Outcome, context: &mut Context<'_>) {
        let told = (outcome.exit, outcome.status);
        if self.notify.changes_only && self.last_told == Some(told) {
            return;
        }
        if !self.interval.recurs() || self.last_told != Some(told) {
            context.log(level_of(&outcome), || self.describe_result(&outcome));
        }
        self.last_told = Some(told);
        let peers = match self.notify.origin_only {
            true => context.peers.only(self.owner),
            false => context.peers.named(),
        };
        if !peers.is_empty() {
            let completion = self.completion(outcome, context.now);
            context.notify(peers, Notification::Completed(Box::new(completion)));
        }
    }

    fn completion(&self, outcome: Outcome, now: Now) -> Completion {
        let span = |from| now.mono.since(from);
        let exec_time = self.started_at.map(|started| span(started.mono));
        let queue_time = match (self.queued_at, self.started_at) {
            (Some(queued), Some(started)) => started.mono.since(queued),
            _ => std::time::Duration::ZERO,
        };
        Completion {
            call_id: self.call_id,
            resource_id: self.resource.id.clone(),
            action: self.action.clone(),
            interval: self.interval,
            timeout: self.timeout,
            start_delay: self.start_delay,
            user_data: self.user_data.clone(),
            outcome,
            resource_deleted: self.resource_deleted,
            run_time_s: self.started_at.map_or(0, |started| started.epoch_s),
            rc_change_s: self.rc_change_s,
            exec_time: exec_time.map_or(Millis(0), Millis::from),
            queue_time: queue_time.into(),
            params: self.params.clone(),
        }
    }

    fn describe_result(&self, outcome: &Outcome) -> String {
        let mut text = format!(
            "resource {} action {} interval {} call {}: exit {}, {:?}",
            self.resource.id, self.action, self.interval, self.call_id, outcome.exit.0, outcome.status
        );
        if let Some(reason) = &outcome.reason {
            text.push_str(": ");
            text.push_str(reason);
        }
        text
    }
}

/// A limit that was hit is worth more attention than what an agent reports.
fn level_of(outcome: &Outcome) -> LogLevel {
    match outcome.status {
        // What upstream's fence devices say when they are not started.
        ExecStatus::Error if outcome.exit == OcfExit::NOT_RUNNING => LogLevel::Info,
        ExecStatus::Done | ExecStatus::Cancelled | ExecStatus::Pending => LogLevel::Info,
        _ => LogLevel::Warning,
    }
}

#[cfg(test)]
mod tests {
    use crate::core::testing::{Bench, execute, exited, killed};
    use crate::model::OcfExit;

    #[test]
    fn the_change_of_an_exit_compares_the_agents_number_with_the_translated_one() {
        let mut bench = Bench::with_r1();
        bench.ask(1, execute("r1", "monitor", 1000));
        let untranslated = || {
            let mut result = exited(3);
            result.outcome.exit = OcfExit::NOT_RUNNING;
            result
        };
        assert_eq!(bench.ends(1, untranslated()), ["tell 1 r1 monitor/1000 #3 7 Done"]);
        bench.pass(1000);
        let again = bench.ends(2, untranslated());
        assert_eq!(again, ["tell 1 r1 monitor/1000 #3 7 Done change=1"], "3 is not 7");
    }

    #[test]
    fn an_end_by_signal_is_passed_on_as_it_came() {
        let mut bench = Bench::with_r1();
        bench.ask(1, execute("r1", "start", 0));
        bench.pass(3000);
        let expected = "tell 1 r1 start/0 #3 1 Error change=3 exec=3000 why=\"killed\"";
        assert_eq!(bench.ends(1, killed()), [expected]);
    }

    #[test]
    fn an_agent_that_was_never_run_changes_nothing() {
        let mut bench = Bench::with_r1();
        bench.ask(1, execute("r1", "start", 0));
        bench.pass(1000);
        let mut missing = exited(5);
        (missing.raw_exit, missing.unprepared) = (None, true);
        assert_eq!(bench.ends(1, missing), ["tell 1 r1 start/0 #3 5 Done exec=1000"]);
    }
}
