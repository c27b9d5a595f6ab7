// SPDX-License-Identifier: LGPL-2.1-or-later
//! Metrics in the text format of Prometheus. docs/status.md lists them.
use crate::driver::status::Document;
use std::collections::BTreeSet;
use std::fmt::{Display, Write as _};

/// One metric: its name, kind and help, and its samples.
struct Family {
    name: &'static str,
    text: String,
    /// Two samples must not have the same labels, whatever names were shortened to.
    seen: BTreeSet<String>,
}

impl Family {
    fn new(name: &'static str, kind: &str, help: &str) -> Self {
        let text = format!("# HELP pcmk_remote_{name} {help}\n# TYPE pcmk_remote_{name} {kind}\n");
        Self { name, text, seen: BTreeSet::new() }
    }

    fn sample(&mut self, labels: &[(&str, &str)], value: impl Display) {
        let labels: Vec<_> =
            labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect();
        let labels = labels.join(",");
        let _ = writeln!(self.text, "pcmk_remote_{}{{{labels}}} {value}", self.name);
        if !self.seen.insert(labels) {
            let end = self.text.trim_end().rfind('\n').map_or(0, |end| end + 1);
            self.text.truncate(end);
        }
    }
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// The metrics of all these daemons.
pub(super) fn write(documents: &[Document]) -> String {
    let mut text = String::new();
    for family in of_daemon(documents).into_iter().chain(counters(documents)).chain(of_resources(documents)) {
        text.push_str(&family.text);
    }
    text
}

fn seconds(ms: u64) -> f64 {
    std::time::Duration::from_millis(ms).as_secs_f64()
}

fn of_daemon(documents: &[Document]) -> Vec<Family> {
    let gauge = |name, help| Family::new(name, "gauge", help);
    let mut info = gauge("info", "A daemon that serves; its release.");
    let mut started = gauge("start_time_seconds", "When the daemon began to serve, in seconds since 1970.");
    let mut leaving = gauge("shutting_down", "1 while the daemon is on its way out.");
    let mut clients = gauge("clients", "Clients of the executor, by kind.");
    let mut proxied = gauge("proxied_clients", "Local clients whose messages a provider carries.");
    let mut resources = gauge("resources", "Registered resources.");
    let mut operations = gauge("operations", "Operations that are queued, in flight or recur.");
    let mut in_flight = gauge("operations_in_flight", "Operations whose agent runs.");
    let mut alerts = gauge("alerts_in_flight", "Alerts whose agent runs.");
    let mut memory = gauge("parameter_bytes", "Bytes that names and parameters hold.");
    let mut keys = gauge("keys", "Pre-shared keys that are accepted.");
    let mut expiry = gauge(
        "certificate_expiry_seconds",
        "Until when the daemon's certificate is valid, in seconds since 1970.",
    );
    for Document { overview, clients: list, .. } in documents {
        let daemon = ("daemon", overview.daemon.name.as_str());
        info.sample(&[daemon, ("release", &overview.daemon.release)], 1);
        started.sample(&[daemon], overview.daemon.started);
        leaving.sample(&[daemon], u8::from(overview.daemon.shutting_down));
        for kind in ["remote", "local", "unprivileged"] {
            clients
                .sample(&[daemon, ("kind", kind)], list.iter().filter(|client| client.kind == kind).count());
        }
        proxied.sample(&[daemon], overview.counts.proxied);
        resources.sample(&[daemon], overview.counts.resources);
        operations.sample(&[daemon], overview.counts.operations);
        in_flight.sample(&[daemon], overview.counts.in_flight);
        alerts.sample(&[daemon], overview.counts.alerts);
        memory.sample(&[daemon], overview.counts.parameter_bytes);
        if let Some(credential) = &overview.credential {
            keys.sample(&[daemon], credential.keys);
            if let Some(end) = credential.not_after {
                expiry.sample(&[daemon], end);
            }
        }
    }
    vec![
        info, started, leaving, clients, proxied, resources, operations, in_flight, alerts, memory, keys,
        expiry,
    ]
}

fn counters(documents: &[Document]) -> Vec<Family> {
    let counter = |name, help| Family::new(name, "counter", help);
    let mut results =
        counter("results_total", "Results of operations since the start, by status and exit code.");
    let mut refusals = counter("requests_refused_total", "Refused requests since the start, by reason.");
    let mut accepted = counter("connections_accepted_total", "Remote connections that were authenticated.");
    let mut refused = counter("connections_refused_total", "Remote connections that were not, by reason.");
    for Document { overview, .. } in documents {
        let daemon = ("daemon", overview.daemon.name.as_str());
        for row in &overview.results {
            let exit = row.exit.to_string();
            results.sample(&[daemon, ("status", &row.status), ("exit", &exit)], row.count);
        }
        for row in &overview.refusals {
            refusals.sample(&[daemon, ("reason", &row.reason)], row.count);
        }
        if let Some(handshakes) = &overview.handshakes {
            accepted.sample(&[daemon], handshakes.accepted);
            for row in &handshakes.refused {
                refused.sample(&[daemon, ("reason", &row.reason)], row.count);
            }
        }
    }
    vec![results, refusals, accepted, refused]
}

fn of_resources(documents: &[Document]) -> Vec<Family> {
    let gauge = |name, help| Family::new(name, "gauge", help);
    let mut exit = gauge("resource_last_exit_code", "Exit code of the latest result of a resource.");
    let mut ended = gauge("resource_last_result_seconds", "When that was, in seconds since 1970.");
    let mut running = gauge("operation_running_seconds", "For how long an operation has been in flight.");
    let mut lateness = gauge(
        "operation_lateness_seconds",
        "How much later than due the latest run of a recurring operation began.",
    );
    let mut last_exit =
        gauge("operation_last_exit_code", "Exit code of the latest run of a recurring operation.");
    for Document { overview, resources, .. } in documents {
        let daemon = ("daemon", overview.daemon.name.as_str());
        for resource in resources {
            let labels = [daemon, ("resource", resource.id.as_str()), ("agent", resource.agent.as_str())];
            if let Some(last) = &resource.last {
                exit.sample(&labels, last.exit);
                ended.sample(&labels, last.ended);
            }
            for operation in &resource.operations {
                let interval = operation.interval_ms.to_string();
                let [daemon, resource, _] = labels;
                let labels =
                    [daemon, resource, ("action", operation.action.as_str()), ("interval_ms", &interval)];
                if operation.state == "running" {
                    running.sample(&labels, seconds(operation.since_ms.unwrap_or(0)));
                }
                if operation.interval_ms == 0 {
                    continue;
                }
                if let Some(late) = operation.lateness_ms {
                    lateness.sample(&labels, seconds(late));
                }
                if let Some(code) = operation.exit {
                    last_exit.sample(&labels, code);
                }
            }
        }
    }
    vec![exit, ended, running, lateness, last_exit]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::driver::status::{Latest, Resource};

    #[test]
    fn labels_are_escaped_and_no_sample_comes_twice() {
        let resource = |exit: i32| Resource {
            id: "a\"\\\nb".into(),
            last: Some(Latest { exit, ..Latest::default() }),
            ..Resource::default()
        };
        let text = write(&[Document { resources: vec![resource(1), resource(2)], ..Document::default() }]);
        let lines: Vec<_> = text.lines().filter(|line| line.contains("last_exit_code{")).collect();
        let expected = r#"pcmk_remote_resource_last_exit_code{daemon="",resource="a\"\\\nb",agent=""} 1"#;
        assert_eq!(lines, [expected]);
    }
}
