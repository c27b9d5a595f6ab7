// SPDX-License-Identifier: LGPL-2.1-or-later
//! Where very many operations end at once, they do so in several steps, and nothing of them is seen in between.
use crate::core::testing::{Bench, agent, cancel, execute, operation, register, register_agent, unregister};
use crate::core::{Effect, Input, PeerId, PeerKind};
use crate::model::{Execute, Millis, Moment, Request};

/// More than twice what one step ends.
const MANY: u32 = 250;

/// Resource r1 with recurring operations of client 1, which may not start yet, and client 2.
fn delayed() -> Bench {
    let mut bench = Bench::with_r1();
    for interval in 1..=MANY {
        let operation = Execute { start_delay: Millis(1000), ..operation("r1", "monitor", interval) };
        bench.ask(1, Request::Execute(Box::new(operation)));
    }
    bench.remote(2);
    bench
}

/// The same, at rest after their first run; the higher the interval is, the later they are due.
fn resting() -> Bench {
    let mut bench = Bench::with_r1();
    bench.remote(2);
    for (run, interval) in (1..).zip(1001..=1000 + MANY) {
        bench.ask(1, execute("r1", "monitor", interval));
        bench.exits(run, 0);
    }
    bench
}

fn cancelled(lines: &[String]) -> usize {
    lines.iter().filter(|line| line.contains("Cancelled")).count()
}

/// The steps that are due now, each for itself.
fn due(bench: &mut Bench) -> Vec<Vec<String>> {
    let mut steps = Vec::new();
    while bench.server.next_deadline() == Some(Moment::default()) {
        steps.push(bench.step(Input::Tick));
    }
    steps
}

#[test]
fn a_resource_is_gone_at_once_and_its_operations_follow() {
    let mut bench = delayed();
    let first = bench.ask(1, unregister("r1"));
    assert_eq!(first[0], "reply 1 0");
    assert_eq!(cancelled(&first), 100);
    assert_eq!(bench.ask(2, execute("r1", "monitor", 1)), ["reply 2 -19"]);
    // The same name again is another resource, whose operations stay.
    bench.ask(2, register_agent("r1", agent("Other")));
    assert!(bench.ask(2, execute("r1", "monitor", MANY))[1].starts_with("run 1 "));
    let rest = due(&mut bench);
    assert_eq!(rest.iter().map(|lines| cancelled(lines)).collect::<Vec<_>>(), [100, 50]);
    assert_eq!(cancelled(&bench.ask(2, cancel("r1", "monitor", MANY))), 1);
}

#[test]
fn what_a_client_left_is_not_found_and_does_not_run_before_it_ends() {
    let mut bench = resting();
    bench.gone(2);
    // The last client leaves, so that each end is but a line in the log.
    let mut ended = bench.raw(Input::Disconnected(PeerId(1))).len();
    assert!(ended < 250, "{ended}");
    // All intervals pass.
    bench.now_ms += 10_000;
    for effects in std::iter::from_fn(|| {
        (bench.server.next_deadline() == Some(Moment::default())).then(|| bench.raw(Input::Tick))
    }) {
        assert!(!effects.iter().any(|effect| matches!(effect, Effect::Run { .. })), "{effects:?}");
        ended += effects.len();
    }
    assert!(ended >= 250, "{ended}");
    assert!(bench.step(Input::Tick).is_empty() && bench.server.next_deadline().is_none());
}

#[test]
fn a_request_for_what_is_about_to_end_is_one_of_its_own() {
    let mut bench = Bench::with_r1();
    bench.connect(2, PeerKind::Local { privileged: true });
    bench.ask(2, register("r2"));
    for interval in 1..=MANY {
        let operation = Execute { start_delay: Millis(1000), ..operation("r2", "monitor", interval) };
        bench.ask(2, Request::Execute(Box::new(operation)));
    }
    assert_eq!(cancelled(&bench.gone(2)), 100);
    // Not merged: the old one is over, and the new one waits its turn behind those that are.
    let lines = bench.ask(1, execute("r2", "monitor", MANY));
    assert_eq!((cancelled(&lines), &*lines[0]), (1, "reply 1 254"));
    let steps = due(&mut bench);
    assert_eq!(steps.iter().map(|lines| cancelled(lines)).sum::<usize>(), 149);
    assert!(steps.last().unwrap().iter().any(|line| line.starts_with("run 1 r2 monitor/250")), "{steps:?}");
    assert_eq!(cancelled(&bench.ask(1, cancel("r2", "monitor", 5))), 0, "it is over");
}

#[test]
fn a_stop_runs_at_once_and_no_operation_that_recurs_after_it() {
    for mut bench in [delayed(), resting()] {
        let lines = bench.ask(2, execute("r1", "stop", 0));
        assert_eq!(cancelled(&lines), 100);
        assert!(lines.last().unwrap().contains("r1 stop/0"), "{lines:?}");
        bench.now_ms += 10_000;
        let steps = due(&mut bench);
        assert_eq!(steps.iter().map(|lines| cancelled(lines)).sum::<usize>(), 150);
        assert!(!steps.concat().iter().any(|line| line.starts_with("run")), "{steps:?}");
    }
}

#[test]
fn many_timers_are_met_in_several_steps() {
    let mut bench = Bench::with_r1();
    for number in 0..MANY {
        let id = format!("x{number}");
        bench.ask(1, register(&id));
        let operation = Execute { start_delay: Millis(1000), ..operation(&id, "start", 0) };
        bench.ask(1, Request::Execute(Box::new(operation)));
    }
    bench.now_ms += 1000;
    let steps = [(); 4].map(|()| bench.step(Input::Tick).len());
    assert_eq!(steps, [100, 100, 50, 0]);
}
