// SPDX-License-Identifier: LGPL-2.1-or-later
//! A message that repeats within a second is said once, then counted.
use super::line::Line;
use std::time::{Duration, Instant};

/// How long a message silences its like.
pub(super) const WINDOW: Duration = Duration::from_secs(1);

/// The last message and how often it came since it was said.
#[derive(Debug, Default)]
pub(super) struct Repeats {
    last: Option<(Instant, Line)>,
    count: u64,
}

/// What to do with a message.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Say it, but first what the counter held, if anything.
    Say(Option<Line>),
    /// It was counted. `first`: the count must be told when the window ends.
    Counted { first: bool },
}

impl Repeats {
    /// Takes account of a message at `now`.
    pub(super) fn offer(&mut self, now: Instant, line: &Line) -> Verdict {
        if let Some((said, last)) = &self.last
            && now.saturating_duration_since(*said) < WINDOW
            && (last.severity, &last.module, &last.text) == (line.severity, &line.module, &line.text)
        {
            self.count += 1;
            return Verdict::Counted { first: self.count == 1 };
        }
        let before = self.take(line);
        self.last = Some((now, line.clone()));
        Verdict::Say(before)
    }

    /// What the counter holds, if its window has ended by `now`.
    pub(super) fn expire(&mut self, now: Instant, time: std::time::SystemTime) -> Option<Line> {
        let (said, last) = self.last.as_ref()?;
        if now.saturating_duration_since(*said) < WINDOW {
            return None;
        }
        let at = Line { time, ..last.clone() };
        self.take(&at)
    }

    /// The counter in words, with the time of `at`; starts anew.
    fn take(&mut self, at: &Line) -> Option<Line> {
        let count = std::mem::take(&mut self.count);
        let (_, last) = self.last.take()?;
        let text = match count {
            0 => return None,
            1 => format!("repeated once more: {}", last.text),
            _ => format!("repeated {count} times more: {}", last.text),
        };
        Some(Line { time: at.time, text, ..last })
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "an origin for made-up times")]
mod tests {
    use super::*;
    use crate::driver::severity::Severity;
    use std::time::UNIX_EPOCH;

    fn line(text: &str) -> Line {
        Line { time: UNIX_EPOCH, severity: Severity::Warning, module: "m".into(), text: text.into() }
    }

    #[test]
    fn counts_and_tells_at_the_next_message() {
        let (mut repeats, start) = (Repeats::default(), Instant::now());
        assert_eq!(repeats.offer(start, &line("a")), Verdict::Say(None));
        assert_eq!(repeats.offer(start, &line("a")), Verdict::Counted { first: true });
        assert_eq!(repeats.offer(start, &line("a")), Verdict::Counted { first: false });
        assert_eq!(repeats.offer(start, &line("b")), Verdict::Say(Some(line("repeated 2 times more: a"))));
        assert_eq!(repeats.offer(start, &line("a")), Verdict::Say(None));
    }

    #[test]
    fn tells_when_the_window_ends() {
        let (mut repeats, start) = (Repeats::default(), Instant::now());
        repeats.offer(start, &line("a"));
        repeats.offer(start, &line("a"));
        assert_eq!(repeats.expire(start + WINDOW / 2, UNIX_EPOCH), None);
        assert_eq!(repeats.expire(start + WINDOW, UNIX_EPOCH), Some(line("repeated once more: a")));
        assert_eq!(repeats.expire(start + WINDOW, UNIX_EPOCH), None);
        assert_eq!(repeats.offer(start + WINDOW, &line("a")), Verdict::Say(None));
    }

    #[test]
    fn another_severity_is_another_message() {
        let (mut repeats, start) = (Repeats::default(), Instant::now());
        repeats.offer(start, &line("a"));
        let louder = Line { severity: Severity::Error, ..line("a") };
        assert_eq!(repeats.offer(start, &louder), Verdict::Say(None));
    }
}
