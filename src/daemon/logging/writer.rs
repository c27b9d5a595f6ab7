// SPDX-License-Identifier: LGPL-2.1-or-later
//! The thread that writes log files. A disk that hangs hangs this thread alone: the daemon goes on, and lines
//! beyond a bounded queue are counted instead of kept.
use super::Shared;
use super::file::{LogFile, News};
use crate::driver::severity::Severity;
use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Bytes of lines that may wait for the disk.
const MOST_WAITING: usize = 4 << 20;
/// While lines come quickly the thread gathers them for so long: waking it for each costs more than its writing.
const GATHER: Duration = Duration::from_millis(10);
/// They come quickly when it has written everything twice within this.
const QUICK: Duration = Duration::from_millis(20);
const MOST_AT_ONCE: usize = 64 << 10;
const STACK_SIZE: usize = 128 << 10;

enum Order {
    /// Whole lines.
    Write(String),
    Reopen,
    Answer(Sender<()>),
}

/// What waits for the thread.
#[derive(Default)]
pub(super) struct Queue {
    state: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Default)]
struct Waiting {
    orders: VecDeque<Order>,
    bytes: usize,
    dropped: u64,
    /// When somebody wants repeats to be looked at.
    wake_at: Option<Instant>,
    /// Does the thread wait to be woken?
    asleep: bool,
    /// When it had last written everything, and whether there was something since.
    done_at: Option<Instant>,
    worked: bool,
    /// Does somebody wait for everything to be written?
    urgent: bool,
}

/// What the thread is to do next.
enum Next {
    Order { order: Order, dropped: u64 },
    TellRepeats,
}

impl Queue {
    /// Takes a line, or counts it when there is no room.
    pub(super) fn write(&self, line: String) {
        self.change(|waiting| {
            if waiting.bytes + line.len() > MOST_WAITING {
                waiting.dropped += 1;
            } else {
                waiting.bytes += line.len();
                waiting.orders.push_back(Order::Write(line));
            }
        });
    }

    /// Has every file opened anew before its next line.
    pub(super) fn reopen(&self) {
        self.change(|waiting| waiting.orders.push_back(Order::Reopen));
    }

    /// The receiver hears when everything before is written.
    pub(super) fn flush(&self) -> Receiver<()> {
        let (done, receiver) = channel();
        self.change(|waiting| {
            waiting.orders.push_back(Order::Answer(done));
            (waiting.urgent, waiting.asleep) = (true, true);
        });
        receiver
    }

    /// Has the thread tell repeats at `when`.
    pub(super) fn wake_at(&self, when: Instant) {
        self.change(|waiting| waiting.wake_at = Some(when));
    }

    fn change(&self, how: impl FnOnce(&mut Waiting)) {
        let mut waiting = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        how(&mut waiting);
        let asleep = std::mem::take(&mut waiting.asleep);
        drop(waiting);
        if asleep {
            self.changed.notify_one();
        }
    }

    #[allow(clippy::disallowed_methods, reason = "a thread of the daemon's edge waits for a time")]
    fn next(&self) -> Next {
        let mut waiting = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(order) = waiting.orders.pop_front() {
                waiting.worked = true;
                let order = waiting.with_lines_behind(order);
                return Next::Order { order, dropped: std::mem::take(&mut waiting.dropped) };
            }
            let now = Instant::now();
            let quick = waiting.done_at.replace(now).is_some_and(|done| now.duration_since(done) < QUICK);
            if std::mem::take(&mut waiting.worked) && quick {
                let gathers = |waiting: &mut Waiting| !std::mem::take(&mut waiting.urgent);
                let gathered = self.changed.wait_timeout_while(waiting, GATHER, gathers);
                waiting = gathered.unwrap_or_else(PoisonError::into_inner).0;
                continue;
            }
            waiting.asleep = true;
            waiting = match waiting.wake_at {
                None => self.changed.wait(waiting).unwrap_or_else(PoisonError::into_inner),
                Some(when) => {
                    let left = when.saturating_duration_since(now);
                    if left.is_zero() {
                        (waiting.wake_at, waiting.asleep) = (None, false);
                        return Next::TellRepeats;
                    }
                    let waited = self.changed.wait_timeout(waiting, left);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }
}

impl Waiting {
    /// Lines that follow each other are written at once.
    fn with_lines_behind(&mut self, order: Order) -> Order {
        let Order::Write(mut lines) = order else { return order };
        while let Some(Order::Write(next)) = self.orders.front()
            && lines.len() + next.len() <= MOST_AT_ONCE
        {
            lines.push_str(next);
            self.orders.pop_front();
        }
        self.bytes -= lines.len();
        Order::Write(lines)
    }
}

/// Starts the thread. It lives as long as the process.
pub(super) fn start(shared: Arc<Shared>, mut files: Vec<LogFile>) -> std::io::Result<()> {
    let work = move || {
        loop {
            match shared.queue.next() {
                Next::TellRepeats => shared.tell_repeats(),
                Next::Order { order, dropped } => {
                    if dropped > 0 {
                        let text =
                            format!("{dropped} log lines were dropped because log files were too slow");
                        let line = shared.own_line(Severity::Warning, text);
                        write(&shared, &mut files, &line.for_file(&shared.origin));
                    }
                    match order {
                        Order::Write(line) => write(&shared, &mut files, &line),
                        Order::Reopen => files.iter_mut().for_each(LogFile::reopen),
                        Order::Answer(done) => drop(done.send(())),
                    }
                }
            }
        }
    };
    std::thread::Builder::new().name("log".into()).stack_size(STACK_SIZE).spawn(work).map(|_| ())
}

fn write(shared: &Shared, files: &mut [LogFile], lines: &str) {
    for file in files {
        let path = file.path().display().to_string();
        match file.write(lines) {
            None => {}
            Some(News::Failing(why)) => shared.tell_elsewhere(
                Severity::Error,
                format!("cannot write to log file {path}: {why}; lines are counted until it works again"),
            ),
            Some(News::Working(lost)) => {
                let text = format!("log file {path} works again; {lost} lines are missing in it");
                let told = shared.own_line(Severity::Warning, text.clone());
                let _ = file.write(&told.for_file(&shared.origin));
                shared.tell_elsewhere(Severity::Warning, text);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_counted_and_told_with_the_next_order() {
        let queue = Queue::default();
        queue.write("x".repeat(MOST_WAITING));
        queue.write("y".into());
        queue.write("z".into());
        let Next::Order { order: Order::Write(line), dropped } = queue.next() else { panic!() };
        assert_eq!((line.len(), dropped), (MOST_WAITING, 2));
        queue.write("a".into());
        let Next::Order { order: Order::Write(line), dropped } = queue.next() else { panic!() };
        assert_eq!((line.as_str(), dropped), ("a", 0));
    }

    #[test]
    fn lines_are_written_together_and_in_order() {
        let queue = Queue::default();
        for line in ["a\n", "b\n"] {
            queue.write(line.into());
        }
        queue.reopen();
        queue.write("c\n".into());
        queue.write("d".repeat(MOST_AT_ONCE));
        for expected in [Some("a\nb\n"), None, Some("c\n")] {
            let Next::Order { order, .. } = queue.next() else { panic!() };
            let lines = if let Order::Write(lines) = &order { Some(lines.as_str()) } else { None };
            assert_eq!(lines, expected);
        }
        let Next::Order { order: Order::Write(lines), .. } = queue.next() else { panic!() };
        assert_eq!(lines.len(), MOST_AT_ONCE);
        assert_eq!(queue.state.lock().unwrap().bytes, 0);
    }
}
