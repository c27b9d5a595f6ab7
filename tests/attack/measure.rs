// SPDX-License-Identifier: LGPL-2.1-or-later
//! What an attack costs: how long a well-behaved client waited meanwhile, and how much memory the daemon took.
//!
//! `benches/attacks` runs these tests once for each daemon (`PCMK_ATTACK_DAEMON`), collects what they append to the file
//! named by `PCMK_ATTACK_REPORT`, and makes the table of docs/security.md from it. Then nothing is demanded of the figures.
use crate::node::{Daemon, KEY, PORT, connect, context};
use crate::peer::{Peer, nameless_poke};
use crate::place::LIMIT;
use pcmk_remote_rs::model::Request;
use std::fmt;
use std::fs::OpenOptions;
use std::io::Write;
use std::net::{Ipv4Addr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Between two questions of the bystander.
const PAUSE: Duration = Duration::from_millis(5);
/// The file that figures are appended to.
const REPORT: &str = "PCMK_ATTACK_REPORT";

/// Are figures wanted of a daemon that may be another than ours, and nothing demanded of it?
pub(crate) fn is_measured() -> bool {
    std::env::var_os(REPORT).is_some()
}

/// A remote client that does no harm, and that asks all the time until it is told to stop.
pub(crate) struct Bystander {
    over: Arc<AtomicBool>,
    thread: JoinHandle<Waits>,
    attack: String,
    begun: Instant,
}

/// What it met with.
struct Waits {
    answers: u32,
    slowest: Duration,
    lost: u32,
}

/// What an attack came to.
pub(crate) struct Figures {
    /// The table's row.
    pub(crate) attack: String,
    /// How long the bystander waited for an answer at most, connecting again included.
    pub(crate) slowest: Duration,
    /// Questions of the bystander that were answered.
    pub(crate) answers: u32,
    /// How often the bystander was disconnected, or could not connect.
    pub(crate) lost: u32,
    /// The most memory that the daemon ever had, resident, in KiB.
    pub(crate) peak_kib: u64,
    /// Of the attack.
    pub(crate) lasted: Duration,
}

/// Asks once; false: the connection is lost.
type Ask = Box<dyn FnMut() -> bool>;

/// One that is told what everybody is told.
fn named() -> Option<Ask> {
    let mut client = connect("bystander").ok()?;
    Some(Box::new(move || client.call(Request::Poke).is_ok()))
}

/// One whose question no other client is told of.
fn apart() -> Option<Ask> {
    let mut client = connect("bystander").ok()?;
    Some(Box::new(move || client.call(Request::ResourceInfo(None)).is_ok()))
}

/// One that has no name and is told nothing.
fn nameless() -> Option<Ask> {
    let socket = TcpStream::connect((Ipv4Addr::LOCALHOST, PORT)).ok()?;
    socket.set_read_timeout(Some(LIMIT)).and_then(|()| socket.set_nodelay(true)).ok()?;
    let mut peer = Peer::over(socket, &context(&std::fs::read(KEY).ok()?)).ok()?;
    Some(Box::new(move || {
        peer.send_text(&nameless_poke(1, ""));
        peer.next_text().is_ok()
    }))
}

impl Bystander {
    /// Connects, and begins to ask. `attack` is the table's row.
    pub(crate) fn watch(attack: &str) -> Self {
        Self::asking(attack, named)
    }

    /// The same without a name, where what everybody is told is the attack.
    pub(crate) fn watch_nameless(attack: &str) -> Self {
        Self::asking(attack, nameless)
    }

    /// The same with questions that no other client is told of, for attacks by clients that do not read.
    pub(crate) fn watch_apart(attack: &str) -> Self {
        Self::asking(attack, apart)
    }

    fn asking(attack: &str, connect: fn() -> Option<Ask>) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let (ended, (ready, is_ready)) = (Arc::clone(&over), channel());
        // A thread that this one starts is in the same namespaces.
        let thread = std::thread::spawn(move || {
            let mut ask = connect();
            assert!(ask.is_some(), "the bystander connects before the attack");
            ready.send(()).expect("the test waits for it");
            let mut waits = Waits { answers: 0, slowest: Duration::ZERO, lost: 0 };
            let mut since = Instant::now();
            while !ended.load(Ordering::Relaxed) {
                let answered = ask.as_mut().is_some_and(|ask| ask());
                waits.slowest = waits.slowest.max(since.elapsed());
                if answered {
                    waits.answers += 1;
                    std::thread::sleep(PAUSE);
                    since = Instant::now();
                } else {
                    waits.lost += 1;
                    ask = connect();
                }
            }
            waits
        });
        is_ready.recv().expect("the bystander is connected");
        Self { over, thread, attack: attack.to_owned(), begun: Instant::now() }
    }

    /// The attack is over: says what it came to, in the report too if one is wanted.
    pub(crate) fn figures(self, daemon: &Daemon) -> Figures {
        self.over.store(true, Ordering::Relaxed);
        let waits = self.thread.join().expect("the bystander lives");
        let figures = Figures {
            attack: self.attack,
            slowest: waits.slowest,
            answers: waits.answers,
            lost: waits.lost,
            peak_kib: daemon.peak_kib(),
            lasted: self.begun.elapsed(),
        };
        figures.report();
        figures
    }
}

impl Figures {
    /// Prints them, and appends them to the report if one is wanted.
    pub(crate) fn report(&self) {
        println!("{self}");
        if let Some(path) = std::env::var_os(REPORT) {
            let mut file = OpenOptions::new().append(true).create(true).open(path).expect("the report");
            writeln!(file, "{}", self.as_fields()).expect("the report is written");
        }
    }

    /// Demands that the bystander was served all the time, never slower than `patience`, and that the daemon never had
    /// more than `mib` of memory. Bounds for a busy machine and a build without optimisation.
    pub(crate) fn expect(&self, patience: Duration, mib: u64) {
        if is_measured() {
            return;
        }
        assert!(self.answers > 0 && self.lost == 0, "{self}");
        assert!(self.slowest <= patience, "{self}");
        assert!(self.peak_kib <= mib * 1024, "{self}");
    }

    /// One line of the report: fields with a tab between them.
    fn as_fields(&self) -> String {
        let Self { attack, slowest, answers, lost, peak_kib, lasted } = self;
        let millis = |time: &Duration| format!("{:.1}", time.as_secs_f64() * 1000.0);
        format!("{attack}\t{}\t{answers}\t{lost}\t{peak_kib}\t{}", millis(slowest), millis(lasted))
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { attack, slowest, answers, lost, peak_kib, lasted } = self;
        let peak_mib = peak_kib / 1024;
        write!(
            f,
            "{attack}: {lasted:.1?}; the bystander had {answers} answers, the slowest after {slowest:.1?}, and lost \
             {lost} connections; the daemon had {peak_mib} MiB at most"
        )
    }
}
