// SPDX-License-Identifier: LGPL-2.1-or-later
//! Turns that end by time, under a clock that goes on by what is done.
use super::*;

#[test]
fn a_turn_ends_by_time_and_the_rest_has_another() {
    let mut bench = Bench::new();
    let peer = bench.joins(false);
    bench.turn();
    bench.hub.carrier_mut().effect_takes = Millis(1);
    (0..100).for_each(|_| bench.asks(peer, Request::ResourceInfo(None)));
    assert_eq!(bench.hub.turn(), Next::Again);
    let told = std::mem::take(&mut bench.hub.carrier_mut().lines);
    assert_eq!(told, ["reply 1 #2 -19", "reply 1 #3 -19", "flush 1"]);
    let mut turns = 1;
    while bench.hub.turn() == Next::Again {
        turns += 1;
    }
    assert_eq!(turns, 49);
    bench.hub.carrier_mut().lines.clear();
    assert_eq!(bench.turn(), [""; 0]);
}

#[test]
fn the_effects_of_one_step_go_on_in_the_next_turn_before_anything_else() {
    let mut bench = Bench::new();
    let peers: Vec<_> = (0..3).map(|_| bench.joins(false)).collect();
    for number in 0..40 {
        bench.asks(peers[0], register(&format!("r{number}")));
        bench.asks_as(peers[0], None, delayed(&format!("r{number}")));
    }
    while bench.hub.turn() == Next::Again {}
    bench.hub.carrier_mut().lines.clear();
    bench.hub.carrier_mut().effect_takes = Millis(1);
    bench.pass(Millis(1_000));
    bench.asks(peers[1], Request::ResourceInfo(None));
    assert_eq!(bench.hub.turn(), Next::Again);
    let mut told = std::mem::take(&mut bench.hub.carrier_mut().lines);
    assert_eq!(told.iter().filter(|line| line.starts_with("run")).count(), EFFECTS_BETWEEN, "{told:?}");
    while bench.hub.turn() == Next::Again {}
    told.append(&mut bench.hub.carrier_mut().lines);
    let place = |word: &str| told.iter().rposition(|line| line.starts_with(word)).unwrap();
    assert!(place("run") < place("reply 2"), "{told:?}");
    assert_eq!(told.iter().filter(|line| line.starts_with("run")).count(), 40);
}

/// Starts after a second.
fn delayed(id: &str) -> Request {
    let Request::Execute(mut execute) = execute(id, "monitor") else { unreachable!() };
    execute.start_delay = Millis(1_000);
    Request::Execute(execute)
}

#[test]
fn a_bystander_waits_for_a_part_of_a_turn_whoever_floods() {
    let mut bench = Bench::new();
    let bystander = bench.joins(false);
    let flooders: Vec<_> = (0..30).map(|_| bench.joins(false)).collect();
    while bench.hub.turn() == Next::Again {}
    bench.hub.carrier_mut().effect_takes = Millis(1);
    for flooder in flooders {
        (0..50).for_each(|_| bench.asks(flooder, Request::ResourceInfo(None)));
    }
    for _ in 0..30 {
        bench.hub.turn();
    }
    bench.hub.carrier_mut().lines.clear();
    bench.asks(bystander, Request::ResourceInfo(None));
    assert_eq!(bench.hub.turn(), Next::Again);
    let lines = &bench.hub.carrier().lines;
    assert!(lines.iter().any(|line| line.starts_with("reply 1 ")), "{lines:?}");
}

#[test]
fn flushing_ends_by_time_too_and_goes_on() {
    let mut bench = Bench::new();
    for _ in 0..10 {
        bench.joins(false);
    }
    bench.turn();
    bench.hub.carrier_mut().flush_takes = Millis(1);
    bench.asks(PeerId(1), register("r"));
    let mut flushed = Vec::new();
    loop {
        let next = bench.hub.turn();
        let lines = std::mem::take(&mut bench.hub.carrier_mut().lines);
        let now: Vec<_> = lines.into_iter().filter(|line| line.starts_with("flush")).collect();
        assert_eq!(now.len(), 2);
        flushed.extend(now);
        if next != Next::Again {
            break;
        }
    }
    flushed.sort_unstable();
    flushed.dedup();
    assert_eq!(flushed.len(), 10, "each once: {flushed:?}");
}

#[test]
fn a_run_that_ended_before_its_deadline_is_not_killed_however_late_that_is_seen() {
    let mut bench = Bench::new();
    let (peer, flooder) = (bench.joins(false), bench.joins(false));
    for number in 1..=5 {
        bench.asks(peer, register(&format!("r{number}")));
        bench.asks(peer, execute(&format!("r{number}"), "start"));
    }
    bench.turn();
    bench.hub.carrier_mut().effect_takes = Millis(1);
    (0..100).for_each(|_| bench.asks(flooder, Request::ResourceInfo(None)));
    (1..=5).for_each(|run| bench.ends(run));
    bench.pass(Millis(1_000));
    while bench.hub.turn() == Next::Again {}
    let lines = &bench.hub.carrier().lines;
    assert_eq!(lines.iter().filter(|line| line.starts_with("kill")).count(), 0, "{lines:?}");
}

#[test]
fn what_the_core_has_put_off_and_what_arrives_take_turns() {
    let mut bench = Bench::new();
    let (one, two) = (bench.joins(false), bench.joins(false));
    bench.asks(one, register("r"));
    for number in 0..500 {
        let Request::Execute(mut execute) = delayed("r") else { unreachable!() };
        execute.interval = Interval(1_000 + number);
        bench.asks(one, Request::Execute(execute));
    }
    while bench.hub.turn() == Next::Again {}
    bench.hub.carrier_mut().lines.clear();
    bench.hub.carrier_mut().effect_takes = Millis(1);
    bench.asks(one, Request::UnregisterResource(Some(ResourceId::new("r"))));
    (0..20).for_each(|_| bench.asks(two, Request::ResourceInfo(None)));
    while bench.hub.turn() == Next::Again {}
    let lines = &bench.hub.carrier().lines;
    let places = |what: &str| {
        let is_it = |(_, line): &(usize, &String)| line.starts_with(what);
        lines.iter().enumerate().filter(is_it).map(|(place, _)| place).collect::<Vec<_>>()
    };
    let (ends, replies) = (places("tell 1 "), places("reply 2 "));
    assert!(ends.len() >= 500 && replies.len() == 20, "{} and {}", ends.len(), replies.len());
    let ended_before = |reply: usize| ends.partition_point(|end| *end < reply);
    assert!(ended_before(replies[0]) < 250, "the first waits for {}", ended_before(replies[0]));
    assert!(ends.last() < replies.last(), "what was put off waits for all that arrives");
}
