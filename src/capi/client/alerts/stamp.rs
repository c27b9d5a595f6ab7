// SPDX-License-Identifier: LGPL-2.1-or-later
//! The time of an event, in the form that an alert asks for.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::sys::localtime::show_local;

/// Longest time stamp in bytes.
const LONGEST: usize = 127;
/// Digits that we have of a second.
const DIGITS: usize = 6;

/// A moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    /// Seconds since the epoch.
    pub(super) epoch_s: i64,
    /// Beyond them.
    pub(super) microseconds: u32,
}

impl Stamp {
    #[allow(clippy::disallowed_methods, reason = "the agents are told the time, and no decision hangs on it")]
    pub(super) fn now() -> Self {
        let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            epoch_s: i64::try_from(time.as_secs()).unwrap_or(i64::MAX),
            microseconds: time.subsec_micros(),
        }
    }

    /// In the node's time zone and by a format of `strftime(3)`, which here has also `%6N` for six digits of the
    /// second (or fewer; `%N` alone is nothing). None: empty, or too long.
    pub(super) fn show(&self, format: &[u8]) -> Option<String> {
        show_local(self.epoch_s, &self.with_fraction(format), LONGEST).filter(|shown| !shown.is_empty())
    }

    /// The format with the second's digits in the place of `%N`.
    fn with_fraction(&self, format: &[u8]) -> Vec<u8> {
        let digits = format!("{:06}", self.microseconds);
        let mut out = Vec::with_capacity(format.len().saturating_add(DIGITS));
        let mut rest = format;
        while let Some(at) = rest.iter().position(|byte| *byte == b'%') {
            let (plain, specifier) = rest.split_at(at);
            out.extend_from_slice(plain);
            let width = specifier.iter().skip(1).take_while(|byte| byte.is_ascii_digit()).count();
            let end = specifier.len().min(width.saturating_add(2));
            let (specifier, after) = specifier.split_at(end);
            rest = after;
            match specifier {
                [b'%', number @ .., b'N'] => {
                    let wanted = std::str::from_utf8(number).ok().filter(|number| !number.is_empty());
                    let wanted = wanted.map_or(0, |number| number.parse().unwrap_or(DIGITS));
                    out.extend(digits.bytes().take(wanted));
                }
                other => out.extend_from_slice(other),
            }
        }
        out.extend_from_slice(rest);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAMP: Stamp = Stamp { epoch_s: 1_705_320_000, microseconds: 1_234 };

    fn fraction(format: &str) -> String {
        String::from_utf8(STAMP.with_fraction(format.as_bytes())).unwrap()
    }

    #[test]
    fn the_fraction_has_as_many_digits_as_asked_for_and_known() {
        assert_eq!(fraction("%S.%06N"), "%S.001234");
        assert_eq!(fraction("%3N|%N|%9N|%0N"), "001||001234|");
    }

    #[test]
    fn other_specifiers_stay() {
        assert_eq!(fraction("%%3N"), "%%3N");
        assert_eq!(fraction("%5H%"), "%5H%");
        assert_eq!(fraction("N %12"), "N %12");
    }

    #[test]
    fn a_stamp_is_shown_or_there_is_none() {
        assert_eq!(STAMP.show(b"%s.%06N").as_deref(), Some("1705320000.001234"));
        assert_eq!(STAMP.show(b"%6N").as_deref(), Some("001234"));
        assert_eq!(STAMP.show(b""), None);
        assert_eq!(STAMP.show(&b"x".repeat(200)), None);
    }
}
