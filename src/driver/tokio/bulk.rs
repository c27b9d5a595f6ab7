// SPDX-License-Identifier: LGPL-2.1-or-later
//! Reads messages that would hold the loop up on a thread beside it: large ones, and compressed ones, which may
//! become large.
//!
//! There is one at a time, however many wait; whoever has used least of the thread's time is next.
use super::clock::instant_now;
use super::gate::{Account, Gate};
use std::panic::resume_unwind;
use std::rc::Rc;
use tokio::sync::oneshot::{Receiver, channel};
use tokio::task::{spawn_blocking, spawn_local};

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

    /// Has `work` done for the owner of `account`. When the receiver is dropped, work that has not begun is not done.
    pub(super) fn submit<T: Send + 'static>(
        &self,
        account: &Account,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Receiver<T> {
        let (mut result, receiver) = channel();
        let (gate, account) = (Rc::clone(&self.0), account.clone());
        spawn_local(async move {
            tokio::select! {
                biased;
                () = result.closed() => return,
                () = gate.enter(&account) => {}
            }
            gate.set_open(false);
            let begun = instant_now();
            let done = spawn_blocking(work).await;
            account.charge(begun.elapsed());
            gate.set_open(true);
            match done {
                // The receiver may be gone.
                Ok(done) => drop(result.send(done)),
                Err(problem) => resume_unwind(problem.into_panic()),
            }
        });
        receiver
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
            let mut waiting: Vec<_> = (0..20).map(|_| bulk.submit(&Account::default(), job())).collect();
            waiting.truncate(10);
            for receiver in waiting {
                receiver.await.unwrap();
            }
            bulk.submit(&Account::default(), job()).await.unwrap();
        });
        assert_eq!(done_by(&runtime), ());
    }

    /// Waits for nothing: the runtime has no work left that holds it.
    fn done_by(runtime: &tokio::runtime::Runtime) {
        runtime.block_on(async {});
    }
}
