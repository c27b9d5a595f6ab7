// SPDX-License-Identifier: LGPL-2.1-or-later
//! What a server told and was not passed on yet, and how much memory it holds.
use crate::model::{Completion, Notification, ProxyNotice};
use std::collections::VecDeque;

/// What one pair of an operation's parameters costs beyond its characters: two strings in a table.
const PER_PARAMETER: usize = 160;

/// Notifications in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Held {
    queue: VecDeque<(Notification, usize)>,
    bytes: usize,
}

impl Held {
    pub(super) fn push(&mut self, notification: Notification) {
        let bytes = weight(&notification);
        self.bytes = self.bytes.saturating_add(bytes);
        self.queue.push_back((notification, bytes));
    }

    pub(super) fn pop(&mut self) -> Option<Notification> {
        let (notification, bytes) = self.queue.pop_front()?;
        self.bytes = self.bytes.saturating_sub(bytes);
        Some(notification)
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Bytes of memory, about.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }
}

fn weight(notification: &Notification) -> usize {
    let content = match notification {
        Notification::Completed(completion) => completion_weight(completion),
        Notification::Registered { resource_id, .. }
        | Notification::Unregistered { resource_id, .. }
        | Notification::Poke { resource_id, .. } => resource_id.as_ref().map_or(0, |id| id.as_str().len()),
        Notification::NewClient => 0,
        Notification::Proxy(notice) => notice_weight(notice),
    };
    size_of::<(Notification, usize)>().saturating_add(content)
}

fn completion_weight(completion: &Completion) -> usize {
    let optional = |text: &Option<String>| text.as_ref().map_or(0, String::len);
    let outcome = &completion.outcome;
    let params = completion
        .params
        .iter()
        .map(|(name, value)| PER_PARAMETER.saturating_add(name.len()).saturating_add(value.len()));
    [
        size_of::<Completion>(),
        completion.resource_id.as_str().len(),
        completion.action.len(),
        optional(&completion.user_data),
        optional(&outcome.reason),
        optional(&outcome.output),
    ]
    .into_iter()
    .chain(params)
    .fold(0, usize::saturating_add)
}

fn notice_weight(notice: &ProxyNotice) -> usize {
    match notice {
        ProxyNotice::New { session, server } => session.as_str().len().saturating_add(server.len()),
        ProxyNotice::Request { session, client, user, payload, .. } => {
            [session.as_str().len(), client.len(), user.len(), payload.as_str().len()]
                .into_iter()
                .fold(0, usize::saturating_add)
        }
        ProxyNotice::Destroy { session } => session.as_str().len(),
        ProxyNotice::ShutdownRequest => 0,
    }
}
