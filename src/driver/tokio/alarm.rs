// SPDX-License-Identifier: LGPL-2.1-or-later
//! A timer for deadlines that move with each message.
use std::future::pending;
use std::pin::Pin;
use tokio::time::{Instant, Sleep, sleep_until};

/// Rings at a deadline, or earlier. To set a timer costs more than a small message, and a wake-up of the loop where it
/// is the first; so one that is set stays as it is when the deadline is put off or called off, and rings in vain once.
#[derive(Default)]
pub(super) struct Alarm {
    timer: Option<Pin<Box<Sleep>>>,
    /// When it rings.
    set: Option<Instant>,
}

impl Alarm {
    /// Waits for the deadline, or for less: who asks looks at the clock. For ever if there is none.
    pub(super) async fn ring(&mut self, deadline: Option<Instant>) {
        let Some(deadline) = deadline else { return pending().await };
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if self.set.is_none_or(|set| set > deadline) {
            timer.as_mut().reset(deadline);
            self.set = Some(deadline);
        }
        timer.await;
        self.set = None;
    }

    /// Has it not ring in vain: while a timer is set, the loop looks at the clock once more each time that it waits.
    pub(super) fn stop(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    /// Does it ring at once?
    async fn rings(alarm: &mut Alarm, deadline: Option<Instant>) -> bool {
        tokio::select! {
            biased;
            () = alarm.ring(deadline) => true,
            () = std::future::ready(()) => false,
        }
    }

    #[tokio::test]
    async fn a_deadline_that_is_put_off_leaves_the_timer_and_one_that_comes_earlier_sets_it() {
        let (mut alarm, begun) = (Alarm::default(), Instant::now());
        let after = |time| Some(begun + time);
        let (soon, late, never) =
            (Duration::from_millis(20), Duration::from_secs(60), Duration::from_secs(3600));
        assert!(!rings(&mut alarm, after(soon)).await && !rings(&mut alarm, None).await);
        alarm.ring(after(never)).await;
        assert!(begun.elapsed() >= soon, "it rings in vain, when it was set to");
        assert!(!rings(&mut alarm, after(never)).await && !rings(&mut alarm, after(late)).await);
        alarm.ring(after(2 * soon)).await;
        assert!(begun.elapsed() >= 2 * soon);
        assert!(!rings(&mut alarm, None).await);
    }
}
