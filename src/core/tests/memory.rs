// SPDX-License-Identifier: LGPL-2.1-or-later
//! What requests hold: bounded for every client, and nothing when nothing is left of them.
use crate::core::testing::{Bench, exited, operation, register, unregister};
use crate::core::{Effect, Input, RunId};
use crate::model::{Cancel, Execute, Interval, Millis, Params, Request, ResourceId};
use std::sync::Arc;

const LIMIT: usize = 64 * 1024;

fn with_params(id: &str, action: &str, interval_ms: u32, bytes: usize) -> Request {
    let params: Params = [("p", "x".repeat(bytes))].into_iter().collect();
    Request::Execute(Box::new(Execute { params: Arc::new(params), ..operation(id, action, interval_ms) }))
}

fn alert(bytes: usize) -> Request {
    let params: Params = [("p", "x".repeat(bytes))].into_iter().collect();
    let (id, path) = (Some("a".to_owned()), Some("/a".to_owned()));
    Request::Alert { id, path, timeout: Millis(0), params }
}

#[test]
fn who_queues_too_much_is_refused_and_others_are_served() {
    let mut bench = Bench::with_memory(LIMIT);
    bench.remote(1);
    bench.remote(2);
    bench.ask(1, register("r1"));
    assert_eq!(bench.ask(1, with_params("r1", "start", 0, 60_000))[0], "reply 1 4", "it runs");
    let refused = bench.raw_ask(1, with_params("r1", "monitor", 0, 60_000));
    let texts = refused.iter().filter_map(|effect| match effect {
        Effect::Log { text, .. } => Some(text.as_str()),
        _ => None,
    });
    let lines: Vec<_> = texts.collect();
    assert!(lines.concat().contains("c1") && lines.concat().contains("PCMK_memory_parameters"), "{lines:?}");
    assert_eq!(bench.ask(1, alert(60_000)), ["reply 1 -12"]);
    assert_eq!(bench.ask(1, register(&"r".repeat(60_000))), ["reply 1 -12"]);
    assert_eq!(bench.ask(2, with_params("r1", "monitor", 0, 1_000)), ["reply 2 8"]);
    // What is queued outlives its author, and is counted still.
    bench.gone(1);
    bench.remote(3);
    assert_eq!(bench.ask(3, with_params("r1", "monitor", 0, 60_000)), ["reply 3 -12"]);
    bench.exits(1, 0);
    assert_eq!(bench.ask(3, with_params("r1", "monitor", 0, 50_000)), ["reply 3 11"]);
}

#[test]
fn a_repeated_request_with_more_user_data_is_counted() {
    let mut bench = Bench::with_memory(LIMIT);
    bench.remote(1);
    bench.ask(1, register("r1"));
    let ask = |length: usize| {
        let user_data = Some("u".repeat(length));
        Request::Execute(Box::new(Execute { user_data, ..operation("r1", "monitor", 1000) }))
    };
    for (length, bytes) in [(1_000, 1_000), (60_000, 60_000), (70_000, 60_000), (10, 10)] {
        bench.ask(1, ask(length));
        let fixed = "monitor".len() + "r1ocfheartbeatDummy".len();
        assert_eq!(bench.server.parameter_bytes(), bytes + fixed, "{length}");
    }
}

/// Random requests of three clients, without pause.
#[test]
fn whatever_is_asked_the_bound_holds_and_nothing_is_left_in_the_end() {
    let mut state = 7_u64;
    let mut below = |bound: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % bound
    };
    let mut bench = Bench::with_memory(LIMIT);
    (1..=3).for_each(|peer| bench.remote(peer));
    let mut running = Vec::new();
    for _ in 0..5_000 {
        let (peer, id) = (1 + below(3), format!("r{}", below(4)));
        let size = usize::try_from(below(20_000)).unwrap();
        let interval = if below(2) == 0 { 0 } else { 1000 };
        let effects = match below(7) {
            0 => bench.raw_ask(peer, register(&id)),
            1 => bench.raw_ask(peer, unregister(&id)),
            2 | 3 => bench.raw_ask(peer, with_params(&id, "monitor", interval, size)),
            4 => bench.raw_ask(peer, alert(size)),
            5 => {
                let (resource_id, action) = (Some(ResourceId::new(&*id)), Some("monitor".to_owned()));
                bench.raw_ask(peer, Request::Cancel(Cancel { resource_id, action, interval: Interval(1000) }))
            }
            _ if running.is_empty() => Vec::new(),
            _ => {
                let run: RunId = running.swap_remove(usize::try_from(below(running.len() as u64)).unwrap());
                bench.raw(Input::Finished { run, result: exited(0) })
            }
        };
        running.extend(effects.iter().filter_map(started));
        assert!(bench.server.parameter_bytes() <= LIMIT * 3 / 2);
    }
    for number in 0..4 {
        running.extend(bench.raw_ask(1, unregister(&format!("r{number}"))).iter().filter_map(started));
    }
    while let Some(run) = running.pop() {
        running.extend(bench.raw(Input::Finished { run, result: exited(0) }).iter().filter_map(started));
    }
    assert_eq!(bench.server.parameter_bytes(), 0);
}

fn started(effect: &Effect) -> Option<RunId> {
    match effect {
        Effect::Run { run, .. } | Effect::RunAlert { run, .. } => Some(*run),
        _ => None,
    }
}
