// SPDX-License-Identifier: LGPL-2.1-or-later
//! Where our library may print something else than the distribution's. docs/differences.md gives the reasons.
use crate::release::Release;
use crate::site::Server;

/// Lines of the distribution's that are others with ours.
struct Difference {
    program: &'static str,
    /// None: either.
    release: Option<Release>,
    /// The lines above that introduce the case, joined; "" for all cases.
    case: &'static str,
    theirs: &'static [&'static str],
    ours: &'static [&'static str],
}

impl Difference {
    fn applies(&self, program: &str, release: Release, case: &str) -> bool {
        self.program == program
            && self.release.is_none_or(|only| only == release)
            && (self.case.is_empty() || self.case == case)
    }
}

const KNOWN: &[Difference] = &[];

/// Fails unless both are the same, but for what is known.
pub(crate) fn check(program: &str, release: Release, server: Server, theirs: &str, ours: &str) {
    let expected = with_known(program, release, theirs);
    let found: Vec<&str> = ours.lines().collect();
    if expected == found {
        return;
    }
    let report = compare(&expected, &found);
    panic!(
        "{program} on Pacemaker {} ({server:?} daemon): the distribution's library (-) and ours (+)\n{report}",
        release.name()
    );
}

/// The distribution's lines, changed as ours are known to be.
fn with_known<'a>(program: &str, release: Release, theirs: &'a str) -> Vec<&'a str> {
    let (mut section, mut case) = ("", String::new());
    let all: Vec<&str> = theirs.lines().collect();
    let mut rest = all.as_slice();
    let mut lines = Vec::new();
    while let [line, after @ ..] = rest {
        if !line.starts_with(' ') {
            (section, case) = (line, (*line).to_owned());
        } else if !line.starts_with("  ") {
            case = format!("{section}{line}");
        }
        let known = KNOWN
            .iter()
            .find(|known| known.applies(program, release, &case) && rest.starts_with(known.theirs));
        if let Some(known) = known {
            lines.extend_from_slice(known.ours);
            rest = &rest[known.theirs.len()..];
        } else {
            lines.push(*line);
            rest = after;
        }
    }
    lines
}

/// Both side by side, with the lines that only one has marked.
fn compare(theirs: &[&str], ours: &[&str]) -> String {
    // The longest common sequence, by the table of its lengths.
    let mut lengths = vec![vec![0usize; ours.len() + 1]; theirs.len() + 1];
    for (row, line) in theirs.iter().enumerate().rev() {
        for (column, other) in ours.iter().enumerate().rev() {
            lengths[row][column] = if line == other {
                lengths[row + 1][column + 1] + 1
            } else {
                lengths[row + 1][column].max(lengths[row][column + 1])
            };
        }
    }
    let (mut row, mut column, mut report) = (0, 0, String::new());
    while row < theirs.len() || column < ours.len() {
        if row < theirs.len() && column < ours.len() && theirs[row] == ours[column] {
            report += &format!("  {}\n", theirs[row]);
            (row, column) = (row + 1, column + 1);
        } else if column == ours.len()
            || (row < theirs.len() && lengths[row + 1][column] >= lengths[row][column + 1])
        {
            report += &format!("- {}\n", theirs[row]);
            row += 1;
        } else {
            report += &format!("+ {}\n", ours[column]);
            column += 1;
        }
    }
    report
}
