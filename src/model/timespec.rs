// SPDX-License-Identifier: LGPL-2.1-or-later
//! Times as configuration writes them: a number with an optional unit, seconds without one.

/// Milliseconds of `text`, negative values included; beyond the range the nearest end. `None` when it is not
/// a time.
pub fn milliseconds(text: &str) -> Option<i64> {
    let text = text.trim();
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    let (number, unit) = digits.split_at(end);
    if number.is_empty() {
        return None;
    }
    let (multiplier, divisor) = match unit.trim().to_ascii_lowercase().as_str() {
        "us" | "usec" => (1, 1000),
        "ms" | "msec" => (1, 1),
        "" | "s" | "sec" | "secs" | "second" | "seconds" => (1000, 1),
        "m" | "min" | "mins" | "minute" | "minutes" => (60_000, 1),
        "h" | "hr" | "hrs" | "hour" | "hours" => (3_600_000, 1),
        _ => return None,
    };
    // Only digits are left: parsing fails by size alone.
    let number: i64 = number.parse().unwrap_or(i64::MAX);
    let value = number.saturating_mul(multiplier) / divisor;
    Some(if text.starts_with('-') { -value } else { value })
}

#[cfg(test)]
mod tests {
    use super::milliseconds;

    #[test]
    fn units() {
        for (text, expected) in [
            ("5", 5000),
            (" 5 s ", 5000),
            ("10SEC", 10_000),
            ("250ms", 250),
            ("3000us", 3),
            ("2min", 120_000),
            ("1h", 3_600_000),
            ("-1", -1000),
            ("+1", 1000),
            ("0", 0),
            ("99999999999999999999h", i64::MAX),
        ] {
            assert_eq!(milliseconds(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn not_times() {
        for text in ["", "s", "-", "5 parsecs", "5.5s", "ten", "1 2"] {
            assert_eq!(milliseconds(text), None, "{text}");
        }
    }
}
