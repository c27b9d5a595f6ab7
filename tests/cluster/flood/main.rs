// SPDX-License-Identifier: LGPL-2.1-or-later
//! Sends as fast as is taken, on a host of a lab, and tells what became of it (see `tests/cluster/floods.py`).
//!
//! `flood KIND [WHAT] FORM SECONDS`, where FORM is `plain` or `compressed`, and KIND one of
//! `server NAME`: requests to a local server; `connects NAME`: connections to it, each of which says one thing and goes;
//! `pokes`, `registrations`, `completions`: by a peer with the key.
//!
//! Prints an object of JSON: how many were `sent`, how long it had to wait for room (`waited`, in seconds), what was
//! `refused`, and after how many seconds its connections had all `ended`.
#![allow(clippy::disallowed_methods, reason = "it measures time")]
#![allow(dead_code, reason = "the peers of the tests can do more")]

#[path = "../../local_ipc/peer.rs"]
mod local_peer;
mod member;
#[path = "../../daemon/peer.rs"]
mod peer;
mod remote;

/// What the peers need of a test.
mod node {
    use pcmk_remote_rs::sys::tls::{ClientContext, Policy, Psk};

    pub(crate) const PORT: u16 = 3121;
    pub(crate) const KEY: &str = "/etc/pacemaker/authkey";

    pub(crate) fn context(key: &[u8]) -> ClientContext {
        ClientContext::new(&Psk::new(key.to_vec()).unwrap(), &Policy::default()).unwrap()
    }
}

mod place {
    pub(crate) const LIMIT: std::time::Duration = std::time::Duration::from_secs(30);
}

use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Between two tries when there is no room. An attempt that takes longer has waited for it.
const PAUSE: Duration = Duration::from_millis(1);
/// What makes a message so long that peers compress it.
const LONG: usize = 300_000;

/// Text that compresses as that of clusters does, some 15:1.
fn filler(length: usize) -> String {
    const WORD: usize = 12;
    let mut state = 1_u32;
    let mut random = |below: usize| {
        state = state.wrapping_mul(1_103_515_245).wrapping_add(12_345);
        usize::try_from(state >> 16).unwrap() % below
    };
    let letters: String =
        (0..32 * WORD).map(|_| char::from(b"abcdefghijklmnopqrstuvwxyz"[random(26)])).collect();
    (0..length / WORD).map(|_| &letters[WORD * random(32)..][..WORD]).collect()
}

/// What became of an attempt.
enum Outcome {
    Sent,
    NoRoom,
    /// The server has refused a connection.
    Refused,
    /// No connection is left.
    Ended,
}

#[derive(Clone, Default)]
struct Report {
    sent: u64,
    refused: u64,
    /// For room, in attempts that are over.
    waited: Duration,
    /// When the latest attempt has begun.
    since: Duration,
    ended: Option<Duration>,
}

impl Report {
    /// Makes attempts on a thread of their own: libqb's client waits without limit for a server that does not look.
    fn of<A: FnMut() -> Outcome>(lasting: Duration, begin: impl FnOnce() -> A + Send + 'static) -> Self {
        let shared = Arc::new(Mutex::new(Self::default()));
        let (ready, is_ready) = channel();
        let report = Arc::clone(&shared);
        std::thread::spawn(move || {
            let mut attempt = begin();
            let begun = Instant::now();
            ready.send(begun).unwrap();
            loop {
                let since = begun.elapsed();
                report.lock().unwrap().since = since;
                let outcome = attempt();
                if matches!(outcome, Outcome::NoRoom | Outcome::Refused) {
                    std::thread::sleep(PAUSE);
                }
                report.lock().unwrap().count(&outcome, begun.elapsed());
                if matches!(outcome, Outcome::Ended) {
                    return;
                }
            }
        });
        let begun = is_ready.recv().expect("the first connections are let in");
        while begun.elapsed() < lasting && shared.lock().unwrap().ended.is_none() {
            std::thread::sleep(10 * PAUSE);
        }
        let mut report = shared.lock().unwrap().clone();
        if report.ended.is_none() {
            report.wait(begun.elapsed());
        }
        report
    }

    fn count(&mut self, outcome: &Outcome, now: Duration) {
        match outcome {
            Outcome::Sent => self.sent += 1,
            Outcome::Refused => self.refused += 1,
            Outcome::NoRoom => {}
            Outcome::Ended => self.ended = Some(now),
        }
        self.wait(now);
    }

    fn wait(&mut self, now: Duration) {
        let took = now.saturating_sub(self.since);
        if took >= PAUSE {
            self.waited += took;
        }
    }

    fn print(&self) {
        let ended = self.ended.map_or_else(|| "null".to_owned(), |time| format!("{:.1}", time.as_secs_f64()));
        let (sent, refused, waited) = (self.sent, self.refused, self.waited.as_secs_f64());
        println!(r#"{{"sent": {sent}, "refused": {refused}, "waited": {waited:.1}, "ended": {ended}}}"#);
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let Some((seconds, words)) = words.split_last() else { return usage() };
    let Ok(seconds) = seconds.parse().map(Duration::from_secs) else { return usage() };
    let is_long = words.last() == Some(&"compressed");
    let report = match words {
        ["server", name, _] => {
            let name = (*name).to_owned();
            Report::of(seconds, move || member::requests(&name, is_long))
        }
        ["connects", name, _] => {
            let name = (*name).to_owned();
            Report::of(seconds, move || member::connections(&name, is_long))
        }
        [kind @ ("pokes" | "registrations" | "completions"), _] => {
            let kind = (*kind).to_owned();
            Report::of(seconds, move || remote::requests(&kind, is_long))
        }
        _ => return usage(),
    };
    report.print();
}

fn usage() {
    eprintln!(
        "flood server|connects NAME | pokes | registrations | completions, then plain|compressed SECONDS"
    );
    std::process::exit(2);
}
