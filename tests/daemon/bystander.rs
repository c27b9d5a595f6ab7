// SPDX-License-Identifier: LGPL-2.1-or-later
//! A well-behaved client that asks all the time while others misbehave, and must notice nothing.
use crate::node::connect;
use pcmk_remote_rs::model::{Notification, Request};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Longer than this nobody may wait for an answer, even on a busy machine and without optimisation.
const PATIENCE: Duration = Duration::from_secs(4);

pub(crate) struct Bystander {
    over: Arc<AtomicBool>,
    asked: Arc<AtomicU64>,
    thread: Option<JoinHandle<Result<(), String>>>,
}

impl Bystander {
    pub(crate) fn start() -> Self {
        Self::start_with(false)
    }

    /// One that may hear of operations.
    pub(crate) fn start_deaf() -> Self {
        Self::start_with(true)
    }

    fn start_with(may_hear: bool) -> Self {
        let (over, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (ended, count) = (Arc::clone(&over), Arc::clone(&asked));
        let mut client = connect("bystander").expect("the bystander connects");
        let thread = std::thread::spawn(move || {
            while !ended.load(Ordering::Relaxed) {
                let start = Instant::now();
                client.call(Request::Poke).map_err(|failure| failure.to_string())?;
                let waited = start.elapsed();
                if waited > PATIENCE {
                    return Err(format!("the bystander waited {waited:?} for an answer"));
                }
                count.fetch_add(1, Ordering::Relaxed);
                // Also the pause between two questions: a poke is answered with a notification, too.
                let pause = Instant::now() + Duration::from_millis(10);
                while let Some(told) =
                    client.next_notification(pause).map_err(|failure| failure.to_string())?
                {
                    if !may_hear && matches!(told, Notification::Proxy(_) | Notification::Completed(_)) {
                        return Err(format!("the bystander was told {told:?}"));
                    }
                }
            }
            Ok(())
        });
        Self { over, asked, thread: Some(thread) }
    }

    /// What it noticed, which must be nothing.
    pub(crate) fn noticed_nothing(mut self) {
        // Once more after all that happened.
        let before = self.asked.load(Ordering::Relaxed);
        crate::place::eventually("the bystander is answered", || {
            self.asked.load(Ordering::Relaxed) > before
                || self.thread.as_ref().is_some_and(JoinHandle::is_finished)
        });
        self.over.store(true, Ordering::Relaxed);
        let noticed = self.thread.take().unwrap().join().unwrap();
        assert_eq!(noticed, Ok(()));
    }
}

impl Drop for Bystander {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
    }
}
