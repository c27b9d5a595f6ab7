// SPDX-License-Identifier: LGPL-2.1-or-later
//! One start, between the loop that wants it and the thread that does it.
//!
//! A run costs the loop one wake-up, that of its end: the thread has the run's task woken by the end of the child, and
//! not by its start.
use crate::agents::Plan;
use crate::core::RunId;
use crate::model::RunResult;
use crate::sys::attempt::{Attempt, Stop};
use std::future::poll_fn;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};
use tokio::io::unix::AsyncFd;

/// A child, and how to read its end.
pub(super) struct Begun {
    pub(super) pid: i32,
    /// Readable once it has ended.
    pub(super) pidfd: AsyncFd<OwnedFd>,
    pub(super) stdout: OwnedFd,
    pub(super) stderr: OwnedFd,
    pub(super) plan: Plan,
    /// When its thread took it up.
    pub(super) since: Instant,
    /// Was its file found to be in a file system of this machine? None: it was not looked at.
    pub(super) is_local: Option<bool>,
    /// How long the start took.
    pub(super) took: Duration,
}

/// What a start has come to.
pub(super) type Answer = Result<Begun, Box<RunResult>>;

enum Slot {
    /// Whom to wake.
    Waits(Option<Waker>),
    Answered(Box<Answer>, Option<Waker>),
    /// Nothing will come, or it has been taken.
    Closed,
}

/// See the module's documentation.
pub(super) struct Errand {
    pub(super) run: RunId,
    pub(super) attempt: Attempt,
    slot: Mutex<Slot>,
    told: AtomicBool,
    hastened: AtomicBool,
}

impl Errand {
    pub(super) fn new(run: RunId) -> Self {
        let (told, hastened) = (AtomicBool::new(false), AtomicBool::new(false));
        Self { run, attempt: Attempt::default(), slot: Mutex::new(Slot::Waits(None)), told, hastened }
    }

    fn slot(&self) -> MutexGuard<'_, Slot> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has the loop been told that it has begun? It has from now on.
    pub(super) fn was_told(&self) -> bool {
        self.told.swap(true, Ordering::Relaxed)
    }

    /// From the thread that has started it: what has come of it. The task is woken at once only if there is nothing to wait for.
    pub(super) fn answer(&self, answer: Answer) {
        let mut slot = self.slot();
        let Slot::Waits(waker) = &mut *slot else { return };
        let waker = waker.take();
        if let Some(waker) = &waker {
            let child = answer.as_ref().ok().map(|begun| &begun.pidfd);
            let has_ended =
                |pidfd: &AsyncFd<OwnedFd>| pidfd.poll_read_ready(&mut Context::from_waker(waker)).is_ready();
            if child.is_none_or(has_ended) {
                waker.wake_by_ref();
            }
        }
        *slot = Slot::Answered(Box::new(answer), waker);
    }

    /// The child, until the answer is taken.
    pub(super) fn pid(&self) -> Option<i32> {
        match &*self.slot() {
            Slot::Answered(answer, _) => answer.as_ref().as_ref().ok().map(|begun| begun.pid),
            Slot::Waits(_) | Slot::Closed => None,
        }
    }

    /// From the run's task: waits until there is an answer and a reason to take it, [`Self::hasten`] or the child's end.
    /// None: it was stopped before there was a child.
    pub(super) async fn answered(&self) -> Option<Answer> {
        poll_fn(|context| {
            let mut slot = self.slot();
            match std::mem::replace(&mut *slot, Slot::Closed) {
                Slot::Answered(answer, _) if self.may_wait(&answer, context) => {
                    *slot = Slot::Answered(answer, Some(context.waker().clone()));
                    Poll::Pending
                }
                Slot::Answered(answer, _) => Poll::Ready(Some(*answer)),
                Slot::Closed => Poll::Ready(None),
                Slot::Waits(_) => {
                    *slot = Slot::Waits(Some(context.waker().clone()));
                    Poll::Pending
                }
            }
        })
        .await
    }

    fn may_wait(&self, answer: &Answer, context: &mut Context<'_>) -> bool {
        let runs = |begun: &Begun| begun.pidfd.poll_read_ready(context).is_pending();
        !self.hastened.load(Ordering::Relaxed) && answer.as_ref().is_ok_and(runs)
    }

    /// Has the task take the answer, if there is one that it has not taken.
    pub(super) fn hasten(&self) {
        self.hastened.store(true, Ordering::Relaxed);
        if let Slot::Answered(_, Some(waker)) = &*self.slot() {
            waker.wake_by_ref();
        }
    }

    /// Ends it. True: there will be no child, and the task hears so.
    pub(super) fn stop(&self) -> bool {
        match self.attempt.stop() {
            Stop::NeverStarts => {
                if let Slot::Waits(Some(waker)) = std::mem::replace(&mut *self.slot(), Slot::Closed) {
                    waker.wake();
                }
                true
            }
            Stop::Asked => false,
            Stop::Over => {
                self.hasten();
                false
            }
        }
    }
}
