// SPDX-License-Identifier: LGPL-2.1-or-later
//! What waits for several things one after the other, in GLib's loop: each a source that goes on with it when it is woken.
use crate::sys::glib::{Priority, Source};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

type Work = Pin<Box<dyn Future<Output = ()>>>;

/// Something that goes on until it is done or dropped.
pub(super) struct Task {
    source: Rc<Cell<Option<Source>>>,
}

impl Task {
    /// Begins in the loop's next turn.
    pub(super) fn start(work: impl Future<Output = ()> + 'static) -> Self {
        let held = Rc::new(Cell::new(None::<Source>));
        let waker = Rc::new(RefCell::new(None::<Waker>));
        let (own, place, mut work) = (Rc::clone(&held), Rc::clone(&waker), Some(Box::pin(work) as Work));
        let source = Source::attach(c"pcmk-remote-rs task", Priority::Default, move || {
            // It is woken again by what it waits for.
            let source = own.take();
            if let Some(source) = &source {
                source.set_timer(None);
            }
            own.set(source);
            let Some(waker) = place.borrow().clone() else { return };
            let Some(running) = &mut work else { return };
            if running.as_mut().poll(&mut Context::from_waker(&waker)).is_ready() {
                work = None;
                drop(own.take());
            }
        });
        *waker.borrow_mut() = Some(source.waker());
        source.wake();
        held.set(Some(source));
        Self { source: held }
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        // The source's function holds the place too.
        drop(self.source.take());
    }
}

/// Waits.
pub(super) async fn sleep(time: Duration) {
    let over = Rc::new(Cell::new(false));
    let waiting = Rc::new(RefCell::new(None::<Waker>));
    let (is_over, wakes) = (Rc::clone(&over), Rc::clone(&waiting));
    let source = Source::attach(c"pcmk-remote-rs time", Priority::Default, move || {
        is_over.set(true);
        if let Some(waker) = wakes.borrow_mut().take() {
            waker.wake();
        }
    });
    source.set_timer(Some(time));
    poll_fn(|context| {
        if over.get() {
            return Poll::Ready(());
        }
        *waiting.borrow_mut() = Some(context.waker().clone());
        Poll::Pending
    })
    .await;
}

/// Those who wait for something, to be woken together.
#[derive(Default)]
pub(super) struct Waiting(RefCell<Vec<Waker>>);

impl Waiting {
    pub(super) fn add(&self, context: &Context<'_>) {
        let mut waiting = self.0.borrow_mut();
        if !waiting.iter().any(|waker| waker.will_wake(context.waker())) {
            waiting.push(context.waker().clone());
        }
    }

    pub(super) fn wake(&self) {
        for waker in self.0.take() {
            waker.wake();
        }
    }
}

/// One at a time, in the order of coming.
#[derive(Default)]
pub(super) struct Lock {
    is_held: Cell<bool>,
    waiting: RefCell<VecDeque<Waker>>,
}

/// The lock is held while this is.
pub(super) struct Held<'a>(&'a Lock);

impl Lock {
    pub(super) async fn hold(&self) -> Held<'_> {
        poll_fn(|context| {
            if !self.is_held.replace(true) {
                return Poll::Ready(Held(self));
            }
            let mut waiting = self.waiting.borrow_mut();
            if !waiting.iter().any(|waker| waker.will_wake(context.waker())) {
                waiting.push_back(context.waker().clone());
            }
            Poll::Pending
        })
        .await
    }
}

impl Drop for Held<'_> {
    /// All are woken: one that was first may have been given up.
    fn drop(&mut self) {
        self.0.is_held.set(false);
        for waker in self.0.waiting.take() {
            waker.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::glib::iterate;

    fn until(reached: impl Fn() -> bool) {
        while !reached() {
            iterate(true);
        }
    }

    #[test]
    fn tasks_wait_for_the_time_and_for_each_other() {
        let (lock, log) = (Rc::new(Lock::default()), Rc::new(RefCell::new(Vec::new())));
        let tasks: Vec<Task> = (0..3)
            .map(|number| {
                let (lock, log) = (Rc::clone(&lock), Rc::clone(&log));
                Task::start(async move {
                    let _held = lock.hold().await;
                    log.borrow_mut().push(number);
                    sleep(Duration::from_millis(1)).await;
                    log.borrow_mut().push(number);
                })
            })
            .collect();
        until(|| log.borrow().len() == 6);
        let seen = log.borrow().clone();
        assert!(seen.chunks(2).all(|pair| pair[0] == pair[1]), "{seen:?}");
        drop(tasks);
    }

    #[test]
    fn a_task_that_is_dropped_goes_no_further_and_lets_go() {
        let lock = Rc::new(Lock::default());
        let held = Rc::clone(&lock);
        let first = Task::start(async move {
            let _held = held.hold().await;
            sleep(Duration::from_secs(1000)).await;
        });
        until(|| lock.is_held.get());
        let (other, done) = (Rc::clone(&lock), Rc::new(Cell::new(false)));
        let told = Rc::clone(&done);
        let _second = Task::start(async move {
            let _held = other.hold().await;
            told.set(true);
        });
        drop(first);
        until(|| done.get());
    }
}
