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

use std::time::{Duration, Instant};

/// Between two tries when there is no room.
const PAUSE: Duration = Duration::from_millis(1);
/// What makes a message so long that peers compress it.
const LONG: usize = 1_000_000;

/// Text that compresses as that of clusters does, some 100:1, so that few messages fit into a ring.
fn filler(length: usize) -> String {
    let mut state = 1_u32;
    let mut letter = || {
        state = state.wrapping_mul(1_103_515_245).wrapping_add(12_345);
        char::from(b'a' + u8::try_from((state >> 16) % 26).unwrap())
    };
    let block: String = (0..4096).map(|_| letter()).collect();
    block.repeat(length / block.len())
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

#[derive(Default)]
struct Report {
    sent: u64,
    refused: u64,
    waited: Duration,
    ended: Option<Duration>,
}

impl Report {
    fn of(lasting: Duration, mut attempt: impl FnMut() -> Outcome) -> Self {
        let (begun, mut report) = (Instant::now(), Self::default());
        while begun.elapsed() < lasting {
            match attempt() {
                Outcome::Sent => report.sent += 1,
                Outcome::Ended => {
                    report.ended = Some(begun.elapsed());
                    break;
                }
                outcome @ (Outcome::NoRoom | Outcome::Refused) => {
                    report.refused += u64::from(matches!(outcome, Outcome::Refused));
                    let since = Instant::now();
                    std::thread::sleep(PAUSE);
                    report.waited += since.elapsed();
                }
            }
        }
        report
    }

    fn print(&self) {
        let ended = self.ended.map_or_else(|| "null".to_owned(), |time| time.as_secs_f64().to_string());
        println!(
            r#"{{"sent": {}, "refused": {}, "waited": {}, "ended": {ended}}}"#,
            self.sent,
            self.refused,
            self.waited.as_secs_f64()
        );
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let Some((seconds, words)) = words.split_last() else { return usage() };
    let Ok(seconds) = seconds.parse().map(Duration::from_secs) else { return usage() };
    let is_long = words.last() == Some(&"compressed");
    let report = match words {
        ["server", name, _] => Report::of(seconds, member::requests(name, is_long)),
        ["connects", name, _] => Report::of(seconds, member::connections(name, is_long)),
        [kind @ ("pokes" | "registrations" | "completions"), _] => {
            Report::of(seconds, remote::requests(kind, is_long))
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
