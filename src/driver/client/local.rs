// SPDX-License-Identifier: LGPL-2.1-or-later
//! The executor of this node, over libqb.
use super::reports::{NotSent, Report, Reports};
use super::turn::TURN;
use super::{Carrier, Identity, Problem, Wanted};
use crate::core::{self, ClientError};
use crate::driver::clock::Clock;
use crate::driver::cluster_user;
use crate::model::site::IPC_BUFFER;
use crate::session::{ClientEvent, LocalClientSession, LocalRequest};
use crate::sys::qb::{Client, ConnectError, Trusted};
use crate::wire::ipc::{Assembler, IpcLayout, IpcRequest, detect, encode, flag};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

/// Whose executor we talk to.
pub(super) const TRUSTED: Trusted = Trusted::RootOr(cluster_user::uid);
/// How long the executor may leave its buffer full.
const SEND_LIMIT: Duration = Duration::from_secs(5);
/// libqb does not tell while it waits that the server has gone.
const SLICE: Duration = Duration::from_millis(250);
/// What is decoded and not taken yet, in bytes, before further events are left in the executor's buffer.
const ENOUGH: usize = 8 * 1024 * 1024;
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
    clock: Clock,
    over: bool,
    responses_taken: u32,
}

impl Local {
    /// # Errors
    /// There is no such server, it is not one of `trusted`, or it does not answer.
    pub(super) fn open(
        server: &str,
        trusted: Trusted,
        identity: Identity,
        layout: IpcLayout,
        clock: Clock,
    ) -> Result<Self, Problem> {
        let client = Client::connect(server, IPC_BUFFER, trusted)?;
        let mut session = LocalClientSession::new(identity.name.as_deref(), identity.is_provider);
        session.core().announce(identity.version);
        session.core().connected(clock.moment());
        let buffer = vec![0; client.buffer_size()];
        let (responses, events) = (None, None);
        Ok(Self {
            client,
            session,
            layout,
            responses,
            events,
            buffer,
            clock,
            over: false,
            responses_taken: 0,
        })
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

    /// Hands a message to libqb, waiting for room in its buffer.
    fn transmit(&mut self, request: &LocalRequest) -> Result<(), NotSent> {
        let flags = if request.waited { flag::RESPONSE_WANTED } else { 0 };
        let parts = encode(self.layout, request.id, flags, &request.text, self.client.buffer_size())
            .map_err(|error| NotSent::TooLarge(error.to_string()))?;
        let deadline = Instant::now() + SEND_LIMIT;
        for part in parts {
            while let Err(errno) = self.client.send(&part) {
                let busy = matches!(errno, Errno::EAGAIN | Errno::ENOBUFS | Errno::EINTR);
                if !busy || Instant::now() >= deadline || !self.client.is_connected() {
                    return Err(NotSent::Errno(errno));
                }
                // libqb does not tell when there is room again.
                let _ = poll(&mut [], PollTimeout::from(1u8));
            }
        }
        Ok(())
    }

    /// A caller that asks and asks without ever listening would be dropped by the executor once its buffer is full of
    /// events, so they are taken out now and then.
    fn make_room(&mut self, reports: &mut Reports) {
        self.responses_taken = self.responses_taken.wrapping_add(1);
        if self.responses_taken.is_multiple_of(RESPONSES_BETWEEN) {
            let now = Instant::now();
            self.advance(now, now + TURN, reports);
        }
    }

    fn take(&mut self, event: ClientEvent, reports: &mut Reports) {
        if let Some(problem) = reports.take(event) {
            self.over = true;
            reports.push(Report::Ended(problem));
        }
    }

    fn end(&mut self, problem: Problem, reports: &mut Reports) {
        if self.over {
            return;
        }
        // What came before the end is told before it.
        while !self.over
            && let Some(event) = self.session.next_event()
        {
            self.take(event, reports);
        }
        if self.over {
            return;
        }
        self.over = true;
        self.session.core().disconnected();
        reports.push(Report::Ended(match reports.is_signed_on() {
            true => problem,
            false => Problem::SignOn(ClientError::NotConnected),
        }));
    }
}

impl Carrier for Local {
    fn is_remote(&self) -> bool {
        false
    }

    /// Takes the events that are there.
    fn advance(&mut self, now: Instant, until: Instant, reports: &mut Reports) {
        while !self.over && self.session.core().held_bytes() < ENOUGH {
            match self.client.receive_event_into(&mut self.buffer, 0) {
                Ok(length) => self.take_event(length),
                Err(errno) if is_nothing(errno) => break,
                Err(errno) => return self.end(Problem::Broken(errno), reports),
            }
            if Instant::now() >= until {
                break;
            }
        }
        if self.over {
            return;
        }
        if self.is_gone() {
            self.end(Problem::Lost, reports);
        }
        self.session.core().tick(self.clock.at(now));
    }

    fn pump(&mut self, now: Instant, until: Instant, reports: &mut Reports) {
        while !self.over
            && reports.is_empty()
            && let Some(event) = self.session.next_event()
        {
            self.take(event, reports);
            if Instant::now() >= until {
                break;
            }
        }
        self.submit(now, reports);
    }

    fn submit(&mut self, _: Instant, reports: &mut Reports) {
        while !self.over
            && let Some(request) = self.session.next_request()
        {
            if let Err(not_sent) = self.transmit(&request) {
                reports.push(Report::NotSent(not_sent));
            }
        }
    }

    fn has_more(&self) -> bool {
        !self.over && self.session.has_events()
    }

    fn core(&mut self) -> Option<&mut core::Client> {
        Some(self.session.core()).filter(|_| !self.over)
    }

    fn descriptor(&self) -> Option<(BorrowedFd<'_>, Wanted, u32)> {
        let descriptor = self.client.event_fd().ok().filter(|_| !self.over)?;
        Some((descriptor, Wanted::READ, 0))
    }

    fn deadline(&self) -> Option<Instant> {
        self.session.next_deadline().map(|moment| self.clock.instant_of(moment))
    }

    /// The response does not come by the descriptor, but by a buffer that libqb waits for.
    fn wait_for_answer(&mut self, deadline: Option<Instant>, reports: &mut Reports) {
        let left = deadline.map_or(SLICE, |deadline| deadline.saturating_duration_since(Instant::now()));
        let timeout_ms = i32::try_from(left.min(SLICE).as_millis() + 1).unwrap_or_default();
        match self.client.receive_into(&mut self.buffer, timeout_ms) {
            Ok(length) => {
                self.take_response(length);
                self.make_room(reports);
            }
            Err(errno) if is_nothing(errno) => {
                if !self.client.is_connected() || self.is_gone() {
                    self.end(Problem::Lost, reports);
                }
            }
            Err(errno) => self.end(Problem::Broken(errno), reports),
        }
        let now = self.clock.moment();
        self.session.core().tick(now);
    }

    /// Local IPC goes on.
    fn abandon(&mut self, _: NotSent, reports: &mut Reports) {
        self.session.core().give_up();
        let now = Instant::now();
        self.pump(now, now + TURN, reports);
    }
}

/// Does it say no more than that nothing has come?
const fn is_nothing(errno: Errno) -> bool {
    matches!(errno, Errno::EAGAIN | Errno::ETIMEDOUT | Errno::EINTR | Errno::ENOMSG)
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

impl From<ConnectError> for Problem {
    fn from(error: ConnectError) -> Self {
        match error {
            ConnectError::Untrusted { name, holder } => {
                Self::ForeignExecutor { server: name, holder: holder.to_string() }
            }
            ConnectError::NoAnswer { .. } | ConnectError::Failed(_) => Self::NoLocalExecutor(error.errno()),
        }
    }
}
