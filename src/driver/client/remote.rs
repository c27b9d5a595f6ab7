// SPDX-License-Identifier: LGPL-2.1-or-later
//! An executor over TLS, from its host's name to the end of the connection.
use super::dial::{Dial, Dialed};
use super::keys::Keys;
use super::reports::{NotSent, Report, Reports};
use super::transport::Transport;
use super::{Carrier, Identity, Problem, Wanted};
use crate::core::{Client, ClientError};
use crate::driver::clock::Clock;
use crate::session::{ClientEvent, ClientSession, ClientStep};
use std::net::TcpStream;
use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// For name and TCP, where the caller has no wish.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);
/// For TLS, as upstream's client.
pub const HANDSHAKE_LIMIT: Duration = Duration::from_secs(5);
/// How long sent data may stay unacknowledged, where the caller has no wish.
const USER_TIMEOUT: Duration = Duration::from_secs(60);

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
    /// How long sent data may stay unacknowledged before the connection counts as lost; a connection without traffic
    /// is asked whether it still exists for as long.
    pub user_timeout: Duration,
    /// What proves who we are.
    pub keys: Arc<Keys>,
}

impl RemoteSettings {
    /// 10 seconds for name and TCP, 5 seconds for TLS, 60 seconds for sent data.
    pub fn new(server: impl Into<String>, port: u16, keys: Arc<Keys>) -> Self {
        Self {
            server: server.into(),
            port,
            connect_limit: CONNECT_LIMIT,
            handshake_limit: HANDSHAKE_LIMIT,
            user_timeout: USER_TIMEOUT,
            keys,
        }
    }
}

#[derive(Debug)]
enum State {
    Dialing(Box<Dial>),
    Connected(Box<Transport>),
    Over,
}

/// A connection to a remote node.
#[derive(Debug)]
pub(super) struct Remote {
    settings: RemoteSettings,
    identity: Identity,
    clock: Clock,
    state: State,
    /// How many descriptors there were while the connection was made.
    attempts: u32,
    /// Was the session left before it had said that it needs more?
    left_early: bool,
}

impl Remote {
    /// # Errors
    /// It is clear at once that there will be no connection.
    pub(super) fn start(settings: RemoteSettings, identity: Identity, clock: Clock) -> Result<Self, Problem> {
        let now = clock.origin();
        let mut dial = Dial::new(&settings, now)?;
        let mut remote =
            Self { settings, identity, clock, state: State::Over, attempts: 0, left_early: false };
        // The result of a look-up is told later, however quick it was.
        let known = !dial.addresses().is_empty();
        remote.state = match if known { dial.advance(now) } else { Dialed::Pending } {
            Dialed::Pending => State::Dialing(Box::new(dial)),
            Dialed::Connected(stream) => State::Connected(remote.transport(stream, now)?),
            Dialed::Failed(problem) => return Err(problem),
        };
        Ok(remote)
    }

    /// Over a TCP connection that is there.
    ///
    /// # Errors
    /// TLS cannot be used.
    pub(super) fn over(
        stream: TcpStream,
        settings: RemoteSettings,
        identity: Identity,
        clock: Clock,
    ) -> Result<Self, Problem> {
        let mut remote =
            Self { settings, identity, clock, state: State::Over, attempts: 0, left_early: false };
        remote.state = State::Connected(remote.transport(stream, clock.origin())?);
        Ok(remote)
    }

    fn dial(&mut self, now: Instant, reports: &mut Reports) {
        let State::Dialing(dial) = &mut self.state else { return };
        let dialed = dial.advance(now);
        self.attempts = dial.attempts();
        match dialed {
            Dialed::Pending => {}
            Dialed::Connected(stream) => match self.transport(stream, now) {
                Ok(transport) => self.state = State::Connected(transport),
                Err(problem) => self.end(problem, reports),
            },
            Dialed::Failed(problem) => self.end(problem, reports),
        }
    }

    fn transport(&self, stream: TcpStream, now: Instant) -> Result<Box<Transport>, Problem> {
        let context = self.settings.keys.context().map_err(Problem::Key)?;
        let (host, name) = (Some(self.settings.server.as_str()), self.identity.name.as_deref());
        let mut session = ClientSession::to_host(&context, host, name, self.identity.is_provider);
        session.core().announce(self.identity.version);
        Transport::new(stream, session, now + self.settings.handshake_limit).map(Box::new)
    }

    /// Sends what the socket takes. Where the peer has closed and all that it sent is used up, the connection ends.
    fn flush(&mut self, now: Instant, reports: &mut Reports) {
        let has_more = self.has_more();
        let State::Connected(transport) = &mut self.state else { return };
        match transport.flush(now) {
            Ok(()) if transport.closed && !has_more => self.closed(reports),
            Ok(()) => {}
            Err(problem) => self.end(problem, reports),
        }
    }

    /// The peer has closed and all that it sent is used up.
    fn closed(&mut self, reports: &mut Reports) {
        let State::Connected(transport) = &mut self.state else { return };
        if !transport.session.is_established() {
            return self.end(Problem::ClosedInHandshake, reports);
        }
        transport.closed = false;
        transport.session.disconnected();
        let now = self.clock.moment();
        while let State::Connected(transport) = &mut self.state {
            match transport.session.next_event(now) {
                Some(event) => self.take(event, reports),
                None => return self.end(Problem::Lost, reports),
            }
        }
    }

    fn take(&mut self, event: ClientEvent, reports: &mut Reports) {
        if let ClientEvent::Handshaken { version, cipher } = &event {
            let RemoteSettings { server, port, .. } = &self.settings;
            log::info!("TLS connection to {server}:{port} established ({version}, {cipher})");
        }
        if let Some(mut problem) = reports.take(event) {
            if let State::Connected(transport) = &mut self.state {
                // What is left to be sent is the alert that tells the peer.
                let _ = transport.flush(Instant::now());
                if let (Problem::Lost, Some(errno)) = (&problem, transport.broken) {
                    problem = Problem::Broken(errno);
                }
                if let (Problem::SignOn(ClientError::NotConnected), Some(certificate)) =
                    (&problem, transport.session.unheard_certificate())
                {
                    problem = Problem::ClosedAfterHandshake { certificate: certificate.to_owned() };
                }
            }
            self.end(problem, reports);
        }
    }

    fn end(&mut self, mut problem: Problem, reports: &mut Reports) {
        if let State::Connected(transport) = &self.state {
            problem = problem.with_certificate(transport.session.shows_certificate());
        }
        self.state = State::Over;
        reports.push(Report::Ended(problem));
    }
}

impl Carrier for Remote {
    fn is_remote(&self) -> bool {
        true
    }

    fn advance(&mut self, now: Instant, _: Instant, reports: &mut Reports) {
        if matches!(self.state, State::Dialing(_)) {
            self.dial(now, reports);
        }
        // A peer that sends faster than its messages can be read fills the network, not our memory.
        let has_more = self.has_more();
        let State::Connected(transport) = &mut self.state else { return };
        let received = if has_more { Ok(()) } else { transport.receive() };
        transport.session.core().tick(self.clock.at(now));
        if let Err(problem) = received.and_then(|()| transport.check_limits(now)) {
            self.end(problem, reports);
        }
    }

    fn pump(&mut self, now: Instant, until: Instant, reports: &mut Reports) {
        while let State::Connected(transport) = &mut self.state {
            let step = transport.session.step(self.clock.at(now));
            self.left_early = step != ClientStep::Idle;
            match step {
                ClientStep::Happened(event) => self.take(event, reports),
                ClientStep::Worked => {}
                ClientStep::Idle => return self.flush(now, reports),
            }
            if !reports.is_empty() || Instant::now() >= until {
                return self.flush(now, reports);
            }
        }
    }

    fn submit(&mut self, now: Instant, reports: &mut Reports) {
        let State::Connected(transport) = &mut self.state else { return };
        if let Some(event) = transport.session.submit() {
            self.take(event, reports);
        }
        self.flush(now, reports);
    }

    fn has_more(&self) -> bool {
        match &self.state {
            State::Connected(transport) => self.left_early && !transport.session.is_idle(),
            State::Dialing(_) | State::Over => false,
        }
    }

    fn core(&mut self) -> Option<&mut Client> {
        match &mut self.state {
            State::Connected(transport) => Some(transport.session.core()),
            State::Dialing(_) | State::Over => None,
        }
    }

    fn descriptor(&self) -> Option<(BorrowedFd<'_>, Wanted, u32)> {
        match &self.state {
            State::Dialing(dial) => dial.descriptor(),
            State::Connected(transport) => {
                let wanted = Wanted { read: true, write: !transport.session.output().is_empty() };
                Some((transport.descriptor(), wanted, self.attempts.wrapping_add(1)))
            }
            State::Over => None,
        }
    }

    fn deadline(&self) -> Option<Instant> {
        match &self.state {
            State::Dialing(dial) => Some(dial.deadline()),
            State::Connected(transport) => {
                let session = transport.session.next_deadline().map(|moment| self.clock.instant_of(moment));
                [session, transport.deadline()].into_iter().flatten().min()
            }
            State::Over => None,
        }
    }

    /// Over TLS the connection ends: the peer would take the next answer for this one's.
    fn abandon(&mut self, not_sent: NotSent, reports: &mut Reports) {
        if !matches!(self.state, State::Over) {
            self.end(not_sent.into(), reports);
        }
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        if let State::Connected(transport) = &mut self.state {
            transport.close();
        }
    }
}
