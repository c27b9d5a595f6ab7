// SPDX-License-Identifier: LGPL-2.1-or-later
//! As many resources and operations as the daemon takes, made and ended beside a bystander.
use crate::node::{KEY, Start, await_log, make_key};
use crate::peer::{Peer, nameless_poke};
use crate::place::isolated;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

const MANY: u32 = 100_000;
/// Requests that are under way at once.
const BATCH: u32 = 500;
/// Asks all the time; the longest that it waited for an answer.
struct Bystander {
    over: Arc<AtomicBool>,
    thread: JoinHandle<Duration>,
}

impl Bystander {
    fn start() -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let ended = Arc::clone(&over);
        let mut peer = Peer::connect(&std::fs::read(KEY).unwrap());
        let thread = thread::spawn(move || {
            let mut longest = Duration::ZERO;
            while !ended.load(Ordering::Relaxed) {
                let begun = Instant::now();
                peer.send_text(&nameless_poke(1, ""));
                peer.next_text().expect("the bystander is answered");
                longest = longest.max(begun.elapsed());
                // Its pace, not a wait for anything.
                thread::sleep(Duration::from_millis(5));
            }
            longest
        });
        Self { over, thread }
    }

    fn longest_wait(self) -> Duration {
        self.over.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}

/// A peer without a name, so that it is told nothing.
struct Author(Peer);

impl Author {
    /// Asks this for each number, and waits for all answers.
    fn each(&mut self, numbers: std::ops::Range<u32>, request: impl Fn(u32) -> (&'static str, String)) {
        for begin in numbers.clone().step_by(BATCH as usize) {
            let batch = begin..numbers.end.min(begin + BATCH);
            for number in batch.clone() {
                let (op, data) = request(number);
                self.0.send_text(&nameless_poke(number, &data).replace("lrmd_rsc_poke", op));
            }
            for _ in batch {
                let text = self.0.next_text().expect("each is answered");
                assert!(!text.contains("lrmd_rc=\"-"), "{text}");
            }
        }
    }
}

fn register(id: &str) -> (&'static str, String) {
    let data = format!(
        r#"<lrmd_rsc lrmd_rsc_id="{id}" lrmd_class="ocf" lrmd_provider="test" lrmd_type="a" lrmd_rsc_drop_recurring="true"/>"#
    );
    ("lrmd_rsc_register", data)
}

fn unregister(id: &str) -> (&'static str, String) {
    ("lrmd_rsc_unregister", format!(r#"<lrmd_rsc lrmd_rsc_id="{id}"/>"#))
}

/// An operation that may not start yet.
fn execute(id: &str, interval: u32) -> (&'static str, String) {
    let data = format!(
        r#"<lrmd_rsc lrmd_rsc_id="{id}" lrmd_rsc_action="monitor" lrmd_rsc_interval="{interval}" lrmd_rsc_start_delay="3600000" lrmd_timeout="0"/>"#
    );
    ("lrmd_rsc_exec", data)
}

fn cancel(id: &str, interval: u32) -> (&'static str, String) {
    let data =
        format!(r#"<lrmd_rsc lrmd_rsc_id="{id}" lrmd_rsc_action="monitor" lrmd_rsc_interval="{interval}"/>"#);
    ("lrmd_rsc_cancel", data)
}

/// What `work` keeps the bystander waiting for.
fn beside(what: &str, work: impl FnOnce()) {
    let bystander = Bystander::start();
    let begun = Instant::now();
    work();
    let longest = bystander.longest_wait();
    let took = begun.elapsed();
    println!("{what}: {took:?}, the bystander waited {longest:?} at most");
    // If it was done in one step the bystander would wait for all of it, however fast the machine is.
    assert!(longest < took / 3, "{what}: {longest:?} of {took:?}");
}

#[test]
fn resources_without_number_keep_nobody_waiting() {
    isolated(|| {
        make_key(4096);
        let _daemon = Start::new().ready();
        let mut author = Author(Peer::connect(&std::fs::read(KEY).unwrap()));
        beside("register", || author.each(0..MANY, |number| register(&format!("r{number}"))));
        beside("execute", || author.each(0..MANY, |number| execute(&format!("r{number}"), 1000)));
        beside("cancel", || author.each(0..MANY / 2, |number| cancel(&format!("r{number}"), 1000)));
        beside("unregister", || author.each(0..MANY, |number| unregister(&format!("r{number}"))));
    });
}

#[test]
fn a_resource_with_operations_without_number_keeps_nobody_waiting_when_it_goes() {
    isolated(|| {
        make_key(4096);
        let _daemon = Start::new().ready();
        let mut author = Author(Peer::connect(&std::fs::read(KEY).unwrap()));
        author.each(0..1, |_| register("one"));
        beside("execute", || author.each(1..MANY, |interval| execute("one", interval)));
        beside("unregister", || {
            author.each(0..1, |_| unregister("one"));
            // The last to be accepted is the last to end.
            await_log(&["interval 99.999s", "Cancelled"]);
        });
    });
}
