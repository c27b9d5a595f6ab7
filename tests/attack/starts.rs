// SPDX-License-Identifier: LGPL-2.1-or-later
//! Thousands of agents that are to start at the same moment.
use crate::measure::Bystander;
use crate::node::{completion, connect, execute, make_agent, register, serving};
use crate::place::isolated;
use pcmk_remote_rs::model::Millis;
use std::time::{Duration, Instant};

const STARTS: u32 = 3000;

/// A recovered node's resources, or a cluster that comes back from maintenance, begin all their monitors at once.
#[test]
fn a_burst_of_starts_keeps_nobody_waiting() {
    isolated(|| {
        make_agent("Quick", "exit 0");
        let daemon = serving();
        let mut author = connect("author").unwrap();
        for number in 0..STARTS {
            register(&mut author, &format!("r{number}"), "Quick");
        }
        let due = Instant::now() + Duration::from_secs(10);
        for number in 0..STARTS {
            execute(&mut author, &format!("r{number}"), "monitor", |operation| {
                operation.start_delay = Millis::from(due.saturating_duration_since(Instant::now()));
                operation.notify.origin_only = true;
            });
        }
        let bystander = Bystander::watch("3000 agents that are to start at the same moment");
        for _ in 0..STARTS {
            let completion = completion(&mut author);
            assert_eq!(completion.outcome.exit.0, 0, "{completion:?}");
        }
        let figures = bystander.figures(&daemon);
        // Were they started in a row, it would wait for most of the time, however fast the machine is.
        figures.expect((figures.lasted / 4).min(Duration::from_secs(2)), 300);
    });
}
