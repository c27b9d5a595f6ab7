// SPDX-License-Identifier: LGPL-2.1-or-later
use super::*;
use crate::daemon::cli::CommandLine;
use crate::daemon::config::Config;
use log::Log;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;

struct Bench {
    directory: tempfile::TempDir,
    syslog: UnixDatagram,
    handle: LogHandle,
}

impl Bench {
    fn new(pairs: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let socket = directory.path().join("dev-log");
        let syslog = UnixDatagram::bind(&socket).unwrap();
        syslog.set_nonblocking(true).unwrap();
        let file = directory.path().join("log");
        let file = [("PCMK_logfile", file.to_str().unwrap())];
        let environment = file.into_iter().chain(pairs.iter().copied()).collect();
        let (config, _) = Config::read(Program::Remoted, &CommandLine::default(), &environment);
        let handle = LogHandle::new(Program::Remoted, config.log, &socket, None).unwrap();
        Self { directory, syslog, handle }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("log")
    }

    fn log(&self, level: log::Level, target: &str, text: &str) {
        let module = target.split('!').next();
        self.handle.log(
            &log::Record::builder()
                .level(level)
                .target(target)
                .module_path(module)
                .args(format_args!("{text}"))
                .build(),
        );
    }

    fn in_file(&self) -> Vec<String> {
        self.handle.flush();
        let text = std::fs::read_to_string(self.path()).unwrap_or_default();
        text.lines().map(|line| line.split_once("] ").unwrap().1.to_owned()).collect()
    }

    fn in_syslog(&self) -> Vec<String> {
        let mut buffer = [0; 4096];
        let mut messages = Vec::new();
        while let Ok(size) = self.syslog.recv(&mut buffer) {
            let text = String::from_utf8_lossy(&buffer[..size]);
            messages.push(text.split_once("]: ").unwrap().1.to_owned());
        }
        messages
    }
}

const MODULE: &str = "pcmk_remote_rs::core::server";
const NOTICE: &str = "pcmk_remote_rs::core::server!notice";

#[test]
fn each_sink_gets_what_it_is_for() {
    let bench = Bench::new(&[]);
    bench.log(log::Level::Debug, MODULE, "debug");
    bench.log(log::Level::Info, MODULE, "info");
    bench.log(log::Level::Info, NOTICE, "notice");
    bench.log(log::Level::Error, "pcmk_remote_rs!critical", "critical");
    assert_eq!(bench.in_syslog(), ["notice: notice", "crit: critical"]);
    assert_eq!(
        bench.in_file(),
        ["(core::server)\tinfo: info", "(core::server)\tnotice: notice", "(pcmk_remote_rs)\tcrit: critical"]
    );
}

#[test]
fn debug_and_traced_modules() {
    let bench = Bench::new(&[("PCMK_debug", "yes"), ("PCMK_trace_functions", "wire")]);
    bench.log(log::Level::Debug, MODULE, "one");
    bench.log(log::Level::Trace, MODULE, "two");
    bench.log(log::Level::Trace, "pcmk_remote_rs::wire::frame", "three");
    bench.log(log::Level::Trace, "firewire", "four");
    assert_eq!(bench.in_file(), ["(core::server)\tdebug: one", "(wire::frame)\ttrace: three"]);
    assert_eq!(bench.in_syslog(), [""; 0]);
}

#[test]
fn repeats_are_said_once_and_then_counted() {
    let bench = Bench::new(&[]);
    for _ in 0..50 {
        bench.log(log::Level::Info, NOTICE, "again");
    }
    bench.log(log::Level::Info, NOTICE, "else");
    assert_eq!(bench.in_syslog(), ["notice: again", "notice: repeated 49 times more: again", "notice: else"]);
    assert_eq!(bench.in_file().len(), 3);
}

#[test]
fn a_count_does_not_wait_for_the_next_message() {
    let bench = Bench::new(&[]);
    bench.log(log::Level::Info, NOTICE, "again");
    bench.log(log::Level::Info, NOTICE, "again");
    bench.syslog.set_nonblocking(false).unwrap();
    bench.syslog.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut buffer = [0; 4096];
    bench.syslog.recv(&mut buffer).unwrap();
    let size = bench.syslog.recv(&mut buffer).expect("the count comes by itself");
    assert!(String::from_utf8_lossy(&buffer[..size]).ends_with("repeated once more: again"));
}

#[test]
fn a_full_disk_is_said_in_the_system_log() {
    let bench = Bench::new(&[]);
    std::os::unix::fs::symlink("/dev/full", bench.path()).unwrap();
    bench.log(log::Level::Info, MODULE, "lost");
    bench.handle.flush();
    let told = bench.in_syslog();
    assert!(told.len() == 1 && told[0].starts_with("error: cannot write to log file"), "{told:?}");
    std::fs::remove_file(bench.path()).unwrap();
    bench.log(log::Level::Info, MODULE, "kept");
    let lines = bench.in_file();
    assert_eq!(lines[0], "(core::server)\tinfo: kept");
    assert!(lines[1].ends_with("works again; 1 lines are missing in it"), "{lines:?}");
    assert_eq!(bench.in_syslog().len(), 1);
}

#[test]
fn no_file_and_no_facility_is_silence() {
    let bench = Bench::new(&[("PCMK_logfile", "none"), ("PCMK_logfacility", "none")]);
    bench.log(log::Level::Error, MODULE, "x");
    assert_eq!(bench.in_file(), [""; 0]);
    assert_eq!(bench.in_syslog(), [""; 0]);
}
