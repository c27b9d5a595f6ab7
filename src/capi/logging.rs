// SPDX-License-Identifier: LGPL-2.1-or-later
//! Our lines in the caller's log: Pacemaker's programs log through libqb, and so do we when the program has set it up.
//! Nothing is said otherwise, and nothing by us when the program has a logger for Rust's own `log`.

use std::cell::Cell;
use std::ffi::CString;
use std::sync::Once;

use log::{LevelFilter, Log, Metadata, Record};

use crate::driver::severity::Severity;
use crate::sys::qb::log::{Origin, is_wanted, write};

/// Of Pacemaker: below syslog's debug.
const TRACE: u8 = 8;

/// Takes care of our lines from now on, unless somebody does already.
pub(super) fn install() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        if log::set_logger(&Sink).is_ok() {
            log::set_max_level(LevelFilter::Trace);
        }
    });
}

struct Sink;

thread_local! {
    /// A log target of C may call us.
    static BUSY: Cell<bool> = const { Cell::new(false) };
}

const fn priority(severity: Severity) -> u8 {
    match severity {
        Severity::Trace => TRACE,
        other => other.syslog_code(),
    }
}

/// The last part of a path: `src/driver/client/remote.rs` is `remote.rs`, and so on.
fn last_part(path: &str, separator: char) -> CString {
    let part = path.rsplit(separator).next().unwrap_or(path);
    CString::new(part).unwrap_or_default()
}

impl Log for Sink {
    /// Only the place tells whether a line is wanted.
    fn enabled(&self, _metadata: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        if BUSY.replace(true) {
            return;
        }
        let file = last_part(record.file().unwrap_or("pcmk-remote-rs"), '/');
        let function = last_part(record.module_path().unwrap_or("pcmk_remote_rs"), ':');
        let origin = Origin { function: &function, file: &file, line: record.line().unwrap_or_default() };
        let priority = priority(Severity::of(record.metadata()));
        if is_wanted(origin, priority) {
            write(origin, priority, &record.args().to_string());
        }
        BUSY.set(false);
    }

    fn flush(&self) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn severities_are_syslogs_and_pacemakers() {
        let all = [
            (Severity::Emergency, 0),
            (Severity::Critical, 2),
            (Severity::Error, 3),
            (Severity::Warning, 4),
            (Severity::Notice, 5),
            (Severity::Info, 6),
            (Severity::Debug, 7),
            (Severity::Trace, 8),
        ];
        for (severity, number) in all {
            assert_eq!(priority(severity), number);
        }
    }

    #[test]
    fn places_have_short_names() {
        assert_eq!(last_part("src/driver/client/remote.rs", '/').as_c_str(), c"remote.rs");
        assert_eq!(last_part("pcmk_remote_rs::driver::client", ':').as_c_str(), c"client");
    }
}
