// SPDX-License-Identifier: LGPL-2.1-or-later
//! What is logged and where, as configured.
use crate::daemon::cli::{CommandLine, Program};
use crate::daemon::config::reader::Reader;
use crate::driver::severity::Severity;
use crate::model::options::{self, enabled_for};
use crate::model::site::LOG_FILE;
use std::path::PathBuf;

const DEFAULT_MODE: u32 = 0o660;

/// A syslog facility.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facility(u8);

/// Logging, as configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogSettings {
    /// Syslog's facility; `None`: no syslog.
    pub facility: Option<Facility>,
    /// Least urgent severity that goes to syslog.
    pub syslog_threshold: Severity,
    /// Log files; empty: none.
    pub files: Vec<PathBuf>,
    /// Their permission bits.
    pub file_mode: u32,
    /// Least urgent severity that goes to files and standard error.
    pub detail: Severity,
    /// Log to standard error too?
    pub stderr: bool,
    /// Modules whose trace lines are wanted: parts of their paths.
    pub traced: Vec<String>,
}

impl Facility {
    /// The number in syslog's protocol.
    pub const fn code(self) -> u8 {
        self.0
    }

    fn from_name(name: &str) -> Option<Self> {
        const NAMES: [&str; 12] = [
            "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv",
            "ftp",
        ];
        let name = name.to_ascii_lowercase();
        if let Some(number) = name.strip_prefix("local") {
            return number.parse().ok().filter(|number| *number < 8).map(|number: u8| Self(16 + number));
        }
        let code = NAMES.iter().position(|known| *known == name)?;
        u8::try_from(code).ok().map(Self)
    }
}

impl LogSettings {
    pub(in crate::daemon) fn read(
        program: Program,
        command_line: &CommandLine,
        reader: &mut Reader<'_>,
    ) -> Self {
        let traced: Vec<_> = [&options::TRACE_FUNCTIONS, &options::TRACE_FILES]
            .into_iter()
            .filter_map(|option| reader.text(option))
            .flat_map(|list| list.split(',').map(traced_module).collect::<Vec<_>>())
            .filter(|module| !module.is_empty())
            .collect();
        let enabled = |option| reader.text(option).is_some_and(|text| enabled_for(&text, program.name()));
        let detail = match command_line.verbose {
            0 if !enabled(&options::DEBUG) => Severity::Info,
            0 | 1 => Severity::Debug,
            _ => Severity::Trace,
        };
        let stderr = !command_line.quiet && (command_line.verbose > 0 || enabled(&options::STDERR));
        Self {
            facility: facility(reader),
            syslog_threshold: reader
                .parsed(&options::LOG_PRIORITY, "notice", Severity::from_name)
                .unwrap_or(Severity::Notice),
            files: files(command_line, reader),
            file_mode: reader
                .parsed(&options::LOG_FILE_MODE, "0660", |text| {
                    u32::from_str_radix(text, 8).ok().filter(|mode| *mode <= 0o777)
                })
                .unwrap_or(DEFAULT_MODE),
            detail,
            stderr,
            traced,
        }
    }
}

/// `core/server.rs` as a module path has it. Upstream's file names match nothing here.
fn traced_module(name: &str) -> String {
    name.trim().trim_end_matches(".rs").replace('/', "::")
}

fn facility(reader: &mut Reader<'_>) -> Option<Facility> {
    let daemon = Facility::from_name("daemon");
    let off = |text: &str| text.eq_ignore_ascii_case("none") || text == "/dev/null";
    if reader.text(&options::LOG_FACILITY).is_some_and(|text| off(&text)) {
        return None;
    }
    reader.parsed(&options::LOG_FACILITY, "daemon", Facility::from_name).or(daemon)
}

fn files(command_line: &CommandLine, reader: &Reader<'_>) -> Vec<PathBuf> {
    let configured = reader.path(&options::LOG_FILE).unwrap_or(LOG_FILE.into());
    let mut files = Vec::new();
    if !configured.as_os_str().eq_ignore_ascii_case("none") {
        files.push(configured);
    }
    for file in &command_line.log_files {
        if !files.contains(file) {
            files.push(file.clone());
        }
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)], command_line: &CommandLine) -> LogSettings {
        let environment = pairs.iter().copied().collect();
        LogSettings::read(Program::Remoted, command_line, &mut Reader::new(&environment))
    }

    #[test]
    fn defaults() {
        let settings = read(&[], &CommandLine::default());
        assert_eq!(settings.facility.map(Facility::code), Some(3));
        assert_eq!(settings.syslog_threshold, Severity::Notice);
        assert_eq!(settings.files, [PathBuf::from(LOG_FILE)]);
        assert_eq!((settings.file_mode, settings.detail, settings.stderr), (0o660, Severity::Info, false));
    }

    #[test]
    fn everything_off_or_changed() {
        let pairs = [
            ("PCMK_logfacility", "none"),
            ("PCMK_logpriority", "crit"),
            ("HA_logfile", "None"),
            ("PCMK_logfile_mode", "0640"),
            ("PCMK_debug", "pacemaker-remoted"),
            ("PCMK_stderr", "yes"),
            ("PCMK_trace_files", "core/server.rs, wire"),
        ];
        let settings = read(&pairs, &CommandLine::default());
        assert_eq!(settings.facility, None);
        assert_eq!(settings.syslog_threshold, Severity::Critical);
        assert!(settings.files.is_empty(), "{:?}", settings.files);
        assert_eq!((settings.file_mode, settings.detail, settings.stderr), (0o640, Severity::Debug, true));
        assert_eq!(settings.traced, ["core::server", "wire"]);
        let quiet = CommandLine { quiet: true, ..CommandLine::default() };
        assert!(!read(&pairs, &quiet).stderr);
    }

    #[test]
    fn command_line_adds() {
        let command_line =
            CommandLine { verbose: 2, log_files: vec!["/x".into(), "/x".into()], ..CommandLine::default() };
        let settings = read(&[], &command_line);
        assert_eq!((settings.detail, settings.stderr), (Severity::Trace, true));
        assert_eq!(settings.files, [PathBuf::from(LOG_FILE), "/x".into()]);
    }

    #[test]
    fn facilities() {
        let code = |name| Facility::from_name(name).map(Facility::code);
        assert_eq!((code("LOCAL7"), code("authpriv"), code("user")), (Some(23), Some(10), Some(1)));
        assert_eq!((code("local8"), code("local"), code("disk")), (None, None, None));
    }
}
