// SPDX-License-Identifier: LGPL-2.1-or-later
//! The C programs of capi-tests on the distribution's liblrmd and on ours: the original is the oracle.
//!
//! A program is compiled once for a release, with the distribution's headers, and run against the distribution's
//! daemon and against ours, each time on either library. What it prints has to be the same, but for what
//! `differences` lists. Needs root: each test has namespaces and a root directory of its own.
#![allow(clippy::disallowed_methods, reason = "tests start programs and keep time limits")]

mod certificates;
mod differences;
mod hostile;
mod peers;
#[path = "../daemon/place.rs"]
#[allow(dead_code, reason = "the daemon's tests need more of it")]
mod place;
mod raw_peer;
mod release;
mod site;

use release::{Build, Release};
use site::{Server, Site};
use std::process::Output;
use std::sync::{Mutex, PoisonError};

/// What `program` prints on the distribution's library and on ours, with either daemon.
fn same(program: &'static str, release: Release) {
    // Whatever has to be made is made before the test leaves for its own corner.
    let binary = release.program(program, Build::Plain);
    let library = release.our_library();
    release.remoted();
    place::isolated(move || {
        let site = Site::new(release);
        peers::serve(&site::key());
        for server in [Server::Distribution, Server::Ours] {
            let mut printed = [None, Some(library.as_path())].into_iter().map(|library| {
                let daemon = site.serve(server);
                let output = site.run(server, &[], &binary, library);
                drop(daemon);
                text_of(&site, program, &output)
            });
            let (theirs, ours) = (printed.next().unwrap(), printed.next().unwrap());
            differences::check(program, release, server, &theirs, &ours);
        }
    });
}

/// Runs `program` on our library, watched for what it leaks, frees twice or reads after it was freed.
fn clean(
    program: &'static str,
    build: Build,
    watcher: &'static [&'static str],
    expected: Option<&'static str>,
) {
    // Under Valgrind a handshake takes most of the time that the library gives it, if nothing else runs.
    static ALONE: Mutex<()> = Mutex::new(());
    let _alone = (!watcher.is_empty()).then(|| ALONE.lock().unwrap_or_else(PoisonError::into_inner));
    let release = Release::V2_1;
    let binary = release.program(program, build);
    let library = release.our_library();
    release.remoted();
    place::isolated(move || {
        let site = Site::new(release);
        peers::serve(&site::key());
        let daemon = site.serve(Server::Ours);
        let output = site.run(Server::Ours, watcher, &binary, Some(&library));
        drop(daemon);
        let text = text_of(&site, program, &output);
        if let Some(expected) = expected {
            differences::check(program, release, Server::Ours, expected, &text);
        }
    });
}

/// What is lost is an error; what GLib and OpenSSL keep until the process ends is not.
const VALGRIND: &[&str] = &[
    "valgrind",
    "--quiet",
    "--leak-check=full",
    "--show-leak-kinds=definite,indirect,possible",
    "--errors-for-leak-kinds=definite,indirect,possible",
    "--suppressions=/run/valgrind.supp",
    "--error-exitcode=99",
];

fn text_of(site: &Site, program: &str, output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{program} ended with {}\n{text}\n{}\nthe daemon:\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr),
        site.log()
    );
    text
}

/// Where upstream crashes there is nothing to compare with: no line may say that something was not refused.
#[test]
fn null_is_harmless_where_upstream_crashes() {
    for release in [Release::V2_1, Release::V3_0] {
        let binary = release.program("nulls", Build::Plain);
        let library = release.our_library();
        release.remoted();
        place::isolated(move || {
            let site = Site::new(release);
            let output = site.run(Server::Ours, &[], &binary, Some(&library));
            let text = text_of(&site, "nulls", &output);
            assert!(text.contains("no event") && !text.contains("not refused"), "{text}");
        });
    }
}

#[test]
fn callbacks_may_delete_a_connection_and_connect_it_again() {
    clean("deletion", Build::Sanitized, &[], Some(include_str!("../../capi-tests/deletion.out")));
}

/// How much of the processor the library may take between two turns of a timer of the caller's, and the memory that the
/// whole program may have. The largest messages take the longest.
const MOST_SPENT_MS: u64 = 100;
const MOST_KIB: u64 = 100 * 1024;

#[test]
fn servers_that_mean_harm_cost_their_client_little_time_and_memory() {
    let release = Release::V2_1;
    let binary = release.program("hostile", Build::Plain);
    let library = release.our_library();
    release.remoted();
    place::isolated(move || {
        let site = Site::new(release);
        peers::serve(&site::key());
        let output = site.run(Server::Ours, &[], &binary, Some(&library));
        let text = text_of(&site, "hostile", &output);
        println!("{text}");
        assert_eq!(text.lines().count(), hostile::Hostility::ALL.len(), "{text}");
        for line in text.lines() {
            let figure = |name: &str| {
                let value = line.split_whitespace().find_map(|word| word.strip_prefix(name)).unwrap();
                value.parse::<u64>().unwrap()
            };
            assert!(figure("spent_ms=") < MOST_SPENT_MS, "{line}");
            assert!(figure("call_ms=") < 3_000, "{line}");
            assert!(figure("memory_kib=") < MOST_KIB, "{line}");
            let early = line.starts_with("early-");
            assert_eq!(early, !line.contains(" connect=0 "), "{line}");
        }
    });
}

macro_rules! programs {
    ($($test:ident: $program:literal),* $(,)?) => {
        mod pacemaker_2_1 {
            $(#[test] fn $test() { super::same($program, super::Release::V2_1); })*
        }
        mod pacemaker_3_0 {
            $(#[test] fn $test() { super::same($program, super::Release::V3_0); })*
        }
        mod sanitized {
            $(#[test] fn $test() { super::clean($program, super::Build::Sanitized, &[], None); })*
        }
    };
}

programs! {
    life_cycle: "life-cycle",
    ownership: "ownership",
    reentrancy: "reentrancy",
    main_loop: "main-loop",
    descriptor: "descriptor",
    events: "events",
    errors: "errors",
    alerts: "alerts",
    messages: "messages",
    proxies: "proxies",
}

/// All but `errors`, each of whose processes would prepare TLS anew: a minute of nothing else.
mod valgrind {
    macro_rules! programs {
        ($($test:ident: $program:literal),* $(,)?) => {
            $(#[test] fn $test() { super::clean($program, super::Build::Plain, super::VALGRIND, None); })*
        };
    }

    programs! {
        life_cycle: "life-cycle",
        ownership: "ownership",
        reentrancy: "reentrancy",
        main_loop: "main-loop",
        descriptor: "descriptor",
        events: "events",
        alerts: "alerts",
        messages: "messages",
        proxies: "proxies",
    }
}
