// SPDX-License-Identifier: LGPL-2.1-or-later
//! What the core says for the log goes out as [`super::Effect::Log`]; a driver maps the level to its log's own.

/// How urgent a line in the log is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "the names are syslog's own")]
pub enum LogLevel {
    Error,
    Warning,
    Notice,
    Info,
    Debug,
}
