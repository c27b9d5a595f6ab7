// SPDX-License-Identifier: LGPL-2.1-or-later
//! One line of the log, and how each sink writes it.
use crate::driver::severity::Severity;
use crate::sys::localtime::local_time;
use std::fmt::{self, Write as _};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Longer messages are cut, and say so.
const LONGEST: usize = 8192;
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Who logs.
#[derive(Clone, Debug)]
pub(super) struct Origin {
    pub(super) host: String,
    pub(super) program: &'static str,
    pub(super) pid: u32,
}

/// What is logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) time: SystemTime,
    pub(super) severity: Severity,
    /// The module that knows.
    pub(super) module: String,
    /// Printable throughout.
    pub(super) text: String,
}

impl Line {
    /// For the detail log: one line with everything.
    pub(super) fn for_file(&self, origin: &Origin) -> String {
        let Origin { host, program, pid } = origin;
        let Self { severity, module, text, .. } = self;
        let (stamp, millis) = self.stamp();
        let severity = severity.name();
        format!("{stamp}.{millis:03} {host} {program:<20}[{pid}] ({module})\t{severity}: {text}\n")
    }

    /// For syslog, as syslog(3) sends it.
    pub(super) fn for_syslog(&self, origin: &Origin, facility: u8) -> String {
        let Origin { program, pid, .. } = origin;
        let priority = u32::from(facility) * 8 + u32::from(self.severity.syslog_code());
        let (stamp, _) = self.stamp();
        format!("<{priority}>{stamp} {program}[{pid}]: {}: {}", self.severity.name(), self.text)
    }

    /// For a person at a terminal or a container's log, where time and host are known.
    pub(super) fn for_stderr(&self) -> String {
        format!("{}: {}\n", self.severity.name(), self.text)
    }

    fn stamp(&self) -> (String, u32) {
        let since_epoch = self.time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        let local = i64::try_from(since_epoch.as_secs()).ok().and_then(local_time);
        let stamp = local.map_or_else(
            || "Jan  1 00:00:00".to_owned(),
            |t| {
                let month = MONTHS.get(t.month).unwrap_or(&"???");
                format!("{month} {:2} {:02}:{:02}:{:02}", t.day, t.hour, t.minute, t.second)
            },
        );
        (stamp, since_epoch.subsec_millis())
    }
}

/// `message` with control characters escaped, so that nothing a peer or an agent sends can pass for a line of
/// its own or talk to a terminal.
pub(super) fn printable(message: fmt::Arguments<'_>) -> String {
    let mut text = Escaping { text: String::new(), cut: 0 };
    // Only a failing Display implementation can fail here; what it wrote until then is worth keeping.
    let _ = text.write_fmt(message);
    if text.cut > 0 {
        let _ = write!(text.text, "... ({} bytes cut)", text.cut);
    }
    text.text
}

struct Escaping {
    text: String,
    cut: usize,
}

impl fmt::Write for Escaping {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        for c in part.chars() {
            if self.cut > 0 || self.text.len() >= LONGEST {
                self.cut += c.len_utf8();
                continue;
            }
            match c {
                '\t' | '\n' | '\r' => self.text.extend(c.escape_default()),
                // Line and paragraph separators and the marks that turn the writing direction.
                c if c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}') => {
                    self.text.extend(c.escape_unicode());
                }
                c => self.text.push(c),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Line {
        Line {
            time: UNIX_EPOCH + Duration::from_millis(1_705_320_000_042),
            severity: Severity::Notice,
            module: "core::server".into(),
            text: text.into(),
        }
    }

    fn origin() -> Origin {
        Origin { host: "node1".into(), program: "pacemaker-remoted", pid: 42 }
    }

    #[test]
    fn formats() {
        let file = line("hello").for_file(&origin());
        let (stamp, rest) = file.split_at(19);
        // Which hour depends on the zone, not the rest.
        assert!(stamp.starts_with("Jan 15 ") || stamp.starts_with("Jan 16 "), "{stamp}");
        assert!(stamp.ends_with(".042"), "{stamp}");
        assert_eq!(rest, " node1 pacemaker-remoted   [42] (core::server)\tnotice: hello\n");
        let syslog = line("hello").for_syslog(&origin(), 3);
        assert!(syslog.starts_with("<29>Jan 1"), "{syslog}");
        assert!(syslog.ends_with(" pacemaker-remoted[42]: notice: hello"), "{syslog}");
        assert_eq!(line("hello").for_stderr(), "notice: hello\n");
    }

    #[test]
    fn control_characters_cannot_forge_lines() {
        let evil = "a\nJan 15 node1 b\u{1b}[2J\u{7f}\u{85}\u{2028}\u{202e}ü";
        let text = printable(format_args!("got {evil}"));
        assert!(!text.chars().any(char::is_control), "{text:?}");
        assert_eq!(text, r"got a\nJan 15 node1 b\u{1b}[2J\u{7f}\u{85}\u{2028}\u{202e}ü");
    }

    #[test]
    fn long_messages_are_cut_and_say_so() {
        let text = printable(format_args!("{}", "x".repeat(LONGEST + 100)));
        assert!(text.ends_with("x... (100 bytes cut)"), "{}", &text[LONGEST..]);
    }
}
