// SPDX-License-Identifier: LGPL-2.1-or-later
//! No step of the executor's core may cost more than in proportion to what it changes. Costs are the CPU time of this
//! thread, compared between a small and a large server.

use nix::time::{ClockId, clock_gettime};
use pcmk_remote_rs::core::{
    DaemonKind, Effect, Input, PeerId, PeerKind, RequestToken, RunId, Server, Settings,
};
use pcmk_remote_rs::model::{
    Agent, ClientId, ExecStatus, Execute, Interval, Millis, Moment, Notify, Now, OcfExit, Outcome, Params,
    Request, RequestMessage, ResourceId, RunResult,
};
use std::sync::Arc;
use std::time::Duration;

const SMALL: u32 = 1_000;
const LARGE: u32 = 16_000;
/// Of a step that goes on with something long: a line in the log and a notification for each of a hundred operations.
const MOST_EFFECTS: usize = 200;

/// As many operations as a daemon takes.
const MOST: u32 = 99_999;
/// Of CPU time, in a build without optimization. Ending them all takes 50 times as long.
const LONGEST_STEP: Duration = Duration::from_millis(200);

type Prepare = fn(u32) -> Node;

/// A server with remote client 1.
struct Node {
    server: Server,
    now: Now,
}

impl Node {
    fn new() -> Self {
        let settings =
            Settings { daemon: DaemonKind::Remoted, node_start_state: None, parameter_memory: None };
        let mut node = Self { server: Server::new(settings, Now::default()), now: Now::default() };
        node.connect(1, PeerKind::Remote);
        node
    }

    fn step(&mut self, input: Input) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.server.step(input, self.now, &mut effects);
        effects
    }

    fn connect(&mut self, peer: u64, kind: PeerKind) {
        self.step(Input::Connected {
            peer: PeerId(peer),
            kind,
            client_id: ClientId::new(format!("client-{peer}")),
        });
    }

    fn ask(&mut self, request: Request) -> Vec<Effect> {
        let incoming = RequestMessage { client_name: Some("c".into()), options: 0, request };
        self.step(Input::Request { peer: PeerId(1), token: RequestToken(0), incoming })
    }

    fn register(&mut self, id: &str) {
        let agent = Agent { standard: "ocf".into(), provider: Some("p".into()), name: "a".into() };
        let resource_id = Some(ResourceId::new(id));
        self.ask(Request::RegisterResource { resource_id, agent, drop_recurring: true });
    }

    fn execute(&mut self, id: &str, action: &str, interval: u32, delay_ms: u64) -> Vec<Effect> {
        self.ask(operation(id, action, interval, delay_ms))
    }

    fn end(&mut self, run: RunId) -> Vec<Effect> {
        let result = RunResult::new(Outcome::new(OcfExit::OK, ExecStatus::Done), Some(0));
        self.step(Input::Finished { run, result })
    }

    fn pass(&mut self, ms: u64) -> Vec<Effect> {
        self.now.mono = Moment::new(self.now.mono.since_origin() + Duration::from_millis(ms));
        self.settle()
    }

    /// Goes on with what is due until nothing is.
    fn settle(&mut self) -> Vec<Effect> {
        let mut effects = Vec::new();
        while self.server.next_deadline().is_some_and(|deadline| deadline <= self.now.mono) {
            let step = self.step(Input::Tick);
            assert!(step.len() <= MOST_EFFECTS, "{} effects of one step", step.len());
            effects.extend(step);
        }
        effects
    }
}

fn operation(id: &str, action: &str, interval: u32, delay_ms: u64) -> Request {
    Request::Execute(Box::new(Execute {
        resource_id: Some(ResourceId::new(id)),
        action: action.into(),
        interval: Interval(interval),
        timeout: Millis(0),
        start_delay: Millis(delay_ms),
        user_data: None,
        params: Arc::new(Params::new()),
        notify: Notify::default(),
    }))
}

fn started(effects: &[Effect]) -> RunId {
    let run = |effect: &Effect| match effect {
        Effect::Run { run, .. } => Some(*run),
        _ => None,
    };
    effects.iter().find_map(run).expect("a run begins")
}

fn told(effects: &[Effect]) -> usize {
    effects.iter().filter(|effect| matches!(effect, Effect::Notify { .. })).count()
}

/// CPU time of a step in a node of `count` operations; the lesser of two, each with a node of its own.
fn cost(count: u32, prepare: Prepare, step: fn(&mut Node, u32)) -> Duration {
    let measure = || {
        let mut node = prepare(count);
        let before = spent();
        step(&mut node, count);
        spent() - before
    };
    (0..2).map(|_| measure()).min().unwrap()
}

/// By which factor the cost grows from a small to a large node.
fn growth(prepare: Prepare, step: fn(&mut Node, u32)) -> f64 {
    let [small, large] = [SMALL, LARGE].map(|count| cost(count, prepare, step));
    println!("{SMALL}: {small:?}, {LARGE}: {large:?}");
    large.as_secs_f64() / small.as_secs_f64()
}

/// A step that changes everything: 16 times as much may cost little more than 16 times, but never 256 times.
fn assert_linear(prepare: Prepare, step: fn(&mut Node, u32)) {
    let growth = growth(prepare, step);
    assert!(growth < 64.0, "16 times as much costs {growth:.1} times");
}

/// A step that changes one thing: 16 times as much around it costs about the same.
fn assert_constant(prepare: Prepare, step: fn(&mut Node, u32)) {
    let growth = growth(prepare, step);
    assert!(growth < 6.0, "with 16 times as much around it costs {growth:.1} times");
}

/// Operations that queue behind a start which runs.
fn queued(count: u32) -> Node {
    let mut node = Node::new();
    node.register("r");
    for _ in 0..=count {
        node.execute("r", "start", 0, 0);
    }
    node
}

/// Recurring operations of one resource that may not start yet.
fn delayed(count: u32) -> Node {
    let mut node = Node::new();
    node.register("r");
    for interval in 1..=count {
        node.execute("r", "monitor", interval, 60_000);
    }
    node
}

/// The same, each of a resource of its own.
fn delayed_apart(count: u32) -> Node {
    let mut node = Node::new();
    for number in 0..count {
        let id = format!("r{number}");
        node.register(&id);
        node.execute(&id, "monitor", 1000, 60_000);
    }
    node
}

/// Recurring operations of one resource that are due while a start of it runs.
fn blocked(count: u32) -> Node {
    let mut node = Node::new();
    node.register("r");
    for interval in 1..=count {
        let effects = node.execute("r", "monitor", interval + 1_000_000, 0);
        node.end(started(&effects));
    }
    node.execute("r", "start", 0, 0);
    assert!(node.pass(2_000_000).is_empty());
    node
}

#[test]
fn forgetting_a_resource_costs_as_much_as_it_has_queued() {
    assert_linear(queued, |node, count| {
        let effects = node.ask(Request::UnregisterResource(Some(ResourceId::new("r"))));
        assert_eq!(told(&effects) + told(&node.settle()), count as usize + 1);
    });
}

#[test]
fn the_last_client_that_leaves_costs_as_much_as_it_takes_along() {
    for prepare in [delayed, delayed_apart] {
        assert_linear(prepare, |node, count| {
            let mut effects = node.step(Input::Disconnected(PeerId(1)));
            effects.extend(node.settle());
            let logs = effects.iter().filter(|effect| matches!(effect, Effect::Log { .. }));
            assert_eq!(logs.count(), count as usize + 1, "one for each and one for the client");
        });
    }
}

#[test]
fn a_stop_costs_as_much_as_it_cancels() {
    for prepare in [delayed, blocked] {
        assert_linear(prepare, |node, count| {
            let effects = node.execute("r", "stop", 0, 0);
            assert_eq!(told(&effects) + told(&node.settle()), count as usize);
        });
    }
}

/// CPU time of this thread.
fn spent() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).unwrap().into()
}

/// The longest of the steps of all that follows from `input`, by CPU time.
fn longest_step(node: &mut Node, input: Input) -> Duration {
    let before = spent();
    node.step(input);
    let mut longest = spent() - before;
    while node.server.next_deadline().is_some_and(|deadline| deadline <= node.now.mono) {
        let before = spent();
        node.step(Input::Tick);
        longest = longest.max(spent() - before);
    }
    longest
}

#[test]
fn no_step_is_long_however_much_ends() {
    let ask = |request| {
        let incoming = RequestMessage { client_name: None, options: 0, request };
        Input::Request { peer: PeerId(1), token: RequestToken(0), incoming }
    };
    let unregister = || ask(Request::UnregisterResource(Some(ResourceId::new("r"))));
    let cases: [(&str, Prepare, Input); 5] = [
        ("unregister of queued operations", queued, unregister()),
        ("unregister of recurring operations", delayed, unregister()),
        ("stop of recurring operations", delayed, ask(operation("r", "stop", 0, 0))),
        ("the last client leaves one resource", delayed, Input::Disconnected(PeerId(1))),
        ("the last client leaves many resources", delayed_apart, Input::Disconnected(PeerId(1))),
    ];
    for (what, prepare, input) in cases {
        let longest = longest_step(&mut prepare(MOST), input);
        println!("{what}: longest step {longest:?}");
        assert!(longest < LONGEST_STEP, "{what}: {longest:?}");
    }
}

#[test]
fn a_client_that_leaves_nothing_behind_costs_the_same_whatever_others_do() {
    assert_constant(delayed_apart, |node, _| {
        for peer in 2..1000 {
            node.connect(peer, PeerKind::Local { privileged: false });
            node.step(Input::Disconnected(PeerId(peer)));
        }
    });
}

#[test]
fn a_request_about_one_operation_costs_the_same_however_many_are_queued() {
    assert_constant(delayed, |node, _| {
        for _ in 0..1000 {
            node.execute("r", "status", 5, 0);
            node.ask(Request::Cancel(pcmk_remote_rs::model::Cancel {
                resource_id: Some(ResourceId::new("r")),
                action: Some("status".into()),
                interval: Interval(5),
            }));
        }
    });
    assert_constant(queued, |node, _| {
        for _ in 0..1000 {
            node.execute("r", "stop", 0, 0);
        }
    });
}
