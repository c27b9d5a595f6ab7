// SPDX-License-Identifier: LGPL-2.1-or-later
//! Reads messages that would hold the loop up on a thread beside it: large ones, and compressed ones, which may
//! become large.
//!
//! There is one at a time, however many wait; whoever has used least of the thread's time is next. Messages of those that
//! are not read for now wait as they came.
use super::clock::instant_now;
use super::gate::{Account, Gate};
use std::cell::Cell;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Notify;
use tokio::sync::oneshot::{Receiver, channel};
use tokio::task::spawn_local;

/// Is a peer not to be read for now? Clones are the same.
#[derive(Clone, Debug, Default)]
pub(super) struct Hold(Rc<(Cell<bool>, Notify)>);

impl Hold {
    /// Changes it; was it different?
    pub(super) fn set(&self, is_held: bool) -> bool {
        let (held, released) = &*self.0;
        if !is_held {
            released.notify_one();
        }
        held.replace(is_held) != is_held
    }

    pub(super) fn is_held(&self) -> bool {
        self.0.0.get()
    }

    /// Waits until the peer is read, in one place at a time.
    async fn released(&self) {
        while self.is_held() {
            self.0.1.notified().await;
        }
    }
}

/// The thread; clones are the same. It exists while it is needed.
#[derive(Clone, Debug)]
pub(super) struct Bulk(Rc<Gate>);

impl Bulk {
    /// For this thread's loop.
    pub(super) fn new() -> Self {
        let gate = Gate::default();
        gate.set_open(true);
        Self(Rc::new(gate))
    }

    /// Has `work` done for the owner of `account` when it is not held. When the receiver is dropped, work that has not begun is not done.
    pub(super) fn submit<T: Send + 'static>(
        &self,
        account: &Account,
        hold: &Hold,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Receiver<T> {
        let (mut result, receiver) = channel();
        let (gate, account, hold) = (Rc::clone(&self.0), account.clone(), hold.clone());
        spawn_local(async move {
            tokio::select! {
                biased;
                () = result.closed() => return,
                () = enter(&gate, &account, &hold) => {}
            }
            gate.set_open(false);
            let begun = instant_now();
            let done = beside(work).await;
            account.charge(begun.elapsed());
            gate.set_open(true);
            if let Some(done) = done {
                // The receiver may be gone.
                drop(result.send(done));
            }
        });
        receiver
    }
}

/// Does the work in a thread of its own; in the loop where no thread can be had (a limit of tasks or memory), for it
/// must be done. None if the work panicked.
async fn beside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let (done, finished) = channel();
    let waiting = Arc::new(Mutex::new(Some(work)));
    let shared = Arc::clone(&waiting);
    let take = move || shared.lock().unwrap_or_else(PoisonError::into_inner).take();
    let thread = std::thread::Builder::new().name("bulk".to_owned()).spawn(move || {
        if let Some(work) = take() {
            // The loop may have ended.
            drop(done.send(work()));
        }
    });
    match thread {
        Ok(_) => finished.await.ok(),
        Err(_) => {
            let work = waiting.lock().unwrap_or_else(PoisonError::into_inner).take();
            work.map(|work| work())
        }
    }
}

/// Waits for a turn at which the owner of `account` is not held.
async fn enter(gate: &Gate, account: &Account, hold: &Hold) {
    loop {
        hold.released().await;
        gate.enter(account).await;
        if !hold.is_held() {
            return;
        }
        gate.set_open(true);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread::current;
    use tokio::task::LocalSet;

    #[test]
    fn there_is_one_at_a_time_beside_the_loop_and_none_for_those_that_have_gone() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let here = current().id();
        LocalSet::new().block_on(&runtime, async {
            let bulk = Bulk::new();
            let (now, done) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
            let job = || {
                let (now, done) = (Arc::clone(&now), Arc::clone(&done));
                move || {
                    assert_eq!(now.fetch_add(1, Ordering::SeqCst), 0, "another one is at work");
                    assert_ne!(current().id(), here);
                    now.fetch_sub(1, Ordering::SeqCst);
                    done.fetch_add(1, Ordering::SeqCst)
                }
            };
            let submit = |job| bulk.submit(&Account::default(), &Hold::default(), job);
            let mut waiting: Vec<_> = (0..20).map(|_| submit(job())).collect();
            waiting.truncate(10);
            for receiver in waiting {
                receiver.await.unwrap();
            }
            submit(job()).await.unwrap();
        });
        assert_eq!(done_by(&runtime), ());
    }

    #[test]
    fn a_message_of_one_that_is_held_waits_and_lets_the_others_pass() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        LocalSet::new().block_on(&runtime, async {
            let (bulk, account, hold) = (Bulk::new(), Account::default(), Hold::default());
            // Held while it waits, and before it comes.
            let first = bulk.submit(&account, &Hold::default(), || 1);
            let mut waits = bulk.submit(&account, &hold, || 2);
            tokio::task::yield_now().await;
            hold.set(true);
            let mut comes = bulk.submit(&account, &hold.clone(), || 3);
            assert_eq!(first.await, Ok(1));
            assert_eq!(bulk.submit(&account, &Hold::default(), || 4).await, Ok(4));
            assert!(waits.try_recv().is_err() && comes.try_recv().is_err());
            drop(comes);
            hold.set(false);
            assert_eq!(waits.await, Ok(2));
        });
    }

    /// Waits for nothing: the runtime has no work left that holds it.
    fn done_by(runtime: &tokio::runtime::Runtime) {
        runtime.block_on(async {});
    }
}
