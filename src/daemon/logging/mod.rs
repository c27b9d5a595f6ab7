// SPDX-License-Identifier: LGPL-2.1-or-later
//! The daemons' log: system log, log files and standard error behind the `log` crate's macros and those of
//! [`crate::driver::severity`]. No sink ever makes its caller wait.
mod file;
mod line;
mod repeats;
pub mod settings;
mod stderr;
mod syslog;
mod writer;

use super::cli::Program;
use crate::driver::severity::Severity;
use crate::model::site::{CLUSTER_GROUP, CLUSTER_USER};
use file::{LogFile, Owner};
use line::{Line, Origin};
use repeats::{Repeats, Verdict};
use settings::LogSettings;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// How long an ending daemon waits for its last lines to reach the files.
const FLUSH_LIMIT: Duration = Duration::from_secs(2);
const OUR_MODULES: &str = concat!(env!("CARGO_CRATE_NAME"), "::");

/// The running log.
#[derive(Clone)]
pub struct LogHandle(Arc<Shared>);

struct Shared {
    settings: LogSettings,
    origin: Origin,
    direct: Mutex<Direct>,
    queue: writer::Queue,
}

/// The sinks that are written to at once.
struct Direct {
    repeats: Repeats,
    syslog: Option<syslog::Syslog>,
    stderr: Option<stderr::Stderr>,
}

/// Starts logging for this process. To be called once, after PID 1 mode has forked.
pub fn start(program: Program, settings: LogSettings) -> io::Result<LogHandle> {
    let level = settings.most_detailed().filter();
    let stderr = settings.stderr.then(stderr::Stderr::open).flatten();
    let handle = LogHandle::new(program, settings, syslog::SOCKET.as_ref(), stderr)?;
    log::set_boxed_logger(Box::new(handle.clone())).map_err(io::Error::other)?;
    log::set_max_level(level);
    Ok(handle)
}

impl LogHandle {
    fn new(
        program: Program,
        settings: LogSettings,
        syslog: &Path,
        stderr: Option<stderr::Stderr>,
    ) -> io::Result<Self> {
        let host = nix::unistd::gethostname().map(|name| name.to_string_lossy().into_owned());
        let origin = Origin {
            host: host.unwrap_or_else(|_| "localhost".into()),
            program: program.name(),
            pid: std::process::id(),
        };
        let owner = log_owner();
        let new = |path: &std::path::PathBuf| LogFile::new(path.clone(), settings.file_mode, owner);
        let files = settings.files.iter().map(new).collect();
        let syslog = settings.facility.map(|_| syslog::Syslog::new(syslog));
        let direct = Direct { repeats: Repeats::default(), syslog, stderr };
        let shared = Arc::new(Shared {
            settings,
            origin,
            direct: Mutex::new(direct),
            queue: writer::Queue::default(),
        });
        writer::start(shared.clone(), files)?;
        Ok(Self(shared))
    }

    /// Opens the files anew, as after rotation (SIGHUP). Renamed and removed files are noticed without it.
    pub fn reopen(&self) {
        self.0.queue.reopen();
    }

    /// Waits, at most two seconds, until everything said so far is in the files. For ends.
    pub fn flush(&self) {
        self.0.tell_repeats_now();
        // A disk that hangs must not keep a dying daemon alive.
        let _ = self.0.queue.flush().recv_timeout(FLUSH_LIMIT);
    }

    /// Has a panic logged, and flushed, before it ends the process.
    pub fn log_panics(&self) {
        let handle = self.clone();
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            crate::log_critical!("panic, which is a defect worth a report: {panic}");
            handle.flush();
            before(panic);
        }));
    }
}

impl log::Log for LogHandle {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        self.0.settings.wants(Severity::of(metadata), metadata.target())
    }

    fn log(&self, record: &log::Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        // The target is the module path unless somebody speaks for another module; a mark may follow it.
        let target = record.target();
        let module = target.rsplit_once('!').map_or(target, |(module, _)| module);
        let line = Line {
            time: wall_clock(),
            severity: Severity::of(record.metadata()),
            module: module.strip_prefix(OUR_MODULES).unwrap_or(module).into(),
            text: line::printable(*record.args()),
        };
        self.0.offer(&line);
    }

    fn flush(&self) {
        Self::flush(self);
    }
}

impl Shared {
    fn direct(&self) -> MutexGuard<'_, Direct> {
        self.direct.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn offer(&self, line: &Line) {
        let now = monotonic_clock();
        let mut direct = self.direct();
        match direct.repeats.offer(now, line) {
            Verdict::Counted { first: false } => {}
            Verdict::Counted { first: true } => self.queue.wake_at(now + repeats::WINDOW),
            Verdict::Say(before) => {
                if let Some(before) = before {
                    self.say(&mut direct, &before);
                }
                self.say(&mut direct, line);
            }
        }
    }

    fn say(&self, direct: &mut Direct, line: &Line) {
        self.say_directly(direct, line);
        if !self.settings.files.is_empty() && self.settings.is_detail(line.severity, &line.module) {
            self.queue.write(line.for_file(&self.origin));
        }
    }

    fn say_directly(&self, direct: &mut Direct, line: &Line) {
        let facility = self.settings.facility.filter(|_| line.severity <= self.settings.syslog_threshold);
        if let (Some(facility), Some(syslog)) = (facility, &mut direct.syslog)
            && let Some(lost) = syslog.send(&line.for_syslog(&self.origin, facility.code()))
        {
            let text = format!("{lost} messages before the last one could not be sent to the system log");
            let told = self.own_line(Severity::Warning, text);
            syslog.send(&told.for_syslog(&self.origin, facility.code()));
        }
        if let Some(stderr) = &mut direct.stderr
            && self.settings.is_detail(line.severity, &line.module)
        {
            stderr.write(&line.for_stderr());
        }
    }

    /// For news about a log file: everywhere but in the files.
    fn tell_elsewhere(&self, severity: Severity, text: String) {
        let line = self.own_line(severity, text);
        self.say_directly(&mut self.direct(), &line);
    }

    /// Tells what has been counted, if its time has come.
    fn tell_repeats(&self) {
        self.tell_repeats_as_of(monotonic_clock());
    }

    fn tell_repeats_now(&self) {
        self.tell_repeats_as_of(monotonic_clock() + repeats::WINDOW);
    }

    fn tell_repeats_as_of(&self, now: Instant) {
        let mut direct = self.direct();
        if let Some(line) = direct.repeats.expire(now, wall_clock()) {
            self.say(&mut direct, &line);
        }
    }

    fn own_line(&self, severity: Severity, text: String) -> Line {
        Line { time: wall_clock(), severity, module: "daemon::logging".into(), text }
    }
}

impl LogSettings {
    fn most_detailed(&self) -> Severity {
        let traced = if self.traced.is_empty() { Severity::Emergency } else { Severity::Trace };
        traced.max(self.detail).max(self.syslog_threshold)
    }

    /// Does any sink want this? `module` may be a target with a mark.
    fn wants(&self, severity: Severity, module: &str) -> bool {
        // Other crates' traces are about their insides.
        let foreign =
            severity == Severity::Trace && !module.starts_with("pcmk") && !module.starts_with("pacemaker");
        !foreign && (severity <= self.syslog_threshold || self.is_detail(severity, module))
    }

    fn is_detail(&self, severity: Severity, module: &str) -> bool {
        severity <= self.detail || self.traced.iter().any(|part| module.contains(part))
    }
}

/// Whose the log files are to be, if we are root and the cluster's user exists.
fn log_owner() -> Option<Owner> {
    if !nix::unistd::geteuid().is_root() {
        return None;
    }
    let user = nix::unistd::User::from_name(CLUSTER_USER).ok().flatten()?;
    let group = nix::unistd::Group::from_name(CLUSTER_GROUP).ok().flatten()?;
    Some((user.uid.as_raw(), group.gid.as_raw()))
}

#[allow(clippy::disallowed_methods, reason = "log lines carry the time, and no decision hangs on it")]
fn wall_clock() -> SystemTime {
    SystemTime::now()
}

#[allow(clippy::disallowed_methods, reason = "for counting repeats within a second")]
fn monotonic_clock() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests;
