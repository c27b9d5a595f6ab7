// SPDX-License-Identifier: LGPL-2.1-or-later
//! Agents as a server sees them: they take some time, say a number, or hang until they are killed.
use crate::random::Random;
use pcmk_remote_rs::core::RunId;
use pcmk_remote_rs::model::{ExecStatus, OcfExit, Outcome, RunResult};
use std::collections::BTreeMap;

/// What an agent in flight will do of its own accord.
#[derive(Clone, Debug)]
struct Agent {
    /// Counts the plans made for it: a kill makes an earlier plan void.
    plan: u32,
    result: RunResult,
}

#[derive(Debug, Default)]
pub(crate) struct Agents {
    in_flight: BTreeMap<RunId, Agent>,
}

impl Agents {
    /// Starts one; the answer is when it ends, unless it hangs, and the number of that plan.
    pub(crate) fn start(&mut self, run: RunId, now_ms: u64, random: &mut Random) -> Option<(u64, u32)> {
        let exit = *random.pick(&[0, 0, 0, 0, 7, 1]);
        let mut result = RunResult::new(Outcome::new(OcfExit(exit), ExecStatus::Done), Some(exit));
        let mut end = Some(now_ms + random.below(200));
        match random.below(100) {
            0..4 => {
                result.outcome = Outcome::new(OcfExit::NOT_INSTALLED, ExecStatus::NotInstalled);
                (result.unprepared, result.raw_exit, end) = (true, None, Some(now_ms));
            }
            4..12 => end = None,
            _ => {}
        }
        let earlier = self.in_flight.insert(run, Agent { plan: 0, result });
        assert!(earlier.is_none(), "run {run:?} was started twice");
        end.map(|end| (end, 0))
    }

    /// Kills one; the answer is when it is gone, and the number of that plan.
    pub(crate) fn kill(&mut self, run: RunId, now_ms: u64, random: &mut Random) -> (u64, u32) {
        let agent =
            self.in_flight.get_mut(&run).unwrap_or_else(|| panic!("{run:?} was killed after its end"));
        agent.plan += 1;
        agent.result = RunResult {
            signal: Some(9),
            ..RunResult::new(Outcome::new(OcfExit::ERROR, ExecStatus::Error).because("interrupted"), None)
        };
        (now_ms + random.below(20), agent.plan)
    }

    /// Ends one, if the plan still holds.
    pub(crate) fn end(&mut self, run: RunId, plan: u32) -> Option<RunResult> {
        let agent = self.in_flight.get(&run)?;
        if agent.plan != plan {
            return None;
        }
        self.in_flight.remove(&run).map(|agent| agent.result)
    }
}
