// SPDX-License-Identifier: LGPL-2.1-or-later
//! The table, drawn again each second.
use super::source::{Shown, documents};
use super::table;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::time::Duration;

const PERIOD: Duration = Duration::from_secs(1);
/// To the first place; what is right of the cursor is removed; what is below is.
const HOME: &str = "\x1b[H";
const REST_OF_LINE: &str = "\x1b[K";
const REST_OF_SCREEN: &str = "\x1b[J";

/// Until interrupted, or until the reader of what is written has gone. A daemon that ends may come back.
pub(super) fn run(read: impl Fn() -> Result<Vec<Shown>, String>) -> Result<(), String> {
    let mut is_first = true;
    loop {
        let text = match read() {
            Ok(shown) => table::write(&documents(shown)),
            Err(problem) if is_first => return Err(problem),
            Err(problem) => problem,
        };
        is_first = false;
        let size = terminal_size::terminal_size();
        let (columns, rows) = size.map_or((usize::MAX, usize::MAX), |(columns, rows)| {
            (usize::from(columns.0), usize::from(rows.0))
        });
        let mut output = io::stdout();
        if output.write_all(screen(&text, columns, rows).as_bytes()).and_then(|()| output.flush()).is_err() {
            return Ok(());
        }
        std::thread::sleep(PERIOD);
    }
}

/// What fits, over what was there.
fn screen(text: &str, columns: usize, rows: usize) -> String {
    let count = text.lines().count();
    let fits = if count < rows { count } else { rows.saturating_sub(2) };
    let mut screen = HOME.to_owned();
    for line in text.lines().take(fits) {
        screen.extend(line.chars().take(columns));
        screen.push_str(REST_OF_LINE);
        screen.push('\n');
    }
    if fits < count {
        let _ = writeln!(screen, "... {} more lines{REST_OF_LINE}", count - fits);
    }
    screen.push_str(REST_OF_SCREEN);
    screen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_screen_holds_what_fits() {
        let drawn = screen("abcdef\nb\nc\nd\n", 3, 4);
        assert_eq!(drawn, "\x1b[Habc\x1b[K\nb\x1b[K\n... 2 more lines\x1b[K\n\x1b[J");
        assert_eq!(screen("a\nb\n", 3, 4), "\x1b[Ha\x1b[K\nb\x1b[K\n\x1b[J");
    }
}
