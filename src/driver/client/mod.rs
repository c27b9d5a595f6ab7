// SPDX-License-Identifier: LGPL-2.1-or-later
//! A client of one executor that never waits by itself: for callers with a loop of their own. It has one descriptor
//! at a time to be watched and one deadline; [`Connection::advance`] does what can be done, then
//! [`Connection::next_event`] tells what happened. [`Connection::call`] and [`Connection::wait_for_sign_on`] wait all
//! the same, on this connection alone.
//!
//! * `lookup`, `dial`: from a name to a TCP connection. `keys`: what proves who we are.
//! * `remote`: an executor over TLS; `talk`: the bytes of it. `local`: the one of this node, over IPC.
//! * `problem`: what can go wrong. `waiting`: calls, under poll(2).
#![allow(clippy::disallowed_methods, reason = "a driver: it reads the clock")]

mod dial;
mod keys;
mod local;
mod lookup;
mod problem;
mod remote;
mod talk;
mod waiting;

#[cfg(all(test, feature = "daemon"))]
mod local_tests;
#[cfg(test)]
mod tests;

pub use crate::core::ClientError;
pub use crate::transport::tcp::DEFAULT_PORT;
pub use keys::{KeyProblem, Keys};
pub use problem::{CallProblem, Problem, Stage};
pub use remote::{HANDSHAKE_LIMIT, RemoteSettings};

use crate::core::RequestId;
use crate::model::{Millis, Notification, Registered, Reply, Request};
use crate::wire::ipc::IpcLayout;
use local::Local;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use remote::Remote;
use std::collections::VecDeque;
use std::os::fd::BorrowedFd;
use std::time::Instant;

/// Who signs on.
#[derive(Clone, Debug, Default)]
pub struct Identity {
    /// What the server shall call us; without a name it tells us nothing unasked.
    pub name: Option<String>,
    /// Do we carry messages of the server's local clients to the cluster?
    pub is_provider: bool,
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

/// What a descriptor is to be watched for, besides its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Something to read.
    pub read: bool,
    /// Room to write.
    pub write: bool,
}

/// What the carriers report to the layer that waits.
#[derive(Debug)]
enum Report {
    SignedOn(Registered),
    Notification(Notification),
    Answered(RequestId, Reply),
    Unanswered(RequestId, ClientError),
    Unsendable(String),
    NotSent(Errno),
    Ended(Problem),
}

#[derive(Debug)]
enum Carrier {
    Remote(Box<Remote>),
    Local(Box<Local>),
}

/// A connection to an executor, from its beginning to its end. Dropping it says goodbye.
#[derive(Debug)]
pub struct Connection {
    carrier: Carrier,
    /// Events that came while something else was waited for.
    kept: VecDeque<Event>,
    signed_on: bool,
    over: bool,
}

impl Connection {
    /// Begins a connection to a remote node.
    ///
    /// # Errors
    /// It is clear at once that there will be none.
    pub fn remote(settings: RemoteSettings, identity: Identity) -> Result<Self, Problem> {
        Remote::start(settings, identity).map(|remote| Self::over(Carrier::Remote(Box::new(remote))))
    }

    /// Connects to the executor of this node; the sign-on follows. libqb's own greeting is waited for, ten seconds at most.
    /// `layout`: how this node's release lays out local messages.
    ///
    /// # Errors
    /// There is none, it is not Pacemaker's, or it does not answer.
    pub fn local(identity: Identity, layout: IpcLayout) -> Result<Self, Problem> {
        let local = Local::open(local::SERVER, local::TRUSTED, identity, layout)?;
        Ok(Self::over(Carrier::Local(Box::new(local))))
    }

    fn over(carrier: Carrier) -> Self {
        Self { carrier, kept: VecDeque::new(), signed_on: false, over: false }
    }

    /// Does what can be done without waiting: to be called when the descriptor is ready or the deadline has come.
    pub fn advance(&mut self) {
        match &mut self.carrier {
            Carrier::Remote(remote) => remote.advance(Instant::now()),
            Carrier::Local(local) => local.advance(),
        }
    }

    /// The next thing that happened; None: nothing more is known without [`advance`](Self::advance).
    pub fn next_event(&mut self) -> Option<Event> {
        if let Some(event) = self.kept.pop_front() {
            return Some(event);
        }
        loop {
            let event = match self.next_report()? {
                Report::SignedOn(registered) => Event::SignedOn(registered),
                Report::Notification(notification) => Event::Notification(notification),
                Report::Ended(problem) => Event::Ended(problem),
                // Answers nobody waits for any longer.
                Report::Answered(..)
                | Report::Unanswered(..)
                | Report::Unsendable(_)
                | Report::NotSent(_) => continue,
            };
            return Some(event);
        }
    }

    fn next_report(&mut self) -> Option<Report> {
        let report = match &mut self.carrier {
            Carrier::Remote(remote) => remote.next_report(Instant::now()),
            Carrier::Local(local) => local.next_report(),
        };
        match &report {
            Some(Report::SignedOn(_)) => self.signed_on = true,
            Some(Report::Ended(_)) => self.over = true,
            _ => {}
        }
        report
    }

    /// Is something known that [`next_event`](Self::next_event) has not told yet?
    pub fn has_events(&mut self) -> bool {
        if self.kept.is_empty() {
            let event = self.next_event();
            self.kept.extend(event);
        }
        !self.kept.is_empty()
    }

    /// Are calls possible?
    pub fn is_ready(&self) -> bool {
        self.signed_on && !self.over
    }

    /// Is it over? Its end may still have to be told.
    pub const fn is_over(&self) -> bool {
        self.over
    }

    /// Has the executor proved that it has the key? Always, on this node.
    pub fn is_handshaken(&self) -> bool {
        match &self.carrier {
            Carrier::Remote(remote) => remote.is_handshaken(),
            Carrier::Local(_) => true,
        }
    }

    /// Has something come that [`advance`](Self::advance) would take?
    pub fn is_readable(&self) -> bool {
        let Some((descriptor, ..)) = self.descriptor() else { return false };
        // An error is news as well: `advance` finds out.
        poll(&mut [PollFd::new(descriptor, PollFlags::POLLIN)], PollTimeout::ZERO) != Ok(0)
    }

    /// The descriptor to be watched, if any, and a number that changes with it: descriptors' own numbers come again.
    pub fn descriptor(&self) -> Option<(BorrowedFd<'_>, Wanted, u32)> {
        match &self.carrier {
            Carrier::Remote(remote) => remote.descriptor(),
            Carrier::Local(local) => {
                local.descriptor().map(|fd| (fd, Wanted { read: true, write: false }, 0))
            }
        }
    }

    /// When [`advance`](Self::advance) is due although nothing came.
    pub fn deadline(&self) -> Option<Instant> {
        match &self.carrier {
            Carrier::Remote(remote) => remote.deadline(),
            Carrier::Local(local) => local.deadline(),
        }
    }

    /// Asks without waiting for an answer.
    ///
    /// # Errors
    /// There is no connection (any longer).
    pub fn send(&mut self, request: Request) -> Result<(), CallProblem> {
        match &mut self.carrier {
            Carrier::Remote(remote) => remote.send(request),
            Carrier::Local(local) => local.send(request),
        }
    }

    /// Over TLS?
    pub const fn is_remote(&self) -> bool {
        matches!(self.carrier, Carrier::Remote(_))
    }

    fn start_call(
        &mut self,
        request: Request,
        options: u32,
        timeout: Millis,
    ) -> Result<RequestId, CallProblem> {
        match &mut self.carrier {
            Carrier::Remote(remote) => remote.start_call(request, options, timeout),
            Carrier::Local(local) => local.start_call(request, options, timeout),
        }
    }
}
