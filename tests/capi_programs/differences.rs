// SPDX-License-Identifier: LGPL-2.1-or-later
//! Where our library may print something else than the distribution's. docs/differences.md gives the reasons.
use crate::release::Release;
use crate::site::Server;

/// Lines of the distribution's that are others with ours.
struct Difference {
    program: &'static str,
    releases: &'static [Release],
    /// Each the lines above that introduce the case, joined.
    cases: &'static [&'static str],
    theirs: &'static [&'static str],
    ours: &'static [&'static str],
}

impl Difference {
    fn applies(&self, program: &str, release: Release, case: &str) -> bool {
        self.program == program && self.releases.contains(&release) && self.cases.contains(&case)
    }
}

const DISCONNECT: &str = "  event disconnect node=node1 call=0 rsc=NULL rc=0 connection_rc=0";

const POKE: &str = "  event poke node=node1 call=0 rsc=NULL rc=0 connection_rc=0";
const BOTH: &[Release] = &[Release::V2_1, Release::V3_0];

const KNOWN: &[Difference] = &[
    // The distribution's library never lets go of a session with the caller itself.
    Difference {
        program: "proxies",
        releases: BOTH,
        cases: &["connect: 0 a client of the provider itself"],
        theirs: &["  sessions left: 1"],
        ours: &["  sessions left: 0"],
    },
    // The distribution's library cannot connect the same object twice over TLS.
    Difference {
        program: "life-cycle",
        releases: BOTH,
        cases: &["tls connected again"],
        theirs: &[DISCONNECT, "  connect: -70", "  is_connected: 0", "  disconnect: 0"],
        ours: &["  connect: 0", "  is_connected: 1", DISCONNECT, "  disconnect: 0"],
    },
    // Ours does not wait for the look-up, so that its failure is told later.
    Difference {
        program: "errors",
        releases: &[Release::V2_1],
        cases: &["a name without an address"],
        theirs: &["  event connect node=node1 connection_rc=-107", "  connect_async: -107"],
        ours: &["  connect_async: 0", DISCONNECT, "  event connect node=node1 connection_rc=-107"],
    },
    Difference {
        program: "errors",
        releases: &[Release::V3_0],
        cases: &["a name without an address"],
        theirs: &["  connect_async: -11"],
        ours: &["  connect_async: 0", DISCONNECT, "  event connect node=node1 connection_rc=-107"],
    },
    // 3.0 tells of a failed handshake even where the caller gets the code.
    Difference {
        program: "errors",
        releases: &[Release::V3_0],
        cases: &[
            "another key connect",
            "another key connect with a descriptor",
            "a peer that closes at once connect",
            "a peer that closes at once connect with a descriptor",
            "a peer that closes in the handshake connect",
            "a peer that closes in the handshake connect with a descriptor",
            "a peer that speaks something else connect",
            "a peer that speaks something else connect with a descriptor",
        ],
        theirs: &["  event connect node=node1 connection_rc=-71 or -129"],
        ours: &[],
    },
    // 3.0 keeps a connection whose sign-on was refused.
    Difference {
        program: "errors",
        releases: &[Release::V3_0],
        cases: &["a version that is refused connect_async", "a sign-on without an id connect_async"],
        theirs: &["  is_connected: 1", DISCONNECT],
        ours: &[DISCONNECT, "  is_connected: 0"],
    },
    // What a message without a kind is, ours takes from its root element.
    Difference {
        program: "errors",
        releases: BOTH,
        cases: &["unknown messages before the answer"],
        theirs: &[POKE],
        ours: &[POKE, POKE, POKE],
    },
    Difference {
        program: "errors",
        releases: BOTH,
        cases: &["an answer without a result"],
        theirs: &["  request: -42", "  is_connected: 1", "  next: -42", "  delete", DISCONNECT],
        ours: &[DISCONNECT, "  request: -62", "  is_connected: 0", "  next: -107", "  delete"],
    },
    // Without a main loop 3.0 never tells what came during a call.
    Difference {
        program: "descriptor",
        releases: &[Release::V3_0],
        cases: &["tls"],
        theirs: &["  exec: 4"],
        ours: &["  exec: 4", "  event register node=node1 call=3 rsc=r rc=0 connection_rc=0"],
    },
];

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
