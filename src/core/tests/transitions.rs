// SPDX-License-Identifier: LGPL-2.1-or-later
//! The transitions of an operation, one table each.
use crate::core::budget::Charge;
use crate::core::context::Context;
use crate::core::operation::{After, Operation, State};
use crate::core::registration::Registration;
use crate::core::testing::{agent, exited, killed, now, operation};
use crate::core::{PeerId, RunId};
use crate::model::{
    CallId, DeviceState, ExecStatus, Interval, Millis, OcfExit, Outcome, ResourceId, RunResult,
};

/// An operation of a client that is not connected, with a limit of a second.
fn requested(action: &str, interval: u32, start_delay: u64) -> Operation {
    let registration = Registration::new(ResourceId::new("r1"), agent("x"), true, Charge::none());
    let mut request = operation("r1", action, interval);
    (request.timeout, request.start_delay) = (Millis(1000), Millis(start_delay));
    Operation::new(request, &registration, PeerId(1), Charge::none(), CallId(1), now(0))
}

fn pending() -> RunResult {
    RunResult::new(Outcome::new(OcfExit::UNKNOWN, ExecStatus::Pending), Some(193))
}

fn unprepared() -> RunResult {
    RunResult { unprepared: true, ..exited(5) }
}

#[test]
fn an_operation_ends_with_its_owner_if_it_recurs_and_the_resource_was_registered_so() {
    for (interval, drops_recurring, expected) in
        [(0, true, None), (10, true, Some(PeerId(1))), (10, false, None)]
    {
        let registration =
            Registration::new(ResourceId::new("r1"), agent("x"), drops_recurring, Charge::none());
        let request = operation("r1", "monitor", interval);
        let operation = Operation::new(request, &registration, PeerId(1), Charge::none(), CallId(1), now(0));
        assert_eq!(operation.ends_with(), expected, "{interval} {drops_recurring}");
    }
}

#[test]
fn from_request_to_run() {
    let mut operation = requested("start", 0, 70);
    assert_eq!(operation.state(), State::Queued { delayed: true });
    operation.delay_passed();
    assert_eq!(operation.state(), State::Queued { delayed: false });
    operation.leave_queue(now(70));
    operation.begin(RunId(7), now(0));
    assert_eq!(operation.state(), State::Running(RunId(7)));
}

#[test]
fn what_comes_after_a_run() {
    let resting = (After::Rest(Interval(10)), State::Resting);
    let dormant = (After::Dormant, State::Dormant);
    let looks = (After::LookAgain(Millis(100)), State::Queued { delayed: true });
    let over = (After::Over, State::Running(RunId(1)));
    let table = [
        ("start", 0, exited(0), over),
        ("start", 0, killed(), over),
        ("start", 0, pending(), over),
        ("monitor", 0, pending(), looks),
        ("STATUS", 0, pending(), looks),
        ("monitor", 0, unprepared(), over),
        ("monitor", 10, exited(7), resting),
        ("monitor", 10, pending(), resting),
        ("monitor", 10, unprepared(), dormant),
    ];
    for (action, interval, result, expected) in table {
        let mut operation = requested(action, interval, 0);
        operation.leave_queue(now(0));
        operation.begin(RunId(1), now(0));
        let after = operation.ended(result.clone(), false, &mut Context::default());
        assert_eq!((after, operation.state()), expected, "{action}/{interval} {result:?}");
    }
}

#[test]
fn a_probe_of_a_resource_that_is_gone_does_not_look_again() {
    let mut operation = requested("monitor", 0, 0);
    operation.resource_deleted();
    assert_eq!(operation.ended(pending(), false, &mut Context::default()), After::Over);
}

#[test]
fn the_limit_of_a_second_look_counts_from_the_first() {
    let mut operation = requested("monitor", 0, 0);
    operation.leave_queue(now(100));
    assert_eq!(operation.limit_from(now(900).mono), now(900).mono);
    operation.ended(pending(), false, &mut Context::default());
    operation.leave_queue(now(800));
    assert_eq!(operation.limit_from(now(900).mono), now(100).mono);
}

#[test]
fn a_merged_operation_runs_at_once_if_it_is_at_rest() {
    for (result, at_rest) in [(None, false), (Some(exited(0)), true), (Some(unprepared()), true)] {
        let mut operation = requested("monitor", 10, 0);
        if let Some(result) = result {
            operation.ended(result, false, &mut Context::default());
        }
        assert_eq!(operation.merge(CallId(2), None, now(0)), at_rest, "{:?}", operation.state());
    }
}

#[test]
fn a_start_and_a_stop_that_succeed_change_what_is_known_of_a_device() {
    let failed = RunResult::new(Outcome::new(OcfExit::OK, ExecStatus::Timeout), None);
    let table = [
        ("start", exited(0), Some(DeviceState::Started)),
        ("Stop", exited(0), Some(DeviceState::Stopped)),
        ("start", exited(1), None),
        ("stop", failed, None),
        ("monitor", exited(0), None),
    ];
    for (action, result, expected) in table {
        let mut operation = requested(action, 0, 0);
        assert_eq!(operation.device_change(), None, "nothing is known yet");
        operation.ended(result, false, &mut Context::default());
        assert_eq!(operation.device_change(), expected, "{action}");
    }
}
