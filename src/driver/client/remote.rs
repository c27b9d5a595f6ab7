// SPDX-License-Identifier: LGPL-2.1-or-later
//! An executor over TLS, from its host's name to the end of the connection.
use super::dial::{Dial, Dialed};
use super::keys::Keys;
use super::lookup::{self, Lookup};
use super::talk::Talk;
use super::{CallProblem, Identity, Problem, Report, Stage, Wanted};
use crate::core::{ClientError, RequestId};
use crate::model::{Millis, Moment, ReplyBody, Request};
use crate::session::{ClientEvent, ClientSession};
use std::collections::VecDeque;
use std::net::{SocketAddr, TcpStream};
use std::os::fd::BorrowedFd;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// For TLS, as upstream's client.
pub const HANDSHAKE_LIMIT: Duration = Duration::from_secs(5);

/// Where a remote node is, and how to get there.
#[derive(Clone, Debug)]
pub struct RemoteSettings {
    /// Host name or address.
    pub server: String,
    /// TCP port.
    pub port: u16,
    /// Limit for name and TCP together.
    pub connect_limit: Duration,
    /// Limit for TLS, once TCP is connected.
    pub handshake_limit: Duration,
    /// How long sent data may stay unacknowledged before the connection counts as lost.
    pub user_timeout: Duration,
    /// What proves who we are.
    pub keys: Rc<Keys>,
}

#[derive(Debug)]
enum State {
    Looking(Lookup),
    Dialing(Dial),
    Talking(Box<Talk>),
    Over,
}

/// A connection to a remote node.
#[derive(Debug)]
pub(super) struct Remote {
    settings: RemoteSettings,
    identity: Identity,
    origin: Instant,
    state: State,
    /// Of name and TCP, then of the handshake; the session keeps the later ones itself.
    limit: Option<Instant>,
    /// Changes with the descriptor.
    turn: u32,
    signed_on: bool,
    reports: VecDeque<Report>,
}

impl Remote {
    pub(super) fn start(settings: RemoteSettings, identity: Identity) -> Result<Self, Problem> {
        let origin = Instant::now();
        let limit = origin + settings.connect_limit;
        let state = match lookup::numeric(&settings.server, settings.port) {
            Some(address) => State::Dialing(Dial::new(vec![address], limit, settings.user_timeout)),
            None => {
                let lookup = Lookup::start(&settings.server, settings.port);
                State::Looking(lookup.map_err(|error| Problem::Name(error.to_string()))?)
            }
        };
        let reports = VecDeque::new();
        let limit = Some(limit);
        let mut remote =
            Self { settings, identity, origin, state, limit, turn: 0, signed_on: false, reports };
        // A look-up that was quick is told as one that was slow: later.
        if !matches!(remote.state, State::Looking(_)) {
            remote.advance(origin);
        }
        match remote.reports.pop_front() {
            Some(Report::Ended(problem)) if problem.stage() == Stage::Dial => Err(problem),
            other => {
                remote.reports.extend(other);
                Ok(remote)
            }
        }
    }

    pub(super) fn advance(&mut self, now: Instant) {
        if matches!(self.state, State::Looking(_)) {
            self.look(now);
        }
        if matches!(self.state, State::Dialing(_)) {
            self.dial(now);
        }
        if let State::Talking(talk) = &mut self.state {
            if let Err(problem) = talk.receive() {
                return self.end(problem);
            }
            self.check_limits(now);
        }
    }

    fn look(&mut self, now: Instant) {
        let State::Looking(lookup) = &self.state else { return };
        match lookup.take() {
            Some(Ok(addresses)) => self.begin_dial(addresses),
            Some(Err(reason)) => self.end(Problem::Name(reason)),
            None if self.limit.is_some_and(|limit| now >= limit) => self.end(Problem::DialTimedOut),
            None => {}
        }
    }

    fn begin_dial(&mut self, addresses: Vec<SocketAddr>) {
        let limit = self.limit.unwrap_or(self.origin);
        self.state = State::Dialing(Dial::new(addresses, limit, self.settings.user_timeout));
        self.turn = self.turn.wrapping_add(1);
    }

    fn dial(&mut self, now: Instant) {
        let State::Dialing(dial) = &mut self.state else { return };
        let before = dial.descriptor().map(|fd| std::os::fd::AsRawFd::as_raw_fd(&fd));
        match dial.advance(now) {
            Dialed::Pending => {
                let after = dial.descriptor().map(|fd| std::os::fd::AsRawFd::as_raw_fd(&fd));
                if before != after {
                    self.turn = self.turn.wrapping_add(1);
                }
            }
            Dialed::Connected(stream) => match self.begin_talk(stream, now) {
                Ok(()) => {}
                Err(problem) => self.end(problem),
            },
            Dialed::Failed(problem) => self.end(problem),
        }
    }

    fn begin_talk(&mut self, stream: TcpStream, now: Instant) -> Result<(), Problem> {
        let context = self.settings.keys.context().map_err(Problem::Key)?;
        let name = self.identity.name.as_deref();
        let session = ClientSession::new(&context, name, self.identity.is_provider);
        self.state = State::Talking(Box::new(Talk::new(stream, session)?));
        self.limit = Some(now + self.settings.handshake_limit);
        self.turn = self.turn.wrapping_add(1);
        Ok(())
    }

    fn check_limits(&mut self, now: Instant) {
        let moment = self.moment(now);
        let State::Talking(talk) = &mut self.state else { return };
        talk.session.tick(moment);
        if self.limit.is_some_and(|limit| now >= limit) && !talk.session.is_established() {
            return self.end(Problem::HandshakeTimedOut);
        }
        if talk.stall_deadline().is_some_and(|deadline| now >= deadline) {
            self.end(Problem::Stalled);
        }
    }

    pub(super) fn next_report(&mut self, now: Instant) -> Option<Report> {
        if self.reports.is_empty() {
            self.pump(now);
        }
        self.reports.pop_front()
    }

    /// Makes reports of what the session has to tell, and sends what it has to send.
    fn pump(&mut self, now: Instant) {
        let moment = self.moment(now);
        while let State::Talking(talk) = &mut self.state {
            match talk.session.next_event(moment) {
                Some(event) => self.take(event),
                None => match talk.flush(now) {
                    Ok(()) if talk.closed => self.closed(),
                    Ok(()) => return,
                    Err(problem) => self.end(problem),
                },
            }
        }
    }

    /// The peer has closed and all that it sent is used up.
    fn closed(&mut self) {
        let State::Talking(talk) = &mut self.state else { return };
        if !talk.session.is_established() {
            return self.end(Problem::ClosedInHandshake);
        }
        talk.closed = false;
        talk.session.disconnected();
        let moment = self.moment(Instant::now());
        while let State::Talking(talk) = &mut self.state {
            match talk.session.next_event(moment) {
                Some(event) => self.take(event),
                None => return self.end(Problem::Lost),
            }
        }
    }

    fn take(&mut self, event: ClientEvent) {
        match event {
            ClientEvent::Handshaken { version, cipher } => {
                let RemoteSettings { server, port, .. } = &self.settings;
                log::info!("TLS connection to {server}:{port} established ({version}, {cipher})");
                self.limit = None;
            }
            ClientEvent::Ready { reply, version, .. } => {
                if reply.rc < 0 {
                    log::warn!("The executor accepted us with error {}", -i64::from(reply.rc));
                }
                if let ReplyBody::Registered(mut registered) = reply.body {
                    registered.version = Some(version);
                    self.signed_on = true;
                    self.reports.push_back(Report::SignedOn(registered));
                }
            }
            ClientEvent::Answered(id, reply) => self.reports.push_back(Report::Answered(id, reply)),
            ClientEvent::Unanswered(id, error) => self.reports.push_back(Report::Unanswered(id, error)),
            ClientEvent::LateReply(id, reply) => {
                log::debug!("Reply to request {}, for which nobody waits: {}", id.0, reply.rc);
            }
            ClientEvent::Notification(notification) => {
                self.reports.push_back(Report::Notification(notification));
            }
            ClientEvent::Undecodable(reason) => log::error!("Message ignored: {reason}"),
            ClientEvent::Unsendable(reason) => self.reports.push_back(Report::Unsendable(reason)),
            ClientEvent::Disconnected(error) => self.disconnected(error),
            ClientEvent::Failed(error) => {
                let State::Talking(talk) = &mut self.state else { return };
                // What is left to be sent is the alert that tells the peer.
                let _ = talk.flush(Instant::now());
                let handshaken = self.limit.is_none();
                self.end(if handshaken { Problem::Garbled(error) } else { Problem::Handshake(error) });
            }
        }
    }

    fn disconnected(&mut self, error: ClientError) {
        let State::Talking(talk) = &mut self.state else { return };
        let _ = talk.flush(Instant::now());
        let problem = match error {
            ClientError::TimedOut if self.signed_on => Problem::LateAnswer,
            _ if self.signed_on => Problem::Lost,
            error => Problem::SignOn(error),
        };
        self.end(problem);
    }

    /// The caller sees no sense in it any longer.
    pub(super) fn give_up(&mut self, problem: Problem) {
        if !matches!(self.state, State::Over) {
            self.end(problem);
        }
    }

    fn end(&mut self, problem: Problem) {
        self.state = State::Over;
        self.limit = None;
        self.turn = self.turn.wrapping_add(1);
        self.reports.push_back(Report::Ended(problem));
    }

    pub(super) fn is_handshaken(&self) -> bool {
        matches!(self.state, State::Talking(_)) && self.limit.is_none()
    }

    pub(super) fn descriptor(&self) -> Option<(BorrowedFd<'_>, Wanted, u32)> {
        let (descriptor, write) = match &self.state {
            State::Looking(lookup) => (lookup.descriptor(), false),
            State::Dialing(dial) => (dial.descriptor()?, true),
            State::Talking(talk) => (talk.descriptor(), !talk.session.output().is_empty()),
            State::Over => return None,
        };
        let read = !matches!(self.state, State::Dialing(_));
        Some((descriptor, Wanted { read, write }, self.turn))
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        let own = match &self.state {
            State::Dialing(dial) => Some(dial.deadline()),
            _ => self.limit,
        };
        let State::Talking(talk) = &self.state else { return own };
        let session = talk.session.next_deadline().map(|moment| self.origin + moment.since_origin());
        [own, session, talk.stall_deadline()].into_iter().flatten().min()
    }

    pub(super) fn start_call(
        &mut self,
        request: Request,
        options: u32,
        timeout: Millis,
    ) -> Result<RequestId, CallProblem> {
        let moment = self.moment(Instant::now());
        let State::Talking(talk) = &mut self.state else { return Err(CallProblem::NotConnected) };
        talk.session.call_with(request, options, timeout, moment).map_err(refused)
    }

    pub(super) fn send(&mut self, request: Request) -> Result<(), CallProblem> {
        let now = Instant::now();
        let State::Talking(talk) = &mut self.state else { return Err(CallProblem::NotConnected) };
        talk.session.send(request).map_err(refused)?;
        self.pump(now);
        // Nothing else can be unsendable than what was just given.
        match self.reports.iter().position(|report| matches!(report, Report::Unsendable(_))) {
            Some(at) => match self.reports.remove(at) {
                Some(Report::Unsendable(reason)) => Err(CallProblem::TooLarge(reason)),
                _ => Ok(()),
            },
            None => Ok(()),
        }
    }

    fn moment(&self, now: Instant) -> Moment {
        Moment::new(now.saturating_duration_since(self.origin))
    }
}

fn refused(error: ClientError) -> CallProblem {
    match error {
        ClientError::NotConnected | ClientError::Closed => CallProblem::NotConnected,
        error => CallProblem::Refused(error),
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        if let State::Talking(talk) = &mut self.state {
            talk.close();
        }
    }
}
