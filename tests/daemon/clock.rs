// SPDX-License-Identifier: LGPL-2.1-or-later
//! The calendar is set while operations recur and run. The machine's own clock is left alone: a library that is
//! loaded into the daemon and its agents moves what they are told of the time of day.
use crate::node::{Start, completion, connect, execute, make_agent, make_key, register, start_operation};
use crate::place::{eventually, isolated};
use nix::sys::stat::Mode;
use pcmk_remote_rs::model::{ExecStatus, Millis};
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::process::Command;
use std::time::{Duration, Instant};

pub(crate) const SHIFT: &str = "/run/shift";
pub(crate) const LIBRARY: &str = "/run/calendar.so";

/// Adds the seconds that stand in a shared file to the time of day; the monotonic clock is as ever.
const SOURCE: &str = r#"
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
static int64_t shift(void)
{
    static volatile int64_t *seconds;
    if (seconds == 0) {
        int fd = open("/run/shift", O_RDONLY | O_CLOEXEC);
        void *map = mmap(0, 8, PROT_READ, MAP_SHARED, fd, 0);
        close(fd);
        if (map == MAP_FAILED) return 0;
        seconds = map;
    }
    return *seconds;
}
int clock_gettime(clockid_t clock, struct timespec *now)
{
    int rc = syscall(SYS_clock_gettime, clock, now);
    if (rc == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) now->tv_sec += shift();
    return rc;
}
int gettimeofday(struct timeval *now, void *zone)
{
    struct timespec real;
    (void) zone;
    clock_gettime(CLOCK_REALTIME, &real);
    now->tv_sec = real.tv_sec;
    now->tv_usec = real.tv_nsec / 1000;
    return 0;
}
time_t time(time_t *place)
{
    struct timespec real;
    clock_gettime(CLOCK_REALTIME, &real);
    if (place) *place = real.tv_sec;
    return real.tv_sec;
}
"#;

pub(crate) fn build_library() {
    fs::write("/run/calendar.c", SOURCE).unwrap();
    let built =
        Command::new("cc").args(["-O1", "-shared", "-fPIC", "-o", LIBRARY, "/run/calendar.c"]).status();
    assert!(built.expect("cc(1) is installed").success());
}

/// Sets the daemon's calendar so many seconds off.
pub(crate) fn set_calendar(seconds: i64) {
    let file = OpenOptions::new().write(true).open(SHIFT).unwrap();
    file.write_all_at(&seconds.to_ne_bytes(), 0).unwrap();
}

/// When the agent ran, in seconds of the machine's uptime.
fn stamps() -> Vec<f64> {
    let text = fs::read_to_string("/run/stamps").unwrap_or_default();
    text.lines().filter_map(|line| line.split(' ').next()?.parse().ok()).collect()
}

#[test]
fn setting_the_calendar_disturbs_no_operation() {
    const DAY: i64 = 24 * 3600;
    const INTERVAL_S: f64 = 0.3;
    isolated(|| {
        build_library();
        fs::write(SHIFT, [0; 8]).unwrap();
        nix::unistd::mkfifo("/run/gate", Mode::from_bits_truncate(0o600)).unwrap();
        make_agent("Stamp", "cat /proc/uptime >>/run/stamps");
        make_agent("Gate", "echo >/run/begun; read line </run/gate");
        make_agent("Slow", "exec sleep 600");
        make_key(64);
        let daemon = Start::new().env("LD_PRELOAD", LIBRARY).ready();
        let mut observer = connect("observer").unwrap();
        register(&mut observer, "stamp", "Stamp");
        start_operation(&mut observer, "stamp", "monitor", 300);
        let first = completion(&mut observer).run_time_s;
        let mut client = connect("client").unwrap();
        for (resource, agent) in [("gate", "Gate"), ("slow", "Slow")] {
            register(&mut client, resource, agent);
        }
        // One that runs to its end across all steps, with a timeout that is longer than they take.
        start_operation(&mut client, "gate", "start", 0);
        let gate_began = Instant::now();
        eventually("the agent runs", || fs::exists("/run/begun").unwrap());
        for (step, seconds) in [DAY, -DAY, 0, 400 * DAY, -1].into_iter().enumerate() {
            set_calendar(seconds);
            // One that must be ended by its timeout, not sooner and not much later.
            let began = Instant::now();
            execute(&mut client, "slow", "monitor", |operation| operation.timeout = Millis(600));
            let before = stamps().len();
            let late = loop {
                let told = completion(&mut client);
                if told.resource_id.as_str() == "slow" {
                    break told;
                }
                assert_eq!(told.resource_id.as_str(), "stamp", "the gate is shut");
            };
            let took = began.elapsed();
            assert_eq!(late.outcome.status, ExecStatus::Timeout, "step {step}: {late:?}");
            assert!(
                took >= Duration::from_millis(600) && took < Duration::from_secs(5),
                "step {step}: {took:?}"
            );
            assert!((600..5000).contains(&late.exec_time.0), "step {step}: {late:?}");
            eventually("it recurs", || stamps().len() > before + 1);
        }
        OpenOptions::new().write(true).open("/run/gate").unwrap().write_all(b"\n").unwrap();
        let took = gate_began.elapsed();
        let gate = loop {
            let told = completion(&mut client);
            if told.resource_id.as_str() == "gate" {
                break told;
            }
        };
        assert_eq!(gate.outcome.status, ExecStatus::Done);
        let difference = Duration::from(gate.exec_time).abs_diff(took);
        assert!(difference < Duration::from_secs(2), "{:?} instead of {took:?}", gate.exec_time);
        let stamps = stamps();
        for pair in stamps.windows(2) {
            let rest = pair[1] - pair[0];
            assert!(rest > INTERVAL_S - 0.02 && rest < INTERVAL_S + 2.0, "a rest of {rest} s in {stamps:?}");
        }
        // The daemon did believe it: results carry its dates.
        set_calendar(10 * DAY);
        execute(&mut client, "slow", "notify", |operation| operation.timeout = Millis(100));
        let dated = loop {
            let told = completion(&mut client);
            if told.resource_id.as_str() == "slow" {
                break told.run_time_s;
            }
        };
        assert!(dated > first + 9 * DAY.unsigned_abs(), "{first} and {dated}: the calendar was never set");
        assert_eq!(daemon.stop(), Some(0));
    });
}
