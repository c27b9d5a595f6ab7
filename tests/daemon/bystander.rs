// SPDX-License-Identifier: LGPL-2.1-or-later
//! A well-behaved client that asks all the time while others misbehave, and must notice nothing.
use crate::node::{KEY, connect};
use crate::peer::{Peer, nameless_poke};
use pcmk_remote_rs::driver::blocking::{CallProblem, Problem};
use pcmk_remote_rs::model::{Notification, Request};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Longer than this nobody may wait for an answer, even on a busy machine and without optimisation; and shorter than
/// any limit of the daemon, so that nobody has waited for one.
const PATIENCE: Duration = Duration::from_secs(8);

pub(crate) struct Bystander {
    over: Arc<AtomicBool>,
    asked: Arc<AtomicU64>,
    thread: Option<JoinHandle<Result<(), String>>>,
}

impl Bystander {
    /// One that is told what everybody is told.
    pub(crate) fn start() -> Self {
        let mut client = connect("bystander").expect("the bystander connects");
        Self::asking(move || {
            let failure = |failure: CallProblem| failure.to_string();
            let over = |problem: Problem| problem.to_string();
            let start = Instant::now();
            client.call(Request::Poke).map_err(failure)?;
            let waited = start.elapsed();
            // Also the pause between two questions: a poke is answered with a notification, too.
            let pause = Instant::now() + Duration::from_millis(10);
            while let Some(told) = client.next_notification(pause).map_err(over)? {
                if matches!(told, Notification::Proxy(_) | Notification::Completed(_)) {
                    return Err(format!("the bystander was told {told:?}"));
                }
            }
            Ok(waited)
        })
    }

    /// One that has no name and is told nothing.
    pub(crate) fn nameless() -> Self {
        let mut peer = Peer::connect(&std::fs::read(KEY).unwrap());
        Self::asking(move || {
            let start = Instant::now();
            peer.send_text(&nameless_poke(1, ""));
            peer.next_text().map_err(|end| format!("{end:?}"))?;
            let waited = start.elapsed();
            std::thread::sleep(Duration::from_millis(10));
            Ok(waited)
        })
    }

    fn asking(mut ask: impl FnMut() -> Result<Duration, String> + Send + 'static) -> Self {
        let (over, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (ended, count) = (Arc::clone(&over), Arc::clone(&asked));
        let thread = std::thread::spawn(move || {
            while !ended.load(Ordering::Relaxed) {
                let waited = ask()?;
                if waited > PATIENCE {
                    return Err(format!("the bystander waited {waited:?} for an answer"));
                }
                count.fetch_add(1, Ordering::Relaxed);
            }
            Ok(())
        });
        Self { over, asked, thread: Some(thread) }
    }

    /// How many answers it has got.
    pub(crate) fn answered(&self) -> u64 {
        self.asked.load(Ordering::Relaxed)
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
