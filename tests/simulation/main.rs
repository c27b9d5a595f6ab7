// SPDX-License-Identifier: LGPL-2.1-or-later
//! The hub with its core and the clients' cores, joined by bytes, with a clock that only the simulation turns. Every run follows from its seed:
//! a failure names it, and `PCMK_SIMULATION_SEED=<seed>` runs that one alone.
//! `PCMK_SIMULATION_SEEDS=<count>` runs more of them than usual (`fuzz/run simulation`).
mod actor;
mod agents;
mod carrier;
mod checks;
mod client_side;
mod connection;
mod memory;
mod proxied;
mod random;
mod server_side;
mod trouble;
mod world;

use world::{Plan, World};

/// The seeds of a test that usually runs `count`; of a long run each has its share.
fn seeds(count: u64) -> Vec<u64> {
    let number = |name| std::env::var(name).ok().and_then(|value| value.parse().ok());
    match (number("PCMK_SIMULATION_SEED"), number("PCMK_SIMULATION_SEEDS")) {
        (Some(seed), _) => vec![seed],
        (None, Some(most)) => (1..=count.max(most * count / USUAL)).collect(),
        (None, None) => (1..=count).collect(),
    }
}

/// Seeds of the longest test, usually.
const USUAL: u64 = 120;

/// A long run says how far it is.
fn progress(seed: u64, of: u64) {
    if of > 1000 && seed.is_multiple_of(500) {
        println!("{seed} of {of} seeds");
    }
}

fn recorded(seed: u64) -> Vec<String> {
    World::new(seed, Plan { keep_history: true, ..Plan::default() }).run()
}

#[test]
fn clients_that_come_and_go_find_every_promise_kept() {
    let (mut rhythms, mut responses, mut transfers, mut turns_cut) = (0, 0, 0, 0);
    let seeds = seeds(USUAL);
    for seed in &seeds {
        let mut world = World::new(*seed, Plan::default());
        world.run();
        progress(*seed, seeds.len() as u64);
        let (on_time, answered, transferred) = world.coverage();
        (rhythms, responses) = (rhythms + on_time, responses + answered);
        transfers += transferred;
        turns_cut += world.around().turns_cut;
    }
    let worlds = seeds.len() as u64;
    assert!(rhythms >= 5 * worlds, "only {rhythms} recurring runs could be checked");
    assert!(responses >= 5 * worlds, "only {responses} local requests were answered");
    assert!(turns_cut >= 5 * worlds, "only {turns_cut} turns ended for their time");
    assert!(transfers >= worlds, "only {transfers} transfers of schemas came to their end");
}

#[test]
fn the_same_seed_gives_the_same_history() {
    for seed in seeds(5) {
        let history = || recorded(seed);
        let first = history();
        assert!(first.len() > 500, "a history worth comparing");
        assert_eq!(first, history(), "seed {seed}");
    }
}

#[test]
fn different_seeds_give_different_histories() {
    assert_ne!(recorded(1), recorded(2));
}

/// The first connection of the only busy client breaks after each byte in turn, in either direction.
#[test]
fn a_connection_may_break_after_any_byte() {
    for to_server in [true, false] {
        let mut cut = 0;
        loop {
            let plan = Plan { cut: Some((to_server, cut)), ..Plan::short() };
            let mut world = World::new(7, plan);
            world.run();
            if !world.was_cut() {
                break;
            }
            cut += 1;
        }
        assert!(cut > 1000, "only {cut} places were tried");
    }
}

#[test]
fn a_shutdown_comes_to_its_end_with_providers_and_without() {
    for seed in seeds(25) {
        for acknowledge in [true, false] {
            World::new(seed, Plan { terminate: true, acknowledge, ..Plan::default() }).run();
        }
    }
}

/// Bytes that the hub may hold at the end beyond what a new one holds: what it knows of three resources, and places that an
/// empty inbox keeps.
const MOST_LEFT: isize = 64 * 1024;

#[test]
fn trouble_of_every_kind_breaks_no_promise_and_leaves_no_memory_behind() {
    let (mut crashes, mut cut, mut most_left) = (0, 0, 0);
    let seeds = seeds(USUAL / 2);
    for seed in &seeds {
        let before = memory::held();
        let mut world = World::new(*seed, Plan { trouble: true, ..Plan::default() });
        drop(world.run());
        progress(*seed, seeds.len() as u64);
        crashes += world.crashes;
        cut += world.around().cut;
        let left = world.left_behind();
        assert!(left <= MOST_LEFT, "seed {seed}: the hub still holds {left} bytes");
        most_left = most_left.max(left);
        assert_eq!(memory::held(), before, "seed {seed} leaks");
    }
    let worlds = seeds.len() as u64;
    println!("{worlds} worlds: {crashes} crashes, {cut} clients cut, at most {most_left} bytes left");
    assert!(crashes >= worlds / 4, "only {crashes} crashes");
    assert!(cut >= worlds / 10, "only {cut} clients were cut");
}
