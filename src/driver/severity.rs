// SPDX-License-Identifier: LGPL-2.1-or-later
//! How urgent a log line is, in syslog's eight grades, through the `log` crate that knows only five.
//!
//! The grades that `log` lacks travel in the target: `notice` is an info record whose target ends in
//! `!notice`, `critical` and `emergency` are error records marked likewise. Any other logger sees sensible
//! levels; ours reads the mark. Use [`crate::log_notice!`], [`crate::log_critical!`] and
//! [`crate::log_emergency!`] beside `log::error!`, `warn!`, `info!`, `debug!` and `trace!`.
use crate::core::LogLevel;

/// How urgent, most urgent first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The daemon stops, or the node is in danger.
    Emergency,
    /// A defect or a broken rule that needs a person.
    Critical,
    /// Something did not work.
    Error,
    /// Something may not work.
    Warning,
    /// Normal, and worth the system log.
    Notice,
    /// Normal, for the detail log.
    Info,
    /// For finding faults.
    Debug,
    /// Everything.
    Trace,
}

impl Severity {
    /// What a record means, its mark included.
    pub fn of(metadata: &log::Metadata<'_>) -> Self {
        let mark = metadata.target().rsplit_once('!').map(|(_, mark)| mark);
        match (metadata.level(), mark) {
            (log::Level::Error, Some("emergency")) => Self::Emergency,
            (log::Level::Error, Some("critical")) => Self::Critical,
            (log::Level::Error, _) => Self::Error,
            (log::Level::Warn, _) => Self::Warning,
            (log::Level::Info, Some("notice")) => Self::Notice,
            (log::Level::Info, _) => Self::Info,
            (log::Level::Debug, _) => Self::Debug,
            (log::Level::Trace, _) => Self::Trace,
        }
    }

    /// The word in log lines.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Emergency => "emerg",
            Self::Critical => "crit",
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Notice => "notice",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }

    /// The word as configuration may write it.
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name.to_ascii_lowercase().as_str() {
            "emerg" | "emergency" => Self::Emergency,
            // Nothing here is an alert in syslog's sense; this threshold lets the same lines pass.
            "alert" => Self::Emergency,
            "crit" | "critical" => Self::Critical,
            "err" | "error" => Self::Error,
            "warn" | "warning" => Self::Warning,
            "notice" => Self::Notice,
            "info" => Self::Info,
            "debug" => Self::Debug,
            "trace" => Self::Trace,
            _ => return None,
        })
    }

    /// The number in syslog's protocol.
    pub const fn syslog_code(self) -> u8 {
        match self {
            Self::Emergency => 0,
            Self::Critical => 2,
            Self::Error => 3,
            Self::Warning => 4,
            Self::Notice => 5,
            Self::Info => 6,
            Self::Debug | Self::Trace => 7,
        }
    }

    /// The `log` filter that lets this severity pass.
    pub const fn filter(self) -> log::LevelFilter {
        match self {
            Self::Emergency | Self::Critical | Self::Error => log::LevelFilter::Error,
            Self::Warning => log::LevelFilter::Warn,
            Self::Notice | Self::Info => log::LevelFilter::Info,
            Self::Debug => log::LevelFilter::Debug,
            Self::Trace => log::LevelFilter::Trace,
        }
    }
}

impl From<LogLevel> for Severity {
    fn from(level: LogLevel) -> Self {
        match level {
            LogLevel::Error => Self::Error,
            LogLevel::Warning => Self::Warning,
            LogLevel::Notice => Self::Notice,
            LogLevel::Info => Self::Info,
            LogLevel::Debug => Self::Debug,
        }
    }
}

/// Logs a line that the core composed (`Effect::Log`), under the core's name.
pub fn log_effect(level: LogLevel, text: &str) {
    const CORE: &str = concat!(env!("CARGO_CRATE_NAME"), "::core");
    const CORE_NOTICE: &str = concat!(env!("CARGO_CRATE_NAME"), "::core!notice");
    match level {
        LogLevel::Error => log::error!(target: CORE, "{text}"),
        LogLevel::Warning => log::warn!(target: CORE, "{text}"),
        LogLevel::Notice => log::info!(target: CORE_NOTICE, "{text}"),
        LogLevel::Info => log::info!(target: CORE, "{text}"),
        LogLevel::Debug => log::debug!(target: CORE, "{text}"),
    }
}

/// Logs at severity notice: normal, and worth the system log.
#[macro_export]
#[doc(hidden)]
macro_rules! log_notice {
    ($($argument:tt)+) => { ::log::info!(target: concat!(module_path!(), "!notice"), $($argument)+) };
}

/// Logs at severity critical: a defect or a broken rule that needs a person.
#[macro_export]
#[doc(hidden)]
macro_rules! log_critical {
    ($($argument:tt)+) => { ::log::error!(target: concat!(module_path!(), "!critical"), $($argument)+) };
}

/// Logs at severity emergency: the daemon stops, or the node is in danger.
#[macro_export]
#[doc(hidden)]
macro_rules! log_emergency {
    ($($argument:tt)+) => { ::log::error!(target: concat!(module_path!(), "!emergency"), $($argument)+) };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(level: log::Level, target: &str) -> Severity {
        Severity::of(&log::Metadata::builder().level(level).target(target).build())
    }

    #[test]
    fn marks_add_the_missing_grades() {
        assert_eq!(of(log::Level::Info, "a::b!notice"), Severity::Notice);
        assert_eq!(of(log::Level::Info, "a::b"), Severity::Info);
        assert_eq!(of(log::Level::Error, "a!critical"), Severity::Critical);
        assert_eq!(of(log::Level::Error, "a!emergency"), Severity::Emergency);
        assert_eq!(of(log::Level::Error, "a"), Severity::Error);
    }

    #[test]
    fn a_mark_of_another_level_means_nothing() {
        assert_eq!(of(log::Level::Debug, "a!critical"), Severity::Debug);
    }

    #[test]
    fn names_are_read_as_written() {
        for severity in [Severity::Emergency, Severity::Critical, Severity::Error, Severity::Warning] {
            assert_eq!(Severity::from_name(severity.name()), Some(severity));
        }
        assert_eq!(Severity::from_name("Crit"), Some(Severity::Critical));
        assert_eq!(Severity::from_name("loud"), None);
    }
}
