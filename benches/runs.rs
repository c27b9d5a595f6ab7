// SPDX-License-Identifier: LGPL-2.1-or-later
//! What a run of an agent costs, beside a bare posix_spawn-and-wait loop: `cargo bench --bench runs`.
#[allow(dead_code, reason = "the tests use all of it")]
#[path = "../tests/children/node.rs"]
mod node;

use node::*;
use pcmk_remote_rs::driver::tokio::Units;
use pcmk_remote_rs::driver::tokio::children::start;
use pcmk_remote_rs::model::OcfExit;

fn main() {
    use nix::sys::resource::{UsageWho, getrusage};
    const RUNS: usize = 3000;
    const IN_FLIGHT: usize = 32;
    let node = Node::new();
    node.file("test/null", b"#!/bin/true\n", 0o755);
    let cpu = || {
        let usage = getrusage(UsageWho::RUSAGE_SELF).unwrap();
        let micros = |time: nix::sys::time::TimeVal| time.tv_sec() * 1_000_000 + time.tv_usec();
        micros(usage.user_time()) + micros(usage.system_time())
    };
    #[allow(clippy::disallowed_methods, reason = "a measurement")]
    let report = |what: &str, started: std::time::Instant, before: i64| {
        let (took, used) = (started.elapsed(), cpu() - before);
        let rate = RUNS as f64 / took.as_secs_f64();
        println!("{what}: {rate:.0}/s, own CPU {} us a run", used / RUNS as i64);
    };
    #[allow(clippy::disallowed_methods, reason = "a measurement")]
    let now = std::time::Instant::now;
    for in_flight in [1, IN_FLIGHT] {
        let (started, before) = (now(), cpu());
        on_runtime(async {
            let (starter, mut progress) = node.starter();
            let (execution, units) = (execution("null", "monitor"), Units::default());
            for run in 0..RUNS + in_flight {
                if run >= in_flight {
                    assert_eq!(next_end(&mut progress).await.1.outcome.exit, OcfExit::OK);
                }
                if run < RUNS {
                    start(asked(run as u64), &execution, &starter, &units);
                }
            }
        });
        report(&format!("{in_flight} in flight"), started, before);
    }
    let (started, before) = (now(), cpu());
    for _ in 0..RUNS {
        let program = node.path("test/null");
        assert!(std::process::Command::new(program).arg("monitor").status().unwrap().success());
    }
    report("bare posix_spawn and wait", started, before);
}
