// SPDX-License-Identifier: LGPL-2.1-or-later
//! The executor alone, for a program whose other parts have the clients, count the requests and answer them.
use super::context::Context;
use super::executor::Executor;
use super::resources::{self, Answer, Asker};
use super::timers::Timer;
use super::{Effect, Input, PeerId, RunId};
use crate::model::{Moment, Now, Request, ResourceId};

/// Resources and their operations as a state machine, fed and carried out as a [`Server`](super::Server) is. What is to be
/// told names an [`Audience`](super::Audience), which the driver looks up. Each call does all that it causes, however much
/// that is: its caller must have seen it when the call returns.
#[derive(Debug)]
pub struct Commands {
    context: Context,
    executor: Executor,
}

impl Commands {
    /// Without resources. `fences`: there is a fencer on this node. `parameter_memory`: bytes that names and parameters may
    /// hold; None: the default.
    pub fn new(fences: bool, parameter_memory: Option<usize>) -> Self {
        let mut context = Context::new(parameter_memory);
        context.leave_clients();
        Self { context, executor: Executor::new(fences) }
    }

    /// Does what is asked about a resource. None: the request is about something else.
    pub fn answer(
        &mut self,
        asker: Asker<'_>,
        request: Request,
        now: Now,
        effects: &mut Vec<Effect>,
    ) -> Option<Answer> {
        self.act(now, effects, |executor, context| resources::answer(asker, request, executor, context).ok())
    }

    /// Forgets a resource that the program has removed from its table.
    pub fn forget(&mut self, id: &ResourceId, now: Now, effects: &mut Vec<Effect>) {
        self.act(now, effects, |executor, context| {
            // What still runs reports by itself.
            let _answer = executor.unregister(Some(id), context);
        });
    }

    /// A client left, or all did (None): stops what recurs for it, where the resource was registered so.
    pub fn left(&mut self, owner: Option<PeerId>, now: Now, effects: &mut Vec<Effect>) {
        self.act(now, effects, |executor, context| executor.drop_recurring(owner, context));
    }

    /// This client carries messages of others from now on.
    pub fn set_provides(&mut self, peer: PeerId) {
        self.context.peers_mut().set_provides(peer);
    }

    /// The clients that carry messages of others.
    pub fn providers(&self) -> Vec<PeerId> {
        self.context.peers().providers()
    }

    /// Does this client carry messages of others?
    pub fn provides(&self, peer: PeerId) -> bool {
        self.context.peers().provides(peer)
    }

    /// A client has gone: it is forgotten, with what it offered.
    pub fn forget_client(&mut self, peer: PeerId) {
        self.context.peers_mut().remove(peer);
    }

    /// Takes in what happened to runs, the fencer or the time; anything else is not this one's.
    pub fn step(&mut self, input: Input, now: Now, effects: &mut Vec<Effect>) {
        self.act(now, effects, |executor, context| match input {
            Input::Waits(run) => context.disarm(Timer::RunLimit(run)),
            Input::Started { run, since } => executor.started(run, since, context),
            Input::Finished { run, result } => executor.finished(run, result, context),
            Input::FencerLost { result } => executor.fencer_lost(&result, context),
            Input::Tick => tick(executor, context),
            _ => {}
        });
    }

    /// When the next [`Input::Tick`] is due, if any.
    pub fn next_deadline(&self) -> Option<Moment> {
        self.context.next_deadline()
    }

    /// The client that asked for the operation of this run.
    pub fn owner(&self, run: RunId) -> Option<PeerId> {
        self.executor.owner(run)
    }

    /// Is a resource of this name known?
    pub fn knows(&self, id: &ResourceId) -> bool {
        self.executor.resource(id).is_some()
    }

    fn act<T>(
        &mut self,
        now: Now,
        effects: &mut Vec<Effect>,
        work: impl FnOnce(&mut Executor, &mut Context) -> T,
    ) -> T {
        let (executor, context) = (&mut self.executor, &mut self.context);
        context.set_now(now);
        context.swap_effects(effects);
        let answer = work(executor, context);
        while executor.has_work() {
            executor.work(context);
        }
        executor.run_ready(context);
        context.swap_effects(effects);
        answer
    }
}

fn tick(executor: &mut Executor, context: &mut Context) {
    while let Some(timer) = context.expired() {
        match timer {
            Timer::RunLimit(run) => executor.run_overdue(run, context),
            Timer::StartDelay(key) => executor.start_delay_passed(key),
            Timer::Interval(key) => executor.interval_passed(key, context),
            Timer::DrainAlerts => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::Audience;
    use crate::core::testing::{execute, exited, now, register};
    use crate::model::CallId;

    fn ask(commands: &mut Commands, peer: u64, call_id: i32, request: Request) -> (Option<i32>, Vec<Effect>) {
        let asker = Asker { peer: PeerId(peer), name: "a", call_id: CallId(call_id) };
        let mut effects = Vec::new();
        let answer = commands.answer(asker, request, now(0), &mut effects);
        effects.retain(|effect| !matches!(effect, Effect::Log { .. }));
        (answer.map(|answer| answer.rc), effects)
    }

    fn audience(effects: &[Effect]) -> Vec<Audience> {
        let told = |effect: &Effect| match effect {
            Effect::Notify { audience, .. } => Some(audience.clone()),
            _ => None,
        };
        effects.iter().filter_map(told).collect()
    }

    #[test]
    fn call_ids_are_the_callers_and_audiences_are_left_to_it() {
        let mut commands = Commands::new(true, None);
        assert_eq!(ask(&mut commands, 1, 70, register("r1")).0, Some(0));
        let (rc, effects) = ask(&mut commands, 1, 90, execute("r1", "monitor", 1000));
        assert_eq!((rc, effects.len()), (Some(90), 1), "{effects:?}");
        let mut effects = Vec::new();
        commands.step(Input::Finished { run: RunId(1), result: exited(0) }, now(1), &mut effects);
        assert_eq!(audience(&effects), [Audience::NamedOthers], "nobody is known here");
        commands.set_provides(PeerId(2));
        assert_eq!(ask(&mut commands, 2, 91, execute("r1", "monitor", 1000)).0, Some(91));
        let (_, effects) = ask(&mut commands, 1, 92, execute("r1", "stop", 0));
        assert_eq!(audience(&effects), [Audience::Named], "a provider has asked for it");
    }

    #[test]
    fn everything_ends_within_the_call_that_causes_it() {
        let mut commands = Commands::new(true, None);
        ask(&mut commands, 1, 1, register("r1"));
        for interval in 1..=1000 {
            ask(&mut commands, 1, 1, execute("r1", "monitor", interval));
        }
        let mut effects = Vec::new();
        commands.forget(&ResourceId::new("r1"), now(0), &mut effects);
        assert_eq!(audience(&effects).len(), 1000);
        assert!(!commands.knows(&ResourceId::new("r1")) && commands.next_deadline().is_none());
    }

    #[test]
    fn what_is_not_about_resources_is_not_answered() {
        let mut commands = Commands::new(true, None);
        assert_eq!(ask(&mut commands, 1, 1, Request::Poke).0, None);
    }
}
