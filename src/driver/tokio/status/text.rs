// SPDX-License-Identifier: LGPL-2.1-or-later
//! From what was looked at to what the document says. Names that are very long are shortened.
use super::config::StatusConfig;
use super::observed::{Observed, Readers};
use crate::core::{ClientKind, ClientView, LatestResult, OperationView, ResourceView, Stage, Summary};
use crate::driver::status::{
    Client, Count, Daemon, Latest, Operation, Overview, Refusal, Resource, Result, VERSION,
};
use crate::driver::tokio::connection::RemoteConnection;
use crate::model::{ExecStatus, Moment, Now};

/// Bytes of a name.
const LONGEST: usize = 256;

fn shown(text: &str) -> String {
    if text.len() <= LONGEST {
        return text.to_owned();
    }
    let end = (0..=LONGEST).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    format!("{}...", text.get(..end).unwrap_or_default())
}

const fn status(status: ExecStatus) -> &'static str {
    match status {
        ExecStatus::Unknown => "unknown",
        ExecStatus::Pending => "pending",
        ExecStatus::Done => "done",
        ExecStatus::Cancelled => "cancelled",
        ExecStatus::Timeout => "timeout",
        ExecStatus::NotSupported => "not-supported",
        ExecStatus::Error => "error",
        ExecStatus::HardError => "hard-error",
        ExecStatus::FatalError => "fatal-error",
        ExecStatus::NotInstalled => "not-installed",
        ExecStatus::NotConnected => "not-connected",
        ExecStatus::Invalid => "invalid",
        ExecStatus::NoFenceDevice => "no-fence-device",
        ExecStatus::NoSecrets => "no-secrets",
    }
}

pub(super) fn overview(
    config: &StatusConfig,
    observed: &Observed,
    readers: Readers,
    summary: Summary,
    now: Now,
) -> Overview {
    let count = |count: usize| count as u64;
    let credential = observed.credential();
    Overview {
        version: VERSION,
        daemon: Daemon {
            name: config.name.to_owned(),
            release: config.release.to_owned(),
            pid: std::process::id(),
            started: now.epoch_s.saturating_sub(now.mono.since_origin().as_secs()),
            now: now.epoch_s,
            shutting_down: summary.is_shutting_down,
            listening: observed.listening(),
        },
        handshakes: credential.as_ref().map(|_| observed.handshakes()),
        credential,
        counts: Count {
            clients: count(summary.clients),
            proxied: count(summary.proxied),
            resources: count(summary.resources),
            operations: count(summary.operations),
            in_flight: count(summary.in_flight),
            alerts: count(summary.alerts),
            parameter_bytes: count(summary.parameter_bytes),
        },
        results: summary
            .results
            .iter()
            .map(|(kind, exit, count)| Result {
                status: status(*kind).to_owned(),
                exit: exit.0,
                count: *count,
            })
            .collect(),
        refusals: summary
            .refusals
            .iter()
            .map(|(reason, count)| Refusal { reason: (*reason).to_owned(), count: *count })
            .collect(),
        readers,
    }
}

pub(super) fn client(view: &ClientView, connection: Option<&RemoteConnection>) -> Client {
    let kind = match view.kind {
        ClientKind::Remote => "remote",
        ClientKind::Local => "local",
        ClientKind::Unprivileged => "unprivileged",
    };
    Client {
        id: view.client_id.as_str().to_owned(),
        name: view.name.as_deref().map(str::to_owned),
        kind: kind.to_owned(),
        provider: view.is_provider,
        since: view.since.epoch_s,
        address: connection.map(|connection| connection.address().to_string()),
        tls: connection.and_then(|connection| connection.credential().cloned()),
    }
}

pub(super) fn resource(view: &ResourceView, now: Now) -> Resource {
    Resource {
        id: shown(view.id().as_str()),
        agent: shown(&view.agent().to_string()),
        operations: view.operations.iter().map(|view| operation(view, now)).collect(),
        more_operations: view.more_operations as u64,
        last: view.latest.as_ref().map(latest),
    }
}

fn operation(view: &OperationView, now: Now) -> Operation {
    let since = |since: Moment| Some(milliseconds(now.mono, since));
    let due = |due: Moment| {
        let left = i64::try_from(milliseconds(due, now.mono)).unwrap_or(i64::MAX);
        let late = i64::try_from(milliseconds(now.mono, due)).unwrap_or(i64::MAX);
        Some(left - late)
    };
    let (state, since_ms, due_in_ms) = match view.stage {
        Stage::Queued(at) => ("queued", None, due(at)),
        Stage::Blocked(at) => ("blocked", since(at), None),
        Stage::Running(at) => ("running", since(at), None),
        Stage::Resting(at) => ("resting", None, due(at)),
        Stage::Dormant => ("dormant", None, None),
    };
    Operation {
        action: shown(&view.action),
        interval_ms: u64::from(view.interval.0),
        timeout_ms: view.timeout.0,
        call_id: view.call_id.0,
        state: state.to_owned(),
        since_ms,
        due_in_ms,
        lateness_ms: view.lateness.map(|lateness| lateness.0),
        exit: view.last.as_ref().map(|last| last.exit.0),
        status: view.last.as_ref().map(|last| status(last.status).to_owned()),
        ended: view.last.as_ref().map(|last| last.ended_s),
    }
}

fn latest(view: &LatestResult) -> Latest {
    Latest {
        action: shown(&view.action),
        interval_ms: u64::from(view.interval.0),
        call_id: view.call_id.0,
        exit: view.result.exit.0,
        status: status(view.result.status).to_owned(),
        reason: view.reason.as_deref().map(str::to_owned),
        ended: view.result.ended_s,
        lateness_ms: view.lateness.0,
    }
}

/// From `earlier` to `later`; zero if that is the other way round.
fn milliseconds(later: Moment, earlier: Moment) -> u64 {
    u64::try_from(later.since(earlier).as_millis()).unwrap_or(u64::MAX)
}
