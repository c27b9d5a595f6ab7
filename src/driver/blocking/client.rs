// SPDX-License-Identifier: LGPL-2.1-or-later
//! A connection that is signed on, for programs that wait: calls and notifications.
use super::target::Target;
#[cfg(feature = "local")]
use crate::driver::client::IpcLayout;
use crate::driver::client::{CallProblem, Connection, Event, Identity, Problem};
use crate::model::{Millis, Notification, ProtocolVersion, Registered, Reply, Request};
use std::time::Instant;

/// A client of one executor. Dropping it says goodbye.
#[derive(Debug)]
pub struct Client {
    connection: Connection,
    registered: Registered,
}

impl Client {
    /// Connects to a remote node, proves the key and signs on as `name`. The executor tells all its other clients: a
    /// cluster's controller then drops its connection (see [`super::check()`] for a way without). What is odd about key
    /// files or TLS policy is logged.
    ///
    /// # Errors
    /// Why there is no connection.
    pub fn connect(target: &Target, name: &str) -> Result<Self, Problem> {
        Self::sign_on(Connection::remote(target.settings(), identity(name))?)
    }

    /// Connects to the executor of this node and signs on as `name`; for root and the users of Pacemaker. `layout`: how
    /// this node's release lays out local messages.
    ///
    /// # Errors
    /// Why there is no connection.
    #[cfg(feature = "local")]
    pub fn connect_local(layout: IpcLayout, name: &str) -> Result<Self, Problem> {
        Self::sign_on(Connection::local(identity(name), layout)?)
    }

    /// Waits for the end of the sign-on.
    pub(in crate::driver) fn sign_on(mut connection: Connection) -> Result<Self, Problem> {
        let registered = connection.wait_for_sign_on()?;
        match connection.refused() {
            Some(refused) => Err(Problem::SignOnRefused(refused)),
            None => Ok(Self { connection, registered }),
        }
    }

    /// What the executor told at sign-on.
    pub const fn registered(&self) -> &Registered {
        &self.registered
    }

    /// Versions of TLS and of the protocol, for people.
    pub fn describe(&self) -> String {
        let carrier = match self.connection.tls() {
            Some((version, cipher)) => format!("{version}, {cipher}"),
            None => "local IPC".to_owned(),
        };
        let protocol = self.registered.version.unwrap_or(ProtocolVersion::OLDEST);
        format!("{carrier}, protocol {protocol}")
    }

    /// Asks and waits for the answer, at most 10 seconds. Refusals are answers: see [`Reply::result`].
    ///
    /// # Errors
    /// Why there is no answer.
    pub fn call(&mut self, request: Request) -> Result<Reply, CallProblem> {
        self.call_within(request, Millis(0))
    }

    /// The same with a limit; a remote node has at most 10 seconds. 0: what [`call`](Self::call) waits.
    ///
    /// # Errors
    /// Why there is no answer.
    pub fn call_within(&mut self, request: Request, timeout: Millis) -> Result<Reply, CallProblem> {
        self.connection.call(request, 0, timeout).map_err(|problem| self.named(problem))
    }

    /// Asks without waiting for an answer.
    ///
    /// # Errors
    /// There is no connection any longer, or the request fits in no message.
    pub fn send(&mut self, request: Request) -> Result<(), CallProblem> {
        self.connection.send(request).map_err(|problem| self.named(problem))
    }

    /// The next thing that the executor tells; None when the deadline has come.
    ///
    /// # Errors
    /// The connection is over, and everything that was told before was taken.
    pub fn next_notification(&mut self, deadline: Instant) -> Result<Option<Notification>, Problem> {
        loop {
            match self.connection.wait_for_event(deadline) {
                Some(Event::Notification(notification)) => return Ok(Some(notification)),
                Some(Event::SignedOn(_)) => {}
                Some(Event::Ended(problem)) => return Err(problem),
                None => return self.connection.end().map_or(Ok(None), |problem| Err(problem.clone())),
            }
        }
    }

    /// The connection, to be watched by a loop of the caller's own: descriptor, deadline, events.
    pub const fn connection(&mut self) -> &mut Connection {
        &mut self.connection
    }

    /// A connection that is over says why, each time.
    fn named(&self, problem: CallProblem) -> CallProblem {
        match (problem, self.connection.end()) {
            (CallProblem::NotConnected, Some(end)) => end.clone().into(),
            (problem, _) => problem,
        }
    }
}

fn identity(name: &str) -> Identity {
    Identity { name: Some(name.to_owned()), ..Identity::default() }
}
