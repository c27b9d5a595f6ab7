// SPDX-License-Identifier: LGPL-2.1-or-later
//! One local client: what it has sent so far, and what waits for it.
//!
//! libqb does not say when a client has read, so that a client without room is tried again after a while: one
//! millisecond at first, then ever longer. Responses and events travel apart: a client that waits for a response
//! need not look at its events.
use super::accounts::Share;
use super::config::LocalServer;
use crate::model::LocalIdentity;
use crate::sys::qb::{Connection, Reactor, Ready, Sent};
use crate::wire::ipc::{Assembler, IpcLayout, UnreadRequest, detect, encode, flag};
use log::{Level, error};
use nix::errno::Errno;
use std::collections::VecDeque;
use std::fmt;
use std::rc::Rc;
use std::time::Duration;
use tokio::task::AbortHandle;
use tokio::time::Instant;

/// A client with more messages than this, and no fewer than a second before, is disconnected.
const MAX_WAITING: usize = 500;
/// A client for which more bytes wait is disconnected at once, unless it is a single message.
const MAX_WAITING_BYTES: usize = 32 * 1024 * 1024;
/// What a message counts for beside its text: clients are also judged by the number of messages.
const EACH_MESSAGE: usize = 1024;
/// Text that has a shorter form is not compressed for longer than this takes, some 0.1 s.
const WORTH_COMPRESSING: usize = 1024 * 1024;
const JUDGE_EVERY: Duration = Duration::from_secs(1);
const FIRST_RETRY: Duration = Duration::from_millis(1);
const LAST_RETRY: Duration = Duration::from_millis(100);
/// Between tries with a client that has not read for a long time.
const IDLE_RETRY: Duration = Duration::from_secs(1);
const LONG: Duration = Duration::from_secs(10);

/// What a message says; one copy for all who are told it.
pub(super) struct Text {
    pub(super) whole: Box<str>,
    /// What to send instead when that is too much.
    pub(super) short: Option<Rc<str>>,
}

/// What a message is to the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MessageKind {
    /// The response to the request of this number.
    Response(i32),
    /// An event, which is numbered when it is sent.
    Event,
}

/// A message that waits. Small: a thousand clients that do not read have hundreds of them each.
struct Message {
    kind: MessageKind,
    flags: u32,
    /// What the budget counts: one text may wait for many clients, and so each pays a part.
    counted: u32,
    text: Rc<Text>,
}

impl Message {
    fn new(kind: MessageKind, flags: u32, text: Rc<Text>) -> Self {
        let counted = size_of::<Self>() + text.whole.len() / Rc::strong_count(&text).max(1);
        Self { kind, flags, counted: u32::try_from(counted).unwrap_or(u32::MAX), text }
    }
}

/// Messages for one of a client's two channels.
#[derive(Default)]
struct Lane {
    waiting: VecDeque<Message>,
    /// What is left of the message that is being sent, as libqb takes it.
    parts: VecDeque<Vec<u8>>,
}

impl Lane {
    fn len(&self) -> usize {
        self.waiting.len() + usize::from(!self.parts.is_empty())
    }
}

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
    pub(super) fn enqueue(&mut self, kind: MessageKind, text: Rc<Text>) -> bool {
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
        self.flush_lane(layout, Connection::send_response, |client| &mut client.responses)?;
        self.flush_lane(layout, Connection::send_event, |client| &mut client.events)?;
        if !self.has_backlog() {
            self.stall = None;
            return Ok(());
        }
        self.plan(now(), self.pieces() != before)?;
        self.judge_bytes()
    }

    fn flush_lane(
        &mut self,
        layout: IpcLayout,
        send: impl Fn(&Connection, &[u8]) -> Result<Sent, Errno>,
        lane: impl Fn(&mut Self) -> &mut Lane,
    ) -> Result<(), EvictReason> {
        loop {
            if lane(self).parts.is_empty() {
                let Some(message) = lane(self).waiting.pop_front() else { return Ok(()) };
                let parts = self.encode(layout, &message);
                self.counted -= message.counted as usize;
                lane(self).parts.extend(parts);
                self.waiting_bytes = self.waiting_bytes.saturating_sub(message.text.whole.len());
            }
            while let Some(part) = lane(self).parts.pop_front() {
                match send(&self.connection, &part) {
                    Ok(Sent::Done) => {}
                    Ok(Sent::WouldBlock) => {
                        lane(self).parts.push_front(part);
                        return Ok(());
                    }
                    Err(errno) => return Err(EvictReason::Lost(errno)),
                }
            }
        }
    }

    fn encode(&mut self, layout: IpcLayout, message: &Message) -> Vec<Vec<u8>> {
        let id = match message.kind {
            MessageKind::Response(id) => id,
            MessageKind::Event => {
                self.last_event_id = self.last_event_id.checked_add(1).unwrap_or(1);
                self.last_event_id
            }
        };
        let encode = |text: &str| encode(layout, id, message.flags, text, self.connection.buffer_size());
        let Text { whole, short } = &*message.text;
        let encoded = match short {
            Some(short) if layout == IpcLayout::Old && whole.len() > WORTH_COMPRESSING => encode(short),
            Some(short) => encode(whole).or_else(|_| encode(short)),
            None => encode(whole),
        };
        encoded.unwrap_or_else(|problem| {
            error!("Cannot send {} bytes to {self}: {problem} (PCMK_ipc_buffer raises it)", whole.len());
            Vec::new()
        })
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
