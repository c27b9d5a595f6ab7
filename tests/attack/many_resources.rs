// SPDX-License-Identifier: LGPL-2.1-or-later
//! As many resources and operations as the daemon takes, made and ended beside a bystander.
use crate::measure::{Bystander, is_measured};
use crate::node::{Daemon, KEY, Start, await_log, make_key};
use crate::peer::{Peer, nameless_poke};
use crate::place::isolated;

const MANY: u32 = 100_000;
/// Requests that are under way at once.
const BATCH: u32 = 500;

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
fn beside(daemon: &Daemon, what: &str, work: impl FnOnce()) {
    let bystander = Bystander::watch_nameless(what);
    work();
    let figures = bystander.figures(daemon);
    // If it was done in one step the bystander would wait for all of it, however fast the machine is.
    assert!(is_measured() || figures.slowest < figures.lasted / 3, "{figures}");
}

/// How many there are; fewer where another daemon is measured that takes a tenth of a second for each answer.
fn many() -> u32 {
    if is_measured() { MANY / 50 } else { MANY }
}

#[test]
fn resources_without_number_keep_nobody_waiting() {
    isolated(|| {
        make_key(4096);
        let daemon = Start::new().ready();
        let mut author = Author(Peer::connect(&std::fs::read(KEY).unwrap()));
        let many = many();
        let name = |step: &str| format!("{many} resources with an operation each: {step}");
        beside(&daemon, &name("register"), || author.each(0..many, |number| register(&format!("r{number}"))));
        beside(&daemon, &name("execute"), || {
            author.each(0..many, |number| execute(&format!("r{number}"), 1000))
        });
        beside(&daemon, &name("cancel"), || {
            author.each(0..many / 2, |number| cancel(&format!("r{number}"), 1000))
        });
        beside(&daemon, &name("unregister"), || {
            author.each(0..many, |number| unregister(&format!("r{number}")))
        });
    });
}

#[test]
fn a_resource_with_operations_without_number_keeps_nobody_waiting_when_it_goes() {
    isolated(|| {
        make_key(4096);
        let daemon = Start::new().ready();
        let mut author = Author(Peer::connect(&std::fs::read(KEY).unwrap()));
        author.each(0..1, |_| register("one"));
        let many = many();
        let name = |step: &str| format!("a resource with {many} operations: {step}");
        beside(&daemon, &name("execute"), || author.each(1..many, |interval| execute("one", interval)));
        beside(&daemon, &name("unregister"), || {
            author.each(0..1, |_| unregister("one"));
            // The last to be accepted is the last to end.
            if !is_measured() {
                await_log(&["interval 99.999s", "Cancelled"]);
            }
        });
    });
}
