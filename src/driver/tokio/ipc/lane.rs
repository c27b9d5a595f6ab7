// SPDX-License-Identifier: LGPL-2.1-or-later
//! What waits for a local client on one of its two channels, and how that is encoded. Long text is compressed for clients of
//! older releases, which takes too long for the loop.
use crate::wire::ipc::{IpcLayout, encode, is_compressed};
use std::collections::VecDeque;
use std::sync::Arc;
use tokio::task::AbortHandle;

/// Text that has a shorter form is not compressed when it is longer than this, which takes some 0.1 s.
const WORTH_COMPRESSING: usize = 1024 * 1024;

/// What a message says; one copy for all who are told it.
pub(super) struct Text {
    pub(super) whole: Box<str>,
    /// What to send instead when that is too much.
    pub(super) short: Option<Arc<str>>,
}

/// What a message is to the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MessageKind {
    /// The response to the request of this number.
    Response(i32),
    /// An event, which is numbered when it is sent.
    Event,
}

/// One of a client's two channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Channel {
    Responses,
    Events,
}

/// A message as libqb takes it, or none that can be sent, for this reason.
pub(super) type Encoded = Result<Vec<Vec<u8>>, String>;

/// A message that is to be encoded, beside the loop if that takes long.
pub(super) struct Encoding {
    pub(super) channel: Channel,
    pub(super) layout: IpcLayout,
    pub(super) id: i32,
    pub(super) flags: u32,
    pub(super) text: Arc<Text>,
    /// What the client can receive.
    pub(super) buffer: usize,
}

impl Encoding {
    pub(super) fn run(&self) -> Encoded {
        let Self { layout, id, flags, buffer, .. } = *self;
        let encode = |text: &str| encode(layout, id, flags, text, buffer);
        let Text { whole, short } = &*self.text;
        let encoded = match short {
            Some(short) if layout == IpcLayout::Old && whole.len() > WORTH_COMPRESSING => encode(short),
            Some(short) => encode(whole).or_else(|_| encode(short)),
            None => encode(whole),
        };
        encoded.map_err(|problem| format!("of {} bytes: {problem}", whole.len()))
    }

    /// Does it take long?
    pub(super) fn is_long(&self) -> bool {
        is_compressed(self.layout, &self.text.whole, self.buffer)
    }
}

/// A message that waits. Small: a thousand clients that do not read have hundreds of them each.
pub(super) struct Message {
    pub(super) kind: MessageKind,
    pub(super) flags: u32,
    /// What the budget counts: one text may wait for many clients, and so each pays a part.
    pub(super) counted: u32,
    pub(super) text: Arc<Text>,
}

impl Message {
    pub(super) fn new(kind: MessageKind, flags: u32, text: Arc<Text>) -> Self {
        let counted = size_of::<Self>() + text.whole.len() / Arc::strong_count(&text).max(1);
        Self { kind, flags, counted: u32::try_from(counted).unwrap_or(u32::MAX), text }
    }
}

/// Messages for one of a client's two channels.
#[derive(Default)]
pub(super) struct Lane {
    pub(super) waiting: VecDeque<Message>,
    /// What is left of the message that is being sent, as libqb takes it.
    pub(super) parts: VecDeque<Vec<u8>>,
    /// The message that is being encoded beside the loop.
    pub(super) encoding: Option<Pending>,
}

/// What is counted of a message while it is encoded, and the task that waits for it.
pub(super) struct Pending {
    pub(super) task: Option<AbortHandle>,
    pub(super) bytes: usize,
    pub(super) counted: u32,
}

impl Drop for Pending {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

impl Lane {
    pub(super) fn len(&self) -> usize {
        self.waiting.len() + usize::from(!self.parts.is_empty()) + usize::from(self.encoding.is_some())
    }
}
