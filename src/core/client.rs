// SPDX-License-Identifier: LGPL-2.1-or-later
//! The client's side of the protocol: sign on, one waited call at a time, and what the server tells
//! meanwhile. Its driver calls a method for each thing that happens, then empties [`Client::next_request`] and
//! [`Client::poll`].
use super::client_error::ClientError;
use super::held::Held;
use crate::model::{
    ClientId, Millis, Moment, Notification, ProtocolVersion, Reply, ReplyBody, Request, errno,
};
use std::collections::VecDeque;

/// The longest that a remote server may take for one answer.
pub const REMOTE_LIMIT: Millis = Millis(10_000);
/// What a local server gets when the caller names no limit.
const LOCAL_DEFAULT: Millis = Millis(5_000);
/// What a server may tell while an answer is waited for, in bytes of memory, before another notification ends the
/// connection. A server that does its work tells less than a megabyte meanwhile.
const MOST_HELD: usize = 16 * 1024 * 1024;
/// The same before the sign-on is answered.
const MOST_HELD_BEFORE: usize = 1024 * 1024;

/// Number of a request on its connection, and of the reply to it; never 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u32);

/// What the connection runs over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientCarrier {
    /// TLS. An answer that is late breaks the connection.
    Remote,
    /// Local IPC. An answer that is late stops further requests until it has come.
    Local,
}

/// How a client signs on.
#[derive(Clone, Debug)]
pub struct ClientSettings {
    /// What the server shall call it; a client without a name hears no notifications.
    pub name: Option<String>,
    /// Does it carry messages of the server's local clients to the cluster?
    pub is_provider: bool,
    /// What the connection runs over.
    pub carrier: ClientCarrier,
}

/// A message to be sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Outgoing {
    /// Its number.
    pub request_id: RequestId,
    /// How long the sender waits (goes into the message, for information).
    pub timeout: Millis,
    /// The connection's identity, once known; 2.1 puts it into each request.
    pub token: Option<ClientId>,
    /// Bits for `lrmd_callopt` beyond what the request's own fields say.
    pub options: u32,
    /// What is asked.
    pub request: Request,
}

/// A message that came.
#[derive(Clone, Debug, PartialEq)]
pub enum FromServer {
    /// The answer to a request.
    Reply(RequestId, Reply),
    /// Something else.
    Notification(Notification),
}

/// What became of the connection and its requests, and what the server tells.
#[derive(Clone, Debug, PartialEq)]
pub enum ClientOutput {
    /// Signed on.
    Ready {
        /// Our identity on this connection.
        client_id: ClientId,
        /// The server's version.
        version: ProtocolVersion,
        /// The whole answer.
        reply: Reply,
    },
    /// The waited call got its answer.
    Answered(RequestId, Reply),
    /// The waited call will get none.
    Unanswered(RequestId, ClientError),
    /// The answer to a request that is not waited for.
    LateReply(RequestId, Reply),
    /// The server tells something. Never given while a call waits.
    Notification(Notification),
    /// The connection is over (close it, if it is not closed yet); comes once.
    Disconnected(ClientError),
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    Idle,
    SigningOn,
    Ready,
}

#[derive(Debug)]
struct Waiting {
    request_id: RequestId,
    deadline: Option<Moment>,
}

/// A client of one executor.
#[derive(Debug)]
pub struct Client {
    settings: ClientSettings,
    state: State,
    waiting: Option<Waiting>,
    stale: Option<RequestId>,
    token: Option<ClientId>,
    last_id: u32,
    expected_late: u64,
    requests: VecDeque<Outgoing>,
    outputs: VecDeque<ClientOutput>,
    notifications: Held,
}

impl Client {
    /// A client without a connection.
    pub fn new(settings: ClientSettings) -> Self {
        Self {
            settings,
            state: State::Idle,
            waiting: None,
            stale: None,
            token: None,
            last_id: 0,
            expected_late: 0,
            requests: VecDeque::new(),
            outputs: VecDeque::new(),
            notifications: Held::default(),
        }
    }

    /// The transport is up: signs on. Also after an earlier connection ended.
    pub fn connected(&mut self, now: Moment) {
        self.state = State::SigningOn;
        self.token = None;
        self.stale = None;
        self.expected_late = 0;
        self.notifications.clear();
        let request = Request::Register {
            version: Some(ProtocolVersion::OURS),
            is_provider: self.settings.is_provider,
            client_name: self.settings.name.clone(),
        };
        let limit = match self.settings.carrier {
            ClientCarrier::Remote => Some(REMOTE_LIMIT),
            ClientCarrier::Local => None,
        };
        let request_id = self.push(request, 0, limit.unwrap_or_default());
        self.waiting = Some(Waiting { request_id, deadline: limit.map(|limit| now.after(limit)) });
    }

    /// The transport is down.
    pub fn disconnected(&mut self) {
        self.end(ClientError::NotConnected);
    }

    /// The caller wants no more.
    pub fn close(&mut self) {
        self.end(ClientError::Closed);
    }

    /// Does somebody wait for the answer to this request?
    pub fn is_waiting_for(&self, id: RequestId) -> bool {
        self.waiting.as_ref().is_some_and(|waiting| waiting.request_id == id)
    }

    /// Signed on?
    pub fn is_ready(&self) -> bool {
        self.state == State::Ready
    }

    /// Does the answer to a call that took too long still have to come (local IPC only)? No other call is possible
    /// before.
    pub fn is_stale(&self) -> bool {
        self.stale.is_some()
    }

    /// Answers that are still to come and are not waited for.
    pub fn expected_late_replies(&self) -> u64 {
        self.expected_late
    }

    /// Asks and waits: [`ClientOutput::Answered`] or [`ClientOutput::Unanswered`] follows, and no notification
    /// is given before it. `timeout` 0: the carrier's default.
    pub fn call(&mut self, request: Request, timeout: Millis, now: Moment) -> Result<RequestId, ClientError> {
        self.call_with(request, 0, timeout, now)
    }

    /// The same with option bits for the message.
    pub fn call_with(
        &mut self,
        request: Request,
        options: u32,
        timeout: Millis,
        now: Moment,
    ) -> Result<RequestId, ClientError> {
        if self.state != State::Ready {
            return Err(ClientError::NotConnected);
        }
        if self.waiting.is_some() {
            return Err(ClientError::Busy);
        }
        if self.stale.is_some() {
            return Err(ClientError::Stale);
        }
        if matches!(request, Request::Check { .. }) {
            return Err(ClientError::NeverAnswered);
        }
        let limit = match self.settings.carrier {
            ClientCarrier::Remote if timeout == Millis(0) => REMOTE_LIMIT,
            ClientCarrier::Remote => timeout.min(REMOTE_LIMIT),
            ClientCarrier::Local if timeout == Millis(0) => LOCAL_DEFAULT,
            ClientCarrier::Local => timeout,
        };
        let request_id = self.push(request, options, timeout);
        self.waiting = Some(Waiting { request_id, deadline: Some(now.after(limit)) });
        Ok(request_id)
    }

    /// Asks without waiting; if an answer comes it is a [`ClientOutput::LateReply`].
    pub fn send(&mut self, request: Request) -> Result<RequestId, ClientError> {
        if self.state != State::Ready {
            return Err(ClientError::NotConnected);
        }
        if !matches!(request, Request::Check { .. }) {
            self.expected_late = self.expected_late.saturating_add(1);
        }
        Ok(self.push(request, 0, Millis(0)))
    }

    /// A message came.
    pub fn received(&mut self, message: FromServer) {
        if self.state == State::Idle {
            return;
        }
        match message {
            FromServer::Notification(notification) => self.notification(notification),
            FromServer::Reply(id, reply) => self.reply(id, reply),
        }
    }

    /// What the server has told and was not passed on yet, in bytes of memory.
    pub const fn held_bytes(&self) -> usize {
        self.notifications.bytes()
    }

    /// What came for this request is no reply: the wait for it, if any, is over.
    pub fn refused(&mut self, id: RequestId) {
        if self.stale == Some(id) {
            self.stale = None;
        }
        if !self.is_waiting_for(id) {
            return;
        }
        self.waiting = None;
        match self.state {
            State::SigningOn => self.end(ClientError::NotAServer),
            _ => self.outputs.push_back(ClientOutput::Unanswered(id, ClientError::Refused)),
        }
    }

    /// The request that is waited for was not sent: no answer will come.
    pub fn give_up(&mut self) {
        if let Some(waiting) = &self.waiting {
            self.refused(waiting.request_id);
        }
    }

    /// When [`Client::tick`] is due: changes with each call of another method.
    pub fn next_deadline(&self) -> Option<Moment> {
        self.waiting.as_ref().and_then(|waiting| waiting.deadline)
    }

    /// A deadline may have passed.
    pub fn tick(&mut self, now: Moment) {
        if self.next_deadline().is_none_or(|deadline| deadline > now) {
            return;
        }
        if self.state == State::Ready && self.settings.carrier == ClientCarrier::Local {
            if let Some(waiting) = self.waiting.take() {
                self.stale = Some(waiting.request_id);
                self.outputs.push_back(ClientOutput::Unanswered(waiting.request_id, ClientError::TimedOut));
            }
        } else {
            self.end(ClientError::TimedOut);
        }
    }

    /// The next message to be sent.
    pub fn next_request(&mut self) -> Option<Outgoing> {
        self.requests.pop_front()
    }

    /// What is to be passed on next, if anything. Notifications wait while a call waits.
    pub fn poll(&mut self) -> Option<ClientOutput> {
        if let Some(output) = self.outputs.pop_front() {
            return Some(output);
        }
        if self.waiting.is_some() {
            return None;
        }
        self.notifications.pop().map(ClientOutput::Notification)
    }

    /// Would [`poll`](Self::poll) give something, or [`next_request`](Self::next_request)?
    pub fn has_output(&self) -> bool {
        !self.outputs.is_empty()
            || !self.requests.is_empty()
            || self.waiting.is_none() && !self.notifications.is_empty()
    }

    /// Only a caller who waits cannot take out what fills the queue; what comes otherwise is its driver's to pace.
    fn notification(&mut self, notification: Notification) {
        let most = if self.state == State::Ready { MOST_HELD } else { MOST_HELD_BEFORE };
        if self.waiting.is_some() && self.notifications.bytes() >= most {
            return self.end(ClientError::Flooded);
        }
        self.notifications.push(notification);
    }

    fn push(&mut self, request: Request, options: u32, timeout: Millis) -> RequestId {
        self.last_id = self.last_id.checked_add(1).filter(|id| *id <= i32::MAX.unsigned_abs()).unwrap_or(1);
        let request_id = RequestId(self.last_id);
        let token = self.token.clone();
        self.requests.push_back(Outgoing { request_id, timeout, token, options, request });
        request_id
    }

    fn reply(&mut self, id: RequestId, reply: Reply) {
        if self.is_waiting_for(id) {
            self.waiting = None;
            match self.state {
                State::SigningOn => self.signed_on(reply),
                _ => self.outputs.push_back(ClientOutput::Answered(id, reply)),
            }
        } else if self.stale == Some(id) {
            self.stale = None;
        } else {
            self.expected_late = self.expected_late.saturating_sub(1);
            self.outputs.push_back(ClientOutput::LateReply(id, reply));
        }
    }

    /// Only a refused version or an answer without identity is fatal; other refusals (of a provider, say)
    /// leave a connection that works.
    fn signed_on(&mut self, reply: Reply) {
        let ReplyBody::Registered(registered) = &reply.body else {
            return self.end(ClientError::NotAServer);
        };
        if reply.rc == -errno::EPROTO {
            return self.end(ClientError::VersionRefused);
        }
        let client_id = registered.client_id.clone();
        let version = registered.version.unwrap_or(ProtocolVersion::OLDEST);
        self.state = State::Ready;
        self.token = Some(client_id.clone());
        self.outputs.push_back(ClientOutput::Ready { client_id, version, reply });
    }

    fn end(&mut self, why: ClientError) {
        if self.state == State::Idle {
            return;
        }
        let was_ready = self.state == State::Ready;
        self.state = State::Idle;
        self.notifications.clear();
        self.requests.clear();
        if let Some(waiting) = self.waiting.take().filter(|_| was_ready) {
            self.outputs.push_back(ClientOutput::Unanswered(waiting.request_id, why));
        }
        self.outputs.push_back(ClientOutput::Disconnected(why));
    }
}

#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;
