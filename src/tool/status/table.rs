// SPDX-License-Identifier: LGPL-2.1-or-later
//! Tables for people.
use crate::driver::status::{
    Client, Credential, Document, Handshakes, Latest, Operation, Overview, Refusal, Resource,
};

/// A row for each thing, under a line of titles.
struct Table(Vec<Vec<String>>);

impl Table {
    fn new(titles: &[&str]) -> Self {
        Self(vec![titles.iter().map(|title| (*title).to_owned()).collect()])
    }

    fn row(&mut self, cells: Vec<String>) {
        self.0.push(cells);
    }

    fn write(&self, text: &mut String) {
        let width = |column: usize| {
            let cells = self.0.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<_> = (0..self.0[0].len()).map(width).collect();
        for row in &self.0 {
            let mut line = String::new();
            for (cell, width) in row.iter().zip(&widths) {
                line += &format!("{cell:width$}  ");
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
    }
}

/// All daemons, one below the other.
pub(super) fn write(documents: &[Document]) -> String {
    let texts: Vec<_> = documents.iter().map(of_daemon).collect();
    texts.join("\n")
}

fn of_daemon(document: &Document) -> String {
    let mut text = head(&document.overview);
    let now = document.overview.daemon.now;
    if !document.clients.is_empty() {
        text.push('\n');
        clients(&document.clients, now).write(&mut text);
    }
    if !document.resources.is_empty() {
        text.push('\n');
        resources(&document.resources, now).write(&mut text);
    }
    text
}

fn head(overview: &Overview) -> String {
    let Overview { daemon, counts, .. } = overview;
    let state = if daemon.shutting_down { "shutting down, " } else { "" };
    let mut text = format!(
        "{} {}, {state}process {}, serving for {}",
        plain(&daemon.name),
        plain(&daemon.release),
        daemon.pid,
        span(daemon.now.saturating_sub(daemon.started))
    );
    if !daemon.listening.is_empty() {
        text += &format!(", on {}", plain(&daemon.listening.join(", ")));
    }
    text.push('\n');
    if let Some(credential) = &overview.credential {
        text += &format!("Credential: {}\n", own(credential, daemon.now));
    }
    text += &format!(
        "Clients: {}, and {} proxied; resources: {}; operations: {}, {} in flight; alerts in flight: {}\n",
        counts.clients, counts.proxied, counts.resources, counts.operations, counts.in_flight, counts.alerts
    );
    let results = overview.results.iter().map(|row| format!("{} {}: {}", row.status, row.exit, row.count));
    text += &line("Results (status, exit code)", results.collect());
    text += &line("Requests refused", refusals(&overview.refusals));
    if let Some(Handshakes { accepted, refused }) = &overview.handshakes {
        text += &format!("Remote connections accepted: {accepted}\n");
        text += &line("Remote connections refused", refusals(refused));
    }
    text
}

/// Nothing of what is empty.
fn line(what: &str, parts: Vec<String>) -> String {
    if parts.is_empty() { String::new() } else { format!("{what}: {}\n", plain(&parts.join(", "))) }
}

fn refusals(rows: &[Refusal]) -> Vec<String> {
    rows.iter().map(|row| format!("{}: {}", row.reason, row.count)).collect()
}

fn own(credential: &Credential, now: u64) -> String {
    let keys = match credential.keys {
        0 => None,
        1 => Some("a pre-shared key".to_owned()),
        keys => Some(format!("{keys} pre-shared keys")),
    };
    let certificate = credential
        .subject
        .as_ref()
        .map(|subject| format!("certificate of {}{}", plain(subject), until(credential.not_after, now)));
    let parts: Vec<_> = certificate.into_iter().chain(keys).collect();
    if parts.is_empty() { "none: remote connections fail".to_owned() } else { parts.join(", and ") }
}

fn until(not_after: Option<i64>, now: u64) -> String {
    let Some(end) = not_after else { return String::new() };
    match u64::try_from(end).unwrap_or(0).checked_sub(now) {
        Some(left) => format!(", valid for another {}", span(left)),
        None => ", expired".to_owned(),
    }
}

fn clients(clients: &[Client], now: u64) -> Table {
    let mut table = Table::new(&["CLIENT", "KIND", "FOR", "ADDRESS", "CREDENTIAL", "TLS"]);
    for client in clients {
        let kind = if client.provider { format!("{}, provider", client.kind) } else { client.kind.clone() };
        let (credential, tls) = client.tls.as_ref().map_or_else(
            || (String::new(), String::new()),
            |tls| {
                let credential = tls.subject.as_ref().map_or_else(
                    || tls.credential.clone(),
                    |subject| format!("{subject}{}", until(tls.not_after, now)),
                );
                (credential, format!("{}, {}", tls.version, tls.cipher))
            },
        );
        table.row(vec![
            plain(client.name.as_deref().unwrap_or(&client.id)),
            plain(&kind),
            span(now.saturating_sub(client.since)),
            plain(client.address.as_deref().unwrap_or_default()),
            plain(&credential),
            plain(&tls),
        ]);
    }
    table
}

fn resources(resources: &[Resource], now: u64) -> Table {
    let mut table =
        Table::new(&["RESOURCE", "AGENT", "OPERATION", "CALL", "STATE", "RESULT", "ENDED", "LATE"]);
    for resource in resources {
        let mut names = vec![plain(&resource.id), plain(&resource.agent)];
        let is_shown = |last: &Latest| resource.operations.iter().any(|one| one.call_id == last.call_id);
        let last = resource.last.as_ref();
        for operation in &resource.operations {
            let reason =
                last.filter(|last| last.call_id == operation.call_id).and_then(|last| last.reason.as_deref());
            names.extend(of_operation(operation, reason, now));
            table.row(std::mem::replace(&mut names, vec![String::new(), String::new()]));
        }
        if let Some(last) = last.filter(|last| !is_shown(last)) {
            names.extend(of_last(last, now));
            table.row(names);
        } else if resource.operations.is_empty() {
            table.row(names);
        }
        if resource.more_operations > 0 {
            let more = format!("and {} more", resource.more_operations);
            table.row(vec![String::new(), String::new(), more]);
        }
    }
    table
}

fn of_operation(operation: &Operation, reason: Option<&str>, now: u64) -> Vec<String> {
    let ms = |ms: u64| span_ms(ms);
    let state = match (operation.since_ms, operation.due_in_ms) {
        (Some(since), _) => format!("{} for {}", operation.state, ms(since)),
        (None, Some(due)) if due >= 0 => format!("{}, due in {}", operation.state, ms(due.unsigned_abs())),
        (None, Some(due)) => format!("{}, due for {}", operation.state, ms(due.unsigned_abs())),
        (None, None) => operation.state.clone(),
    };
    let result = match (&operation.status, operation.exit) {
        (Some(status), Some(exit)) => result(status, exit, reason),
        _ => String::new(),
    };
    vec![
        name(&operation.action, operation.interval_ms),
        operation.call_id.to_string(),
        plain(&state),
        result,
        operation.ended.map(|ended| ago(ended, now)).unwrap_or_default(),
        operation.lateness_ms.map(ms).unwrap_or_default(),
    ]
}

/// Of an operation that is over.
fn of_last(last: &Latest, now: u64) -> Vec<String> {
    vec![
        name(&last.action, last.interval_ms),
        last.call_id.to_string(),
        "over".to_owned(),
        result(&last.status, last.exit, last.reason.as_deref()),
        ago(last.ended, now),
        span_ms(last.lateness_ms),
    ]
}

fn name(action: &str, interval_ms: u64) -> String {
    if interval_ms == 0 { plain(action) } else { format!("{} each {}", plain(action), span_ms(interval_ms)) }
}

fn result(status: &str, exit: i32, reason: Option<&str>) -> String {
    let reason = reason.map(|reason| format!(" ({})", plain(reason))).unwrap_or_default();
    format!("{} {exit}{reason}", plain(status))
}

fn ago(moment: u64, now: u64) -> String {
    format!("{} ago", span(now.saturating_sub(moment)))
}

fn span_ms(ms: u64) -> String {
    match ms {
        0..10_000 if !ms.is_multiple_of(1000) => format!("{ms} ms"),
        _ => span(ms / 1000),
    }
}

/// In the two greatest units.
fn span(seconds: u64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, minutes) => format!("{minutes} min {} s", seconds % 60),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}

/// What others chose must not command the terminal.
fn plain(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_told_in_two_units() {
        let told = [0, 59, 61, 3_700, 90_000].map(span);
        assert_eq!(told, ["0 s", "59 s", "1 min 1 s", "1 h 1 min", "1 d 1 h"]);
        assert_eq!([500, 1_500, 2_000, 60_000].map(span_ms), ["500 ms", "1500 ms", "2 s", "1 min 0 s"]);
    }

    #[test]
    fn what_peers_say_does_not_command_the_terminal() {
        let client = Client { name: Some("a\u{1b}[2Jb\nc".into()), ..Client::default() };
        let document = Document { clients: vec![client], ..Document::default() };
        let text = write(&[document]);
        assert!(text.contains("a [2Jb c") && !text.contains('\u{1b}'), "{text}");
    }
}
