// SPDX-License-Identifier: LGPL-2.1-or-later
//! The executor of this node, over libqb.
use super::{CallProblem, Identity, Problem, Report};
use crate::core::{ClientError, RequestId};
use crate::driver::cluster_user;
use crate::model::{Millis, Moment, ReplyBody, Request};
use crate::session::{ClientEvent, LocalClientSession, LocalRequest};
use crate::sys::qb::{Client, ConnectError, Trusted};
use crate::wire::ipc::{Assembler, DEFAULT_BUFFER, IpcLayout, IpcRequest, detect, encode, flag};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::collections::VecDeque;
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

/// The executor's name among libqb's servers.
pub(super) const SERVER: &str = "lrmd";
/// Whose executor we talk to.
pub(super) const TRUSTED: Trusted = Trusted::RootOr(cluster_user::uid);
/// How long the executor may leave its buffer full.
const SEND_LIMIT: Duration = Duration::from_secs(5);
/// libqb does not tell while it waits that the server has gone.
const SLICE_MS: i32 = 250;
/// Events of one [`Local::advance`]: the others must have their turn.
const EVENTS: usize = 64;
/// So many events at most are in the executor's buffer when the caller only asks.
const RESPONSES_BETWEEN: u32 = 32;

/// A connection to the local executor.
#[derive(Debug)]
pub(super) struct Local {
    client: Client,
    session: LocalClientSession,
    /// For what we send, until the executor's first answer shows what it is.
    layout: IpcLayout,
    /// None until the executor's first message.
    responses: Option<Assembler>,
    events: Option<Assembler>,
    buffer: Vec<u8>,
    origin: Instant,
    signed_on: bool,
    over: bool,
    responses_taken: u32,
    reports: VecDeque<Report>,
}

impl Local {
    pub(super) fn open(
        server: &str,
        trusted: Trusted,
        identity: Identity,
        layout: IpcLayout,
    ) -> Result<Self, Problem> {
        let client = Client::connect(server, DEFAULT_BUFFER, trusted)?;
        let mut session = LocalClientSession::new(identity.name.as_deref(), identity.is_provider);
        let origin = Instant::now();
        session.connected(Moment::default());
        let buffer = vec![0; client.buffer_size()];
        let reports = VecDeque::new();
        Ok(Self {
            client,
            session,
            layout,
            responses: None,
            events: None,
            buffer,
            origin,
            signed_on: false,
            over: false,
            responses_taken: 0,
            reports,
        })
    }

    /// Takes the events that are there.
    pub(super) fn advance(&mut self) {
        for _ in 0..EVENTS {
            if self.over {
                return;
            }
            match self.client.receive_event_into(&mut self.buffer, 0) {
                Ok(length) => self.take_event(length),
                Err(Errno::EAGAIN | Errno::ETIMEDOUT | Errno::EINTR | Errno::ENOMSG) => break,
                Err(errno) => return self.end(Problem::Broken(errno)),
            }
        }
        if self.is_gone() {
            self.end(Problem::Lost);
        }
        let now = self.moment();
        self.session.tick(now);
    }

    fn take_event(&mut self, length: usize) {
        let message = self.buffer.get(..length).unwrap_or_default();
        if let Some(event) = assemble(&mut self.events, message) {
            self.session.event(&event.text);
        }
    }

    fn take_response(&mut self, length: usize) {
        let message = self.buffer.get(..length).unwrap_or_default();
        if let Some(response) = assemble(&mut self.responses, message) {
            self.session.response(response.id, &response.text);
        }
        if let Some(responses) = &self.responses {
            self.layout = responses.layout();
        }
    }

    /// Events that are still there are not lost with the server: they are read first.
    fn is_gone(&self) -> bool {
        let Ok(descriptor) = self.client.event_fd() else { return true };
        let mut descriptors = [PollFd::new(descriptor, PollFlags::POLLIN)];
        let gone = PollFlags::POLLHUP | PollFlags::POLLERR | PollFlags::POLLNVAL;
        let [descriptor] = &mut descriptors;
        match poll(std::slice::from_mut(descriptor), PollTimeout::ZERO) {
            Ok(_) => {
                let found = descriptor.revents().unwrap_or(PollFlags::empty());
                found.intersects(gone) && !found.contains(PollFlags::POLLIN)
                    || found.intersects(gone) && !self.client.is_connected()
            }
            Err(_) => false,
        }
    }

    pub(super) fn next_report(&mut self) -> Option<Report> {
        if self.reports.is_empty() {
            self.pump();
        }
        self.reports.pop_front()
    }

    fn pump(&mut self) {
        if self.over {
            return;
        }
        while let Some(event) = self.session.next_event() {
            self.take(event);
        }
        while let Some(request) = self.session.next_request() {
            if let Err(report) = self.transmit(&request) {
                self.reports.push_back(report);
            }
        }
    }

    fn take(&mut self, event: ClientEvent) {
        match event {
            ClientEvent::Ready { reply, version, .. } => {
                if let ReplyBody::Registered(mut registered) = reply.body {
                    registered.version = Some(version);
                    self.signed_on = true;
                    self.reports.push_back(Report::SignedOn(registered));
                }
            }
            ClientEvent::Answered(id, reply) => self.reports.push_back(Report::Answered(id, reply)),
            ClientEvent::Unanswered(id, error) => self.reports.push_back(Report::Unanswered(id, error)),
            ClientEvent::Notification(notification) => {
                self.reports.push_back(Report::Notification(notification));
            }
            ClientEvent::Undecodable(reason) => log::error!("Message ignored: {reason}"),
            ClientEvent::Disconnected(error) => {
                let problem = if self.signed_on { Problem::Lost } else { Problem::SignOn(error) };
                self.over = true;
                self.reports.push_back(Report::Ended(problem));
            }
            ClientEvent::LateReply(id, _) => log::debug!("Old response {} ignored", id.0),
            // Of TLS alone.
            ClientEvent::Handshaken { .. } | ClientEvent::Unsendable(_) | ClientEvent::Failed(_) => {}
        }
    }

    /// Hands a message to libqb, waiting for room in its buffer.
    fn transmit(&mut self, request: &LocalRequest) -> Result<(), Report> {
        let flags = if request.waited { flag::RESPONSE_WANTED } else { 0 };
        let parts = encode(self.layout, request.id, flags, &request.text, self.client.buffer_size())
            .map_err(|error| Report::Unsendable(error.to_string()))?;
        let deadline = Instant::now() + SEND_LIMIT;
        for part in parts {
            while let Err(errno) = self.client.send(&part) {
                let busy = matches!(errno, Errno::EAGAIN | Errno::ENOBUFS | Errno::EINTR);
                if !busy || Instant::now() >= deadline || !self.client.is_connected() {
                    return Err(Report::NotSent(errno));
                }
                // libqb tells nobody when there is room again.
                let _ = poll(&mut [], PollTimeout::from(1u8));
            }
        }
        Ok(())
    }

    /// A caller that asks and asks without ever listening would be dropped by the executor once its buffer is full of
    /// events, so they are taken out now and then.
    fn make_room(&mut self) {
        self.responses_taken = self.responses_taken.wrapping_add(1);
        if self.responses_taken.is_multiple_of(RESPONSES_BETWEEN) {
            self.advance();
        }
    }

    /// Waits for the response that the session waits for, or for its deadline.
    pub(super) fn wait(&mut self) {
        let left = self.deadline().map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let left = left.map_or(SLICE_MS, |left| i32::try_from(left.as_millis() + 1).unwrap_or(SLICE_MS));
        self.receive(left.min(SLICE_MS));
        let now = self.moment();
        self.session.tick(now);
    }

    fn receive(&mut self, timeout_ms: i32) {
        match self.client.receive_into(&mut self.buffer, timeout_ms) {
            Ok(length) => {
                self.take_response(length);
                self.make_room();
            }
            Err(Errno::EAGAIN | Errno::ETIMEDOUT | Errno::EINTR | Errno::ENOMSG) => {
                if !self.client.is_connected() || self.is_gone() {
                    self.end(Problem::Lost);
                }
            }
            Err(errno) => self.end(Problem::Broken(errno)),
        }
    }

    /// The request that is waited for did not go out.
    pub(super) fn give_up(&mut self) {
        self.session.give_up();
        self.pump();
        self.reports.retain(|report| !matches!(report, Report::Unanswered(..)));
    }

    fn end(&mut self, problem: Problem) {
        if self.over {
            return;
        }
        // What came before the end is told before it.
        self.pump();
        let problem = match (self.signed_on, problem) {
            (false, _) => Problem::SignOn(ClientError::NotConnected),
            (true, problem) => problem,
        };
        self.over = true;
        self.session.disconnected();
        self.reports.push_back(Report::Ended(problem));
    }

    pub(super) fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.client.event_fd().ok().filter(|_| !self.over)
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.session.next_deadline().map(|moment| self.origin + moment.since_origin())
    }

    pub(super) fn start_call(
        &mut self,
        request: Request,
        options: u32,
        timeout: Millis,
    ) -> Result<RequestId, CallProblem> {
        let now = self.moment();
        let asked = self.session.call_with(request.clone(), options, timeout, now);
        if asked != Err(ClientError::Stale) {
            return asked.map_err(refused);
        }
        // The answer to the earlier request has as much time as this one.
        let limit = if timeout == Millis(0) { SEND_LIMIT } else { Duration::from_millis(timeout.0) };
        let deadline = Instant::now() + limit;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || self.over {
                return Err(CallProblem::Stale);
            }
            self.receive(i32::try_from(left.as_millis() + 1).unwrap_or(SLICE_MS).min(SLICE_MS));
            let now = self.moment();
            match self.session.call_with(request.clone(), options, timeout, now) {
                Err(ClientError::Stale) => {}
                other => return other.map_err(refused),
            }
        }
    }

    pub(super) fn send(&mut self, request: Request) -> Result<(), CallProblem> {
        self.session.send(request).map_err(refused)?;
        self.pump();
        let failed = self
            .reports
            .iter()
            .position(|report| matches!(report, Report::Unsendable(_) | Report::NotSent(_)));
        match failed.and_then(|at| self.reports.remove(at)) {
            Some(Report::Unsendable(reason)) => Err(CallProblem::TooLarge(reason)),
            Some(Report::NotSent(errno)) => Err(CallProblem::NotSent(errno)),
            _ => Ok(()),
        }
    }

    fn moment(&self) -> Moment {
        Moment::new(self.origin.elapsed())
    }
}

/// One message, once all its parts are there. The first message shows how the executor lays its headers out.
fn assemble(assembler: &mut Option<Assembler>, message: &[u8]) -> Option<IpcRequest> {
    if assembler.is_none() {
        *assembler = detect(message).map(Assembler::new);
    }
    let Some(assembler) = assembler else {
        log::error!("Message of the local executor ignored: unknown header");
        return None;
    };
    assembler.push(message).unwrap_or_else(|error| {
        log::error!("Message of the local executor ignored: {error}");
        None
    })
}

fn refused(error: ClientError) -> CallProblem {
    match error {
        ClientError::NotConnected | ClientError::Closed => CallProblem::NotConnected,
        ClientError::Stale => CallProblem::Stale,
        error => CallProblem::Refused(error),
    }
}

impl From<ConnectError> for Problem {
    fn from(error: ConnectError) -> Self {
        match error {
            ConnectError::Untrusted { .. } => Self::ForeignExecutor(error),
            ConnectError::NoAnswer { .. } | ConnectError::Failed(_) => Self::NoLocalExecutor(error.errno()),
        }
    }
}
