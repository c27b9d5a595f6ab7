// SPDX-License-Identifier: LGPL-2.1-or-later
//! A small executor in GLib's loop does what the one on tokio does: the same requests, real agents, and the same replies
//! and results in the same order. And it does it alone: without a thread.
#![allow(clippy::disallowed_methods, reason = "tests keep time limits")]

mod recorder;
mod script;
mod tokio_loop;

use pcmk_remote_rs::driver::glib::{Executor, Setup};
use pcmk_remote_rs::driver::hub::Inbox;
use pcmk_remote_rs::sys::glib::{Priority, Source, iterate};
use recorder::{Node, Recorder, agents, settings};
use script::{Lines, Script};
use std::cell::Cell;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

/// Longer than anything here takes on a busy machine.
const LIMIT: Duration = Duration::from_secs(120);

/// Has the default main context run until `reached`.
fn run_until(what: &str, mut reached: impl FnMut() -> bool) {
    let late = Rc::new(Cell::new(false));
    let over = Rc::clone(&late);
    let limit = Source::attach(c"limit", Priority::High, move || over.set(true));
    limit.set_timer(Some(LIMIT));
    while !reached() {
        iterate(true);
        assert!(!late.get(), "{what} has not come");
    }
}

fn start(directory: &Path, lines: &Lines, inbox: &Inbox<u64, u64>) -> Executor<Recorder> {
    let config = agents(directory);
    Executor::start(Setup {
        settings: settings(),
        agents: Box::new(move || config.clone()),
        hooks: Box::new(Node),
        outside: Recorder::new(lines.clone()),
        inbox: inbox.clone(),
        exit: Box::new(|_| {}),
    })
}

/// What is seen of an executor in GLib's loop, step by step.
fn in_glib(script: &Script, directory: &Path) -> Vec<Vec<String>> {
    let (lines, inbox) = (Lines::default(), Inbox::default());
    let _executor = start(directory, &lines, &inbox);
    let mut seen = Vec::new();
    for step in &script.steps {
        step.put(&inbox);
        run_until(step.last, || lines.has(step.last));
        seen.push(lines.take());
    }
    seen
}

#[test]
fn an_executor_in_glibs_loop_does_what_the_one_on_tokio_does() {
    let directory = script::directory();
    let script = Script::of_everything();
    let (glib, tokio) = (in_glib(&script, directory.path()), tokio_loop::run(&script, directory.path()));
    assert_eq!(glib.len(), script.steps.len());
    for ((step, glib), tokio) in script.steps.iter().zip(&glib).zip(&tokio) {
        assert_eq!(glib, tokio, "{}", step.about);
    }
}

#[test]
fn a_hundred_recurring_monitors_need_no_thread_and_no_handler_of_sigchld() {
    let directory = script::directory();
    let (lines, inbox) = (Lines::default(), Inbox::default());
    let _executor = start(directory.path(), &lines, &inbox);
    let threads = || std::fs::read_dir("/proc/self/task").unwrap().count();
    let handler = || {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:\t")).unwrap();
        u64::from_str_radix(caught, 16).unwrap() & (1 << 16)
    };
    // Other tests of this program run in threads of their own.
    let before = (threads(), handler());
    script::recur(&inbox, 100);
    run_until("the second round", || lines.count("completed") >= 300);
    assert!(threads() <= before.0, "{} threads instead of {}", threads(), before.0);
    assert_eq!(handler(), before.1);
}

#[test]
fn one_start_is_followed_by_a_turn_of_the_others() {
    let directory = script::directory();
    let (lines, inbox) = (Lines::default(), Inbox::default());
    let _executor = start(directory.path(), &lines, &inbox);
    // Fewer than the machine has room for, more than a turn would bear.
    script::burst(&inbox, 200);
    let turns = Rc::new(Cell::new(0));
    let (count, all) = (Rc::clone(&turns), lines.clone());
    let other = Source::attach(c"another", Priority::Default, move || {
        if all.count("completed") < 200 {
            count.set(count.get() + 1);
        }
    });
    other.wake();
    run_until("the end of the burst", || lines.count("completed") == 200);
    drop(other);
    assert!(turns.get() >= 200, "another source had {} turns beside 200 starts", turns.get());
}

#[test]
fn what_a_request_causes_is_seen_when_settling_returns() {
    let directory = script::directory();
    let (lines, inbox) = (Lines::default(), Inbox::default());
    let executor = start(directory.path(), &lines, &inbox);
    script::sign_on(&inbox);
    executor.settle();
    assert!(lines.has("reply 1 #1"), "{:?}", lines.take());
}
