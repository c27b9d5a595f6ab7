// SPDX-License-Identifier: LGPL-2.1-or-later
//! A client of one executor that never waits by itself: for callers with a loop of their own. It has one descriptor
//! at a time to be watched and one deadline; [`Connection::advance`] does what can be done, then
//! [`Connection::next_event`] tells what happened. [`Connection::call`], [`Connection::wait_for_sign_on`] and
//! [`Connection::wait_for_event`] wait all the same, on this connection alone; [`Client`](super::blocking::Client) is
//! for programs that want nothing else.
//!
//! * `lookup`, `dial`: from a name to a TCP connection. `keys`: what proves who we are.
//! * `remote`: an executor over TLS; `transport`: the bytes of it. `local`: the one of this node, over IPC.
//! * `carrier`: in what the two differ; `reports`: what they report.
//! * `problem`: what can go wrong; `remedy`: what to do about it. `waiting`: calls, under poll(2). `turn`: how long is
//!   worked before the caller's loop goes on.
#![allow(clippy::disallowed_methods, reason = "a driver: it reads the clock")]

mod carrier;
pub(super) mod dial;
mod keys;
#[cfg(feature = "local")]
mod local;
mod lookup;
mod problem;
mod remedy;
mod remote;
mod reports;
mod transport;
mod turn;
mod waiting;

#[cfg(all(test, feature = "daemon"))]
mod local_tests;
#[cfg(test)]
mod tests;

pub use crate::core::ClientError;
pub use crate::driver::link::Wanted;
pub use crate::sys::x509::{Fingerprint, Strictness, SuiteB};
#[cfg(feature = "local")]
pub use crate::wire::ipc::IpcLayout;
pub use keys::{KeyProblem, Keys};
#[cfg(any(feature = "tool", feature = "capi"))]
pub(crate) use keys::{strictness_of_environment, strictness_without_certificates};
pub use problem::{CallProblem, Problem, Stage};
#[cfg(any(feature = "tool", feature = "capi"))]
pub(crate) use remedy::with_remedy;
pub use remote::{HANDSHAKE_LIMIT, RemoteSettings};

use super::clock::Clock;
#[cfg(feature = "local")]
use crate::model::site::EXECUTOR_SERVER;
use crate::model::{Notification, ProtocolVersion, Registered, Request, RequestRefused};
#[cfg(feature = "local")]
use crate::sys::qb::Trusted;
use carrier::Carrier;
use nix::poll::{PollTimeout, poll};
use remote::Remote;
use reports::{Report, Reports};
use std::collections::VecDeque;
use std::net::TcpStream;
use std::os::fd::BorrowedFd;
use std::time::Instant;
use turn::{TURN, Turn};

/// Who signs on.
#[derive(Clone, Debug, Default)]
pub struct Identity {
    /// What the server shall call us; without a name it tells us nothing unasked.
    pub name: Option<String>,
    /// Do we carry messages of the server's local clients to the cluster?
    pub is_provider: bool,
    /// The protocol version that is announced. To servers, a provider of 1.2 or later can transfer schemas.
    pub version: ProtocolVersion,
}

/// What a connection has to tell.
#[derive(Debug)]
pub enum Event {
    /// Calls are possible from now on.
    SignedOn(Registered),
    /// The executor tells something.
    Notification(Notification),
    /// The connection is over, for this reason. Nothing follows.
    Ended(Problem),
}

/// A connection to an executor, from its beginning to its end. Dropping it says goodbye.
#[derive(Debug)]
pub struct Connection {
    carrier: Box<dyn Carrier>,
    reports: Reports,
    clock: Clock,
    /// Events that came while something else was waited for.
    kept: VecDeque<Event>,
    turn: Turn,
    signed_on: bool,
    end: Option<Problem>,
}

impl Connection {
    /// Begins a connection to a remote node.
    ///
    /// # Errors
    /// It is clear at once that there will be none.
    pub fn remote(settings: RemoteSettings, identity: Identity) -> Result<Self, Problem> {
        let clock = Clock::start();
        Remote::start(settings, identity, clock).map(|remote| Self::new(remote, clock))
    }

    /// Begins TLS and the sign-on over a TCP connection that [`dial`] has made. Of `settings` server and port are for
    /// the log.
    ///
    /// # Errors
    /// TLS cannot be used.
    pub(super) fn over(
        stream: TcpStream,
        settings: RemoteSettings,
        identity: Identity,
    ) -> Result<Self, Problem> {
        let clock = Clock::start();
        Remote::over(stream, settings, identity, clock).map(|remote| Self::new(remote, clock))
    }

    /// Connects to the executor of this node; libqb's own greeting is waited for, ten seconds at most. Then the sign-on
    /// begins, whose answer only [`wait_for_sign_on`](Self::wait_for_sign_on) takes. `layout`: how this node's release
    /// lays out local messages.
    ///
    /// # Errors
    /// There is none, it is not Pacemaker's, or it does not answer.
    #[cfg(feature = "local")]
    pub fn local(identity: Identity, layout: IpcLayout) -> Result<Self, Problem> {
        Self::local_at(EXECUTOR_SERVER, local::TRUSTED, identity, layout)
    }

    #[cfg(feature = "local")]
    fn local_at(
        server: &str,
        trusted: Trusted,
        identity: Identity,
        layout: IpcLayout,
    ) -> Result<Self, Problem> {
        let clock = Clock::start();
        local::Local::open(server, trusted, identity, layout, clock).map(|local| Self::new(local, clock))
    }

    fn new(carrier: impl Carrier + 'static, clock: Clock) -> Self {
        Self {
            carrier: Box::new(carrier),
            reports: Reports::default(),
            clock,
            kept: VecDeque::new(),
            turn: Turn::default(),
            signed_on: false,
            end: None,
        }
    }

    /// Does what can be done without waiting: to be called when the descriptor is ready or the deadline has come.
    pub fn advance(&mut self) {
        let now = Instant::now();
        let until = self.turn.begin(now);
        self.carrier.advance(now, until, &mut self.reports);
    }

    /// The next thing that happened; None: nothing more is known without [`advance`](Self::advance). It is None, too,
    /// when this has gone on for about 2 ms; then [`deadline`](Self::deadline) is now, so that a loop of the caller's
    /// serves its other sources and comes back.
    pub fn next_event(&mut self) -> Option<Event> {
        let now = Instant::now();
        let until = self.turn.begin(now);
        if self.turn.is_over(now) {
            self.turn.end(self.has_work());
            return None;
        }
        self.fill(until);
        match self.kept.pop_front() {
            Some(event) => {
                self.turn.tell();
                Some(event)
            }
            None => {
                self.turn.end(self.has_work());
                None
            }
        }
    }

    /// Is something known that [`next_event`](Self::next_event) has not told yet, or at hand and not looked at?
    pub fn has_events(&mut self) -> bool {
        self.fill(Instant::now() + TURN);
        self.has_work()
    }

    fn fill(&mut self, until: Instant) {
        while self.kept.is_empty()
            && let Some(report) = self.next_report(until)
        {
            self.keep(report);
        }
    }

    /// Has [`advance`](Self::advance) and [`next_event`](Self::next_event) something to do although nothing comes?
    pub(crate) fn has_work(&self) -> bool {
        !self.kept.is_empty() || !self.reports.is_empty() || self.carrier.has_more()
    }

    /// Did [`next_event`](Self::next_event) last give None although there was more to do? It goes on after
    /// [`advance`](Self::advance).
    pub fn was_cut(&self) -> bool {
        self.turn.was_cut()
    }

    /// None: nothing more is known, or `until` has come.
    fn next_report(&mut self, until: Instant) -> Option<Report> {
        if self.reports.is_empty() {
            self.carrier.pump(Instant::now(), until, &mut self.reports);
        }
        let report = self.reports.pop()?;
        match &report {
            Report::SignedOn(_) => self.signed_on = true,
            Report::Ended(problem) => self.end = Some(problem.clone()),
            _ => {}
        }
        Some(report)
    }

    /// For [`next_event`](Self::next_event), unless it is about an answer that is not waited for any longer.
    fn keep(&mut self, report: Report) {
        self.kept.push_back(match report {
            Report::SignedOn(registered) => Event::SignedOn(registered),
            Report::Notification(notification) => Event::Notification(notification),
            Report::Ended(problem) => Event::Ended(problem),
            Report::Answered(..) | Report::Unanswered(..) | Report::NotSent(_) => return,
        });
    }

    /// Are calls possible?
    pub const fn is_ready(&self) -> bool {
        self.signed_on && self.end.is_none()
    }

    /// Is it over? Its end may still have to be told.
    pub const fn is_over(&self) -> bool {
        self.end.is_some()
    }

    /// Why it is over, if it is.
    pub const fn end(&self) -> Option<&Problem> {
        self.end.as_ref()
    }

    /// What the executor has not granted although it has taken the sign-on: to be a provider, say.
    pub const fn refused(&self) -> Option<RequestRefused> {
        self.reports.refused()
    }

    /// Version and cipher suite of TLS, once it is established; None on this node.
    pub const fn tls(&self) -> Option<(&'static str, &'static str)> {
        self.reports.tls()
    }

    /// Has the executor proved that it has the key? Always, on this node.
    pub fn is_handshaken(&self) -> bool {
        !self.carrier.is_remote() || self.reports.tls().is_some() && !self.is_over()
    }

    /// Has something come that [`advance`](Self::advance) would take?
    pub fn is_readable(&self) -> bool {
        let Some((descriptor, ..)) = self.descriptor() else { return false };
        // An error is news as well: `advance` finds out.
        poll(&mut [Wanted::READ.of(descriptor)], PollTimeout::ZERO) != Ok(0)
    }

    /// The descriptor to be watched, if any, and a number that changes with it: descriptors' own numbers come again.
    pub fn descriptor(&self) -> Option<(BorrowedFd<'_>, Wanted, u32)> {
        self.carrier.descriptor()
    }

    /// When [`advance`](Self::advance) is due although nothing came.
    pub fn deadline(&self) -> Option<Instant> {
        if self.has_work() { Some(Instant::now()) } else { self.carrier.deadline() }
    }

    /// Asks without waiting for an answer.
    ///
    /// # Errors
    /// There is no connection (any longer), or the request fits in no message.
    pub fn send(&mut self, request: Request) -> Result<(), CallProblem> {
        let core = self.carrier.core().ok_or(CallProblem::NotConnected)?;
        core.send(request)?;
        self.carrier.submit(Instant::now(), &mut self.reports);
        // Nothing else can be unsent than what was just given.
        self.reports.take_not_sent().map_or(Ok(()), |not_sent| Err(not_sent.into()))
    }

    /// Over TLS?
    pub fn is_remote(&self) -> bool {
        self.carrier.is_remote()
    }
}
