// SPDX-License-Identifier: LGPL-2.1-or-later
//! Fence devices: what an action means for the fencer, and the fencer's results for the cluster.
use crate::agents::Verdict;
use crate::agents::failure::refuse;
use crate::model::{DeviceState, ExecStatus, Execution, FenceOrder, OcfExit, Outcome};

/// What the fencer is to do for an action.
///
/// # Errors
/// The result of the operation, when the fencer is not needed for it.
pub(in crate::agents) fn fence_order(
    execution: &Execution,
    device: DeviceState,
) -> Result<FenceOrder, Box<Verdict>> {
    let named = |name: &str| execution.action.eq_ignore_ascii_case(name);
    if named("monitor") && !execution.interval.recurs() {
        Err(result(execution, known(device)))
    } else if named("start") {
        Ok(FenceOrder::Start)
    } else if named("stop") {
        Ok(FenceOrder::Stop)
    } else if named("monitor") {
        Ok(FenceOrder::Monitor)
    } else {
        let reason = format!("fence devices have no action '{}'", execution.action);
        Err(refuse(OcfExit::UNIMPLEMENTED, ExecStatus::Error, reason))
    }
}

/// A probe cannot ask the fencer, which has the devices of the whole cluster: it tells what was done here.
fn known(device: DeviceState) -> Outcome {
    match device {
        DeviceState::Started => Outcome::new(OcfExit::OK, ExecStatus::Done),
        DeviceState::Stopped => Outcome::new(OcfExit::ERROR, ExecStatus::NoFenceDevice),
        DeviceState::Doubtful => fencer_lost(),
    }
}

/// The result of everything under way when the fencer goes.
pub fn fencer_lost() -> Outcome {
    Outcome::new(OcfExit::ERROR, ExecStatus::NotConnected).because("Lost connection to fencer")
}

/// The fencer's result as the cluster understands it.
pub fn fence_result(execution: &Execution, outcome: Outcome) -> Verdict {
    *result(execution, outcome)
}

fn result(execution: &Execution, mut outcome: Outcome) -> Box<Verdict> {
    if outcome.exit != OcfExit::OK {
        outcome.exit = OcfExit::ERROR;
    }
    match outcome.status {
        ExecStatus::NotConnected | ExecStatus::Invalid => outcome.status = ExecStatus::Error,
        ExecStatus::NoFenceDevice => {
            outcome.status = ExecStatus::Error;
            outcome.exit = match &*execution.action.to_ascii_lowercase() {
                "monitor" => OcfExit::NOT_RUNNING,
                "stop" => OcfExit::OK,
                _ => OcfExit::NOT_INSTALLED,
            };
        }
        ExecStatus::NotSupported => outcome.exit = OcfExit::UNIMPLEMENTED,
        _ => {}
    }
    Box::new(Verdict { outcome, raw_exit: None, signalled: false, unprepared: false })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agents::testing::execution;
    use crate::model::Interval;

    fn device(action: &str, interval: u32) -> Execution {
        Execution { interval: Interval(interval), ..execution("stonith:fence_x", action, &[]) }
    }

    fn parts(verdict: &Verdict) -> (i32, ExecStatus) {
        assert!(!verdict.unprepared, "or it would not be repeated");
        (verdict.outcome.exit.0, verdict.outcome.status)
    }

    #[test]
    fn actions_become_orders() {
        let order = |action, interval| fence_order(&device(action, interval), DeviceState::Stopped).ok();
        assert_eq!(order("start", 0), Some(FenceOrder::Start));
        assert_eq!(order("Stop", 0), Some(FenceOrder::Stop));
        assert_eq!(order("monitor", 1000), Some(FenceOrder::Monitor));
        assert_eq!(order("promote", 0), None);
    }

    #[test]
    fn probes_are_answered_from_memory() {
        let table = [
            (DeviceState::Stopped, (7, ExecStatus::Error)),
            (DeviceState::Started, (0, ExecStatus::Done)),
            (DeviceState::Doubtful, (1, ExecStatus::Error)),
        ];
        for (state, expected) in table {
            let verdict = fence_order(&device("monitor", 0), state).unwrap_err();
            assert_eq!(parts(&verdict), expected, "{state:?}");
        }
    }

    #[test]
    fn results_are_told_in_the_clusters_terms() {
        let table = [
            ("start", 0, ExecStatus::Done, (0, ExecStatus::Done)),
            ("start", 42, ExecStatus::Done, (1, ExecStatus::Done)),
            ("monitor", 1, ExecStatus::Timeout, (1, ExecStatus::Timeout)),
            ("monitor", 1, ExecStatus::NotConnected, (1, ExecStatus::Error)),
            ("start", 1, ExecStatus::Invalid, (1, ExecStatus::Error)),
            ("start", 1, ExecStatus::NoFenceDevice, (5, ExecStatus::Error)),
            ("monitor", 1, ExecStatus::NoFenceDevice, (7, ExecStatus::Error)),
            ("stop", 1, ExecStatus::NoFenceDevice, (0, ExecStatus::Error)),
            ("start", 1, ExecStatus::NotSupported, (3, ExecStatus::NotSupported)),
        ];
        for (action, exit, status, expected) in table {
            let verdict = fence_result(&device(action, 0), Outcome::new(OcfExit(exit), status));
            assert_eq!(parts(&verdict), expected, "{action} {exit} {status:?}");
        }
    }

    #[test]
    fn an_unknown_action_says_so() {
        let verdict = fence_order(&device("promote", 0), DeviceState::Started).unwrap_err();
        assert_eq!((verdict.outcome.exit.0, verdict.outcome.status), (3, ExecStatus::Error));
        assert!(verdict.outcome.reason.unwrap().contains("'promote'"));
    }
}
