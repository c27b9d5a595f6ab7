// SPDX-License-Identifier: LGPL-2.1-or-later
//! Questions to the hub, each answered between two of its turns. An asker sees the hub and can change nothing.
use std::task::{Context, Poll};
use tokio::sync::{mpsc, oneshot};

/// Questions that wait at the same time; who asks more waits to ask.
const WAITING: usize = 8;

type Question<H> = Box<dyn FnOnce(&H)>;

/// Asks.
pub(super) struct Asker<H>(mpsc::Sender<Question<H>>);

/// What is asked.
pub(super) struct Questions<H>(mpsc::Receiver<Question<H>>);

/// Both ends.
pub(super) fn channel<H>() -> (Asker<H>, Questions<H>) {
    let (asker, questions) = mpsc::channel(WAITING);
    (Asker(asker), Questions(questions))
}

impl<H: 'static> Asker<H> {
    /// What `question` finds. It must be short: the loop waits for it. None: the hub is gone.
    pub(super) async fn ask<T: 'static>(&self, question: impl FnOnce(&H) -> T + 'static) -> Option<T> {
        let (answer, answered) = oneshot::channel();
        let question = move |hub: &H| drop(answer.send(question(hub)));
        self.0.send(Box::new(question)).await.ok()?;
        answered.await.ok()
    }
}

impl<H> Questions<H> {
    /// Answers one, if one is there.
    pub(super) fn answer(&mut self, hub: &H) {
        if let Ok(question) = self.0.try_recv() {
            question(hub);
        }
    }

    /// The same; false: none is there, and the task is woken by the next.
    pub(super) fn poll_answer(&mut self, context: &mut Context<'_>, hub: &H) -> bool {
        let Poll::Ready(Some(question)) = self.0.poll_recv(context) else { return false };
        question(hub);
        true
    }
}
