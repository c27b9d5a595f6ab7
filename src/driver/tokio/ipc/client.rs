// SPDX-License-Identifier: LGPL-2.1-or-later
//! One local client: what it has sent so far, and what waits for it.
//!
//! libqb does not say when a client has read, so that a client without room is tried again after a while: one
//! millisecond at first, then ever longer. Responses and events travel apart: a client that waits for a response
//! need not look at its events.
use super::accounts::Share;
use super::config::LocalServer;
use super::lane::{Channel, Encoded, Encoding, Lane, Message, MessageKind, Pending, Text};
use crate::driver::tokio::gate::Account;
use crate::model::LocalIdentity;
use crate::sys::qb::{Connection, Reactor, Ready, Sent};
use crate::wire::ipc::{Assembler, IpcLayout, UnreadRequest, detect, flag};
use log::{Level, error};
use nix::errno::Errno;
use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::AbortHandle;
use tokio::time::Instant;

/// A client with more messages than this, and no fewer than a second before, is disconnected.
const MAX_WAITING: usize = 500;
/// A client for which more bytes wait is disconnected at once, unless it is a single message.
const MAX_WAITING_BYTES: usize = 32 * 1024 * 1024;
/// What a message counts for beside its text: clients are also judged by the number of messages.
const EACH_MESSAGE: usize = 1024;
const JUDGE_EVERY: Duration = Duration::from_secs(1);
const FIRST_RETRY: Duration = Duration::from_millis(1);
const LAST_RETRY: Duration = Duration::from_millis(100);
/// Between tries with a client that has not read for a long time.
const IDLE_RETRY: Duration = Duration::from_secs(1);
const LONG: Duration = Duration::from_secs(10);

/// A backlog that is being watched.
struct Stall {
    /// Since when nothing has been taken.
    since: Instant,
    delay: Duration,
    retry_at: Instant,
    /// When the backlog was last judged, and its size then.
    judged: (Instant, usize),
}

/// A message that is taken in by a task; dropped with its client.
struct Taking {
    task: AbortHandle,
    bytes: usize,
}

impl Drop for Taking {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub(super) struct Client {
    connection: Connection,
    server_name: &'static str,
    server: LocalServer,
    identity: LocalIdentity,
    /// Made when its first message tells how it writes.
    assembler: Option<Assembler>,
    /// Has it said that it relays for others? Then it is answered by events.
    proxied: bool,
    responses: Lane,
    events: Lane,
    /// What is to be encoded beside the loop, and what that has used of the time there.
    to_encode: Vec<Encoding>,
    account: Account,
    waiting_bytes: usize,
    /// What the budget counts of what waits.
    counted: usize,
    share: Option<Share>,
    /// Was a message of its dropped?
    has_dropped: bool,
    last_event_id: i32,
    stall: Option<Stall>,
    /// Is nothing to be taken from it for now?
    held: bool,
    /// What came of it while it was held, and which place that has among all such clients.
    parked: VecDeque<Vec<u8>>,
    place: u64,
    /// The message that is being taken in.
    taking: Option<Taking>,
    /// What libqb does not look at meanwhile.
    source: Option<Ready>,
}

impl Client {
    pub(super) fn new(
        connection: Connection,
        server_name: &'static str,
        server: LocalServer,
        identity: LocalIdentity,
        share: Option<Share>,
    ) -> Self {
        Self {
            connection,
            server_name,
            server,
            identity,
            assembler: None,
            proxied: false,
            responses: Lane::default(),
            events: Lane::default(),
            to_encode: Vec::new(),
            account: Account::default(),
            waiting_bytes: 0,
            counted: 0,
            share,
            has_dropped: false,
            last_event_id: 0,
            stall: None,
            held: false,
            parked: VecDeque::new(),
            place: 0,
            taking: None,
            source: None,
        }
    }

    /// Takes nothing from it, or takes again; its place if something of it waits.
    pub(super) fn hold(&mut self, held: bool) -> Option<u64> {
        self.held = held;
        (!self.parked.is_empty()).then_some(self.place)
    }

    /// Must what comes from it wait, because it is held or because other things of it do?
    pub(super) fn must_wait(&self) -> bool {
        self.held || self.taking.is_some() || !self.parked.is_empty()
    }

    /// Keeps what came. Where it is the first to wait, the client gets this place, and libqb takes nothing more from it.
    pub(super) fn park(&mut self, bytes: Vec<u8>, place: u64, source: Option<&Ready>, reactor: &Reactor) {
        if self.parked.is_empty() {
            self.place = place;
        }
        if self.source.is_none()
            && let Some(source) = source
        {
            reactor.pause(source);
            self.source = Some(source.clone());
        }
        self.parked.push_back(bytes);
    }

    /// A message of so many bytes is being taken in, by this task, and libqb takes nothing more from the client until
    /// that [is over](Self::finish).
    pub(super) fn begin(&mut self, task: AbortHandle, bytes: usize, source: &Ready, reactor: &Reactor) {
        self.taking = Some(Taking { task, bytes });
        self.report();
        reactor.pause(source);
        self.source = Some(source.clone());
    }

    /// Its message has been taken in; its place if something of it waits that need not any more.
    pub(super) fn finish(&mut self, reactor: &Reactor) -> Option<u64> {
        self.taking = None;
        self.report();
        self.go_on(reactor);
        (!self.held && !self.parked.is_empty()).then_some(self.place)
    }

    /// What came first and whose work it was, unless it has to wait still; whether that was all.
    pub(super) fn unpark(&mut self, reactor: &Reactor) -> Option<(Vec<u8>, Option<Ready>, bool)> {
        if self.held || self.taking.is_some() {
            return None;
        }
        let bytes = self.parked.pop_front()?;
        let source = self.source.clone();
        self.go_on(reactor);
        Some((bytes, source, self.parked.is_empty()))
    }

    /// Has libqb take from it again if nothing of it waits.
    fn go_on(&mut self, reactor: &Reactor) {
        if self.parked.is_empty()
            && let Some(source) = self.source.take()
        {
            reactor.resume(&source);
        }
    }

    /// How much waits for it; each message costs something beside its text.
    pub(super) fn waiting(&self) -> usize {
        self.waiting_bytes + (self.responses.len() + self.events.len()) * EACH_MESSAGE
    }

    pub(super) fn server(&self) -> LocalServer {
        self.server
    }

    pub(super) fn disconnect(&self) {
        self.connection.disconnect();
    }

    /// Disconnects a client that cannot be sent to: what waits for it is not tried again.
    pub(super) fn give_up(&mut self) {
        self.stall = None;
        self.connection.disconnect();
    }

    pub(super) fn retry_at(&self) -> Option<Instant> {
        self.stall.as_ref().map(|stall| stall.retry_at)
    }

    pub(super) fn has_backlog(&self) -> bool {
        self.responses.len() + self.events.len() > 0
    }

    /// Tells the budget what it holds, which may cut it or others.
    pub(super) fn report(&self) {
        if let Some(share) = &self.share {
            share.report(self.held_bytes());
        }
    }

    /// Bytes of messages from it and for it.
    fn held_bytes(&self) -> usize {
        let partly = self.assembler.as_ref().map_or(0, Assembler::held_bytes);
        let parts = self.responses.parts.iter().chain(&self.events.parts).map(Vec::len).sum::<usize>();
        let taking = self.taking.as_ref().map_or(0, |taking| taking.bytes);
        self.counted + partly + taking + parts
    }

    /// Takes what libqb delivered; a request when it is whole and to be answered.
    pub(super) fn receive(&mut self, bytes: &[u8]) -> Result<Option<UnreadRequest>, String> {
        let assembler = match &mut self.assembler {
            Some(assembler) => assembler,
            none => {
                let layout = detect(bytes).ok_or("its first message is none of Pacemaker's")?;
                none.insert(Assembler::new(layout))
            }
        };
        let request = assembler.push_unread(bytes).map_err(|e| e.to_string())?;
        self.report();
        let Some(request) = request else { return Ok(None) };
        self.proxied |= request.flags & flag::PROXIED != 0;
        if self.server == LocalServer::Executor && request.flags & flag::RESPONSE_WANTED == 0 {
            let again = std::mem::replace(&mut self.has_dropped, true);
            let level = if again { Level::Debug } else { Level::Warn };
            log::log!(
                level,
                "Dropped a message from {self}: it does not ask for a response, as the executor's clients must"
            );
            return Ok(None);
        }
        Ok(Some(request))
    }

    /// Puts a message at the end of its channel. True: it is the first there, so there may be room for it, however
    /// full the other channel is.
    pub(super) fn enqueue(&mut self, kind: MessageKind, text: Arc<Text>) -> bool {
        self.waiting_bytes = self.waiting_bytes.saturating_add(text.whole.len());
        let (lane, flags) = match kind {
            MessageKind::Response(_) if self.proxied => {
                (&mut self.events, flag::EVENT | flag::PROXIED_RESPONSE)
            }
            MessageKind::Response(_) => (&mut self.responses, 0),
            MessageKind::Event => (&mut self.events, flag::EVENT),
        };
        let message = Message::new(kind, flags, text);
        self.counted += message.counted as usize;
        lane.waiting.push_back(message);
        let first = lane.len() == 1;
        self.report();
        first
    }

    /// Sends what there is room for. The error: why the client is to be disconnected.
    pub(super) fn flush(&mut self, now: impl FnOnce() -> Instant) -> Result<(), EvictReason> {
        if !self.connection.is_open() {
            self.stall = None;
            return Ok(());
        }
        // Without a message from it nobody knows how to write to it.
        let Some(layout) = self.assembler.as_ref().map(Assembler::layout) else { return self.judge_bytes() };
        let before = self.pieces();
        self.flush_lane(layout, Channel::Responses)?;
        self.flush_lane(layout, Channel::Events)?;
        if !self.has_backlog() || self.responses.encoding.is_some() || self.events.encoding.is_some() {
            // What is encoded for it is not its fault.
            self.stall = None;
            return self.judge_bytes();
        }
        self.plan(now(), self.pieces() != before)?;
        self.judge_bytes()
    }

    fn lane(&mut self, channel: Channel) -> &mut Lane {
        match channel {
            Channel::Responses => &mut self.responses,
            Channel::Events => &mut self.events,
        }
    }

    fn flush_lane(&mut self, layout: IpcLayout, channel: Channel) -> Result<(), EvictReason> {
        let send = match channel {
            Channel::Responses => Connection::send_response,
            Channel::Events => Connection::send_event,
        };
        loop {
            while let Some(part) = self.lane(channel).parts.pop_front() {
                match send(&self.connection, &part) {
                    Ok(Sent::Done) => {}
                    Ok(Sent::WouldBlock) => {
                        self.lane(channel).parts.push_front(part);
                        return Ok(());
                    }
                    Err(errno) => return Err(EvictReason::Lost(errno)),
                }
            }
            if self.lane(channel).encoding.is_some() || !self.encode_next(layout, channel) {
                return Ok(());
            }
        }
    }

    /// Encodes a channel's next message, or has it done beside the loop. False: there is none.
    fn encode_next(&mut self, layout: IpcLayout, channel: Channel) -> bool {
        let Some(message) = self.lane(channel).waiting.pop_front() else { return false };
        let Message { kind, flags, counted, text } = message;
        let id = match kind {
            MessageKind::Response(id) => id,
            MessageKind::Event => {
                self.last_event_id = self.last_event_id.checked_add(1).unwrap_or(1);
                self.last_event_id
            }
        };
        let bytes = text.whole.len();
        let encoding = Encoding { channel, layout, id, flags, text, buffer: self.connection.buffer_size() };
        if encoding.is_long() {
            self.lane(channel).encoding = Some(Pending { task: None, bytes, counted });
            self.to_encode.push(encoding);
        } else {
            self.is_encoded(channel, bytes, counted, encoding.run());
        }
        true
    }

    /// The next message that is to be encoded beside the loop, and who pays for it.
    pub(super) fn next_to_encode(&mut self) -> Option<(Encoding, Account)> {
        self.to_encode.pop().map(|encoding| (encoding, self.account.clone()))
    }

    /// This task waits until a message is encoded.
    pub(super) fn awaits(&mut self, channel: Channel, task: AbortHandle) {
        if let Some(pending) = &mut self.lane(channel).encoding {
            pending.task = Some(task);
        }
    }

    /// What was being encoded is, and is to be flushed.
    pub(super) fn encoded(&mut self, channel: Channel, encoded: Encoded) {
        let Some(mut pending) = self.lane(channel).encoding.take() else { return };
        pending.task = None; // It is what calls this.
        self.is_encoded(channel, pending.bytes, pending.counted, encoded);
    }

    fn is_encoded(&mut self, channel: Channel, bytes: usize, counted: u32, encoded: Encoded) {
        self.counted -= counted as usize;
        self.waiting_bytes = self.waiting_bytes.saturating_sub(bytes);
        match encoded {
            Ok(parts) => self.lane(channel).parts.extend(parts),
            Err(problem) => error!("Cannot send {self} a message {problem} (PCMK_ipc_buffer raises it)"),
        }
    }

    /// Changes whenever something was sent.
    fn pieces(&self) -> (usize, usize) {
        (
            self.responses.waiting.len() + self.events.waiting.len(),
            self.responses.parts.len() + self.events.parts.len(),
        )
    }

    /// Something waits: when to try again, and is there any hope?
    fn plan(&mut self, now: Instant, progress: bool) -> Result<(), EvictReason> {
        let waiting = self.responses.len() + self.events.len();
        let stall = self.stall.get_or_insert(Stall {
            since: now,
            delay: FIRST_RETRY,
            retry_at: now,
            judged: (now, waiting),
        });
        let due = stall.retry_at <= now;
        if progress {
            (stall.since, stall.delay) = (now, FIRST_RETRY);
        } else if due {
            let last = if now.duration_since(stall.since) > LONG { IDLE_RETRY } else { LAST_RETRY };
            stall.delay = (stall.delay * 2).min(last);
        }
        if due || progress {
            stall.retry_at = now + stall.delay;
        }
        if now.duration_since(stall.judged.0) >= JUDGE_EVERY {
            if waiting > MAX_WAITING && waiting >= stall.judged.1 {
                return Err(EvictReason::DoesNotRead(waiting));
            }
            stall.judged = (now, waiting);
        }
        Ok(())
    }

    fn judge_bytes(&self) -> Result<(), EvictReason> {
        let waiting = self.responses.len() + self.events.len();
        if waiting > 1 && self.waiting_bytes > MAX_WAITING_BYTES {
            return Err(EvictReason::TooMuch(self.waiting_bytes));
        }
        Ok(())
    }
}

impl fmt::Display for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "local client {} ({}) of {}", self.identity.pid, self.identity.user, self.server_name)
    }
}

/// Why a client is to be disconnected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EvictReason {
    /// It does not take its messages.
    DoesNotRead(usize),
    /// Too many bytes wait for it.
    TooMuch(usize),
    /// It cannot be sent to.
    Lost(Errno),
}

impl fmt::Display for EvictReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DoesNotRead(count) => write!(f, "it does not read, and {count} messages wait for it"),
            Self::TooMuch(bytes) => write!(f, "{bytes} bytes wait for it, {MAX_WAITING_BYTES} are the most"),
            Self::Lost(errno) => write!(f, "it cannot be sent to ({})", errno.desc()),
        }
    }
}
