// SPDX-License-Identifier: LGPL-2.1-or-later
//! A connection that is signed on: calls and notifications.
use super::dial;
use super::failure::{Failure, Layer};
use super::target::Target;
use crate::driver::link::{Arrived, Link};
use crate::model::{Millis, Moment, Notification, Reply, Request};
use crate::session::{ClientEvent, ClientSession};
use crate::sys::tls::ClientContext;
use std::collections::VecDeque;
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// As upstream's client.
pub(super) const HANDSHAKE_LIMIT: Duration = Duration::from_secs(5);
const READ_SIZE: usize = 64 * 1024;

/// A client of one executor. Dropping it says goodbye.
#[derive(Debug)]
pub struct Client {
    link: Link,
    session: ClientSession,
    origin: Instant,
    buffer: Vec<u8>,
    notifications: VecDeque<Notification>,
    failure: Option<Failure>,
    tls: (&'static str, &'static str),
    signed_on: String,
    warnings: Vec<String>,
}

impl Client {
    /// Connects, proves the key and signs on as `name`. The executor tells all its other clients: a cluster's
    /// controller then drops its connection (see [`super::check`] for a way without).
    pub fn connect(target: &Target, name: &str) -> Result<Self, Failure> {
        let addresses = dial::resolve(target)?;
        let stream = dial::connect(target, &addresses)?;
        let mut warnings = Vec::new();
        let context = target.context(&mut warnings)?;
        let mut client = Self::over(stream, &context, name)?;
        client.warnings = warnings;
        Ok(client)
    }

    /// The same over a connection that is there.
    pub(super) fn over(stream: TcpStream, context: &ClientContext, name: &str) -> Result<Self, Failure> {
        let link = Link::new(stream).map_err(|error| Failure::tcp("the node", &error))?;
        let mut client = Self {
            link,
            session: ClientSession::new(context, Some(name), false),
            origin: Instant::now(),
            buffer: vec![0; READ_SIZE],
            notifications: VecDeque::new(),
            failure: None,
            tls: ("", ""),
            signed_on: String::new(),
            warnings: Vec::new(),
        };
        client.sign_on()?;
        Ok(client)
    }

    fn sign_on(&mut self) -> Result<(), Failure> {
        let deadline = self.origin + HANDSHAKE_LIMIT;
        while !self.session.is_established() {
            match self.next_event(deadline)? {
                Some(ClientEvent::Handshaken { version, cipher }) => self.tls = (version, cipher),
                Some(_) => {}
                None => return Err(Failure::slow_handshake()),
            }
        }
        loop {
            // The core keeps the limit of the sign-on itself.
            match self.next_event(self.far_future())? {
                Some(ClientEvent::Ready { version, reply, .. }) if reply.rc >= 0 => {
                    self.signed_on = format!("protocol {version}");
                    return Ok(());
                }
                Some(ClientEvent::Ready { reply, .. }) => {
                    let problem =
                        format!("the executor refused the sign-on (error {})", -i64::from(reply.rc));
                    return Err(Failure::new(Layer::Protocol, problem, "look into that host's log"));
                }
                Some(ClientEvent::Handshaken { version, cipher }) => self.tls = (version, cipher),
                _ => {}
            }
        }
    }

    /// Versions of TLS and of the protocol, for people.
    pub fn describe(&self) -> String {
        format!("{}, {}, {}", self.tls.0, self.tls.1, self.signed_on)
    }

    /// What is odd about key file or TLS policy, for people.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Asks and waits for the answer, at most 10 seconds. Refusals are answers.
    pub fn call(&mut self, request: Request) -> Result<Reply, Failure> {
        self.call_within(request, Millis(0))
    }

    /// Asks and waits for the answer; `timeout` is at most 10 seconds, 0 means these.
    pub fn call_within(&mut self, request: Request, timeout: Millis) -> Result<Reply, Failure> {
        let now = self.now();
        let asked = self.session.call(request, timeout, now).map_err(Failure::client)?;
        loop {
            match self.next_event(self.far_future())? {
                Some(ClientEvent::Answered(id, reply)) if id == asked => return Ok(reply),
                Some(ClientEvent::Unanswered(id, error)) if id == asked => {
                    return Err(Failure::client(error));
                }
                Some(ClientEvent::Notification(notification)) => self.notifications.push_back(notification),
                Some(ClientEvent::Unsendable(reason)) => {
                    return Err(self.lost(Failure::new(Layer::Protocol, reason, "")));
                }
                _ => {}
            }
        }
    }

    /// Asks without waiting for an answer.
    pub fn send(&mut self, request: Request) -> Result<(), Failure> {
        self.session.send(request).map_err(Failure::client)?;
        // Whatever is there already is kept; this sends.
        if let Some(ClientEvent::Notification(notification)) = self.next_event(Instant::now())? {
            self.notifications.push_back(notification);
        }
        Ok(())
    }

    /// The next thing that the executor tells; None when the deadline has come.
    pub fn next_notification(&mut self, deadline: Instant) -> Result<Option<Notification>, Failure> {
        loop {
            if let Some(notification) = self.notifications.pop_front() {
                return Ok(Some(notification));
            }
            match self.next_event(deadline)? {
                Some(ClientEvent::Notification(notification)) => return Ok(Some(notification)),
                Some(_) => {}
                None => return Ok(None),
            }
        }
    }

    /// The next event; None when the deadline has come. A connection that is lost stays lost.
    fn next_event(&mut self, deadline: Instant) -> Result<Option<ClientEvent>, Failure> {
        if let Some(failure) = &self.failure {
            return Err(failure.clone());
        }
        loop {
            let now = self.now();
            self.session.tick(now);
            match self.session.next_event(now) {
                Some(ClientEvent::Failed(error)) => {
                    self.flush()?;
                    return Err(self.lost(Failure::session(&error)));
                }
                Some(ClientEvent::Disconnected(error)) => return Err(self.lost(Failure::client(error))),
                Some(event) => return Ok(Some(event)),
                None => self.flush()?,
            }
            let limit = self.session.next_deadline().map(|moment| self.origin + moment.since_origin());
            let until = limit.map_or(deadline, |limit| limit.min(deadline));
            let has_output = !self.session.output().is_empty();
            match self.link.exchange(&mut self.buffer, has_output, until) {
                Ok(Arrived::Bytes(count)) => {
                    self.session.receive(self.buffer.get(..count).unwrap_or_default());
                }
                Ok(Arrived::Closed) => self.closed()?,
                Ok(Arrived::Nothing) if Instant::now() >= deadline => return Ok(None),
                Ok(Arrived::Nothing) => {}
                Err(error) => return Err(self.lost(Failure::tcp("the node", &error))),
            }
        }
    }

    fn closed(&mut self) -> Result<(), Failure> {
        if !self.session.is_established() {
            return Err(self.lost(Failure::closed_in_handshake()));
        }
        self.session.disconnected();
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Failure> {
        let sent = self
            .link
            .send(self.session.output())
            .map_err(|error| self.lost(Failure::tcp("the node", &error)))?;
        self.session.sent(sent);
        Ok(())
    }

    fn lost(&mut self, failure: Failure) -> Failure {
        self.failure.get_or_insert(failure).clone()
    }

    fn now(&self) -> Moment {
        Moment::new(self.origin.elapsed())
    }

    fn far_future(&self) -> Instant {
        Instant::now() + Duration::from_secs(3600)
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.session.close();
        // As far as the socket takes it; nobody waits for the rest.
        let _ = self.link.send(self.session.output());
    }
}
