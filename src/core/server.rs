// SPDX-License-Identifier: LGPL-2.1-or-later
//! The server: one input at a time goes to the part that it concerns.
use super::alerts::Alerts;
use super::context::Context;
use super::executor::Executor;
use super::proxy::{Proxies, ShutdownAnswer};
use super::requests::{Asked, Requests};
use super::settings::{DaemonKind, Settings};
use super::shutdown::{Course, Shutdown};
use super::timers::Timer;
use super::{Audience, Effect, Input, LogLevel, PeerId, PeerKind, RunId};
use crate::model::{ClientId, Moment, Notification, Now, RunResult};

/// What a timer brings about, the start of an agent say, takes some ten microseconds.
const TIMERS_OF_ONE_STEP: usize = 100;

/// The executor daemon's protocol as a state machine.
///
/// Feed it with [`Server::step`], carry out the effects in order, and come back with [`Input::Tick`] when
/// [`Server::next_deadline`] has passed. After [`Effect::Exit`] there is nothing left to feed.
#[derive(Debug)]
pub struct Server {
    context: Context,
    requests: Requests,
    executor: Executor,
    proxies: Proxies,
    alerts: Alerts,
    shutdown: Shutdown,
}

impl Server {
    /// A server without clients or resources, started `now`.
    pub fn new(settings: Settings, now: Now) -> Self {
        Self {
            context: Context::new(settings.parameter_memory),
            executor: Executor::new(settings.daemon == DaemonKind::Execd),
            proxies: Proxies::default(),
            alerts: Alerts::default(),
            shutdown: Shutdown::default(),
            requests: Requests::new(settings, now.mono),
        }
    }

    /// Bytes that names and parameters of resources, operations and alerts hold. At most half as much again as
    /// [`Settings::parameter_memory`].
    pub const fn parameter_bytes(&self) -> usize {
        self.context.parameter_bytes()
    }

    /// Takes in what happened; appends what is to be done.
    pub fn step(&mut self, input: Input, now: Now, effects: &mut Vec<Effect>) {
        self.context.set_now(now);
        self.context.swap_effects(effects);
        self.take(input);
        self.executor.run_ready(&mut self.context);
        self.context.swap_effects(effects);
    }

    /// When the next [`Input::Tick`] is due, if any. May change with every step, and only then. A moment that has passed
    /// means that a step has left work to the next one; others may have their turn before it.
    pub fn next_deadline(&self) -> Option<Moment> {
        if self.executor.has_work() { Some(Moment::default()) } else { self.context.next_deadline() }
    }

    /// The client that asked for the operation or alert whose run this is; it may be gone.
    pub fn owner(&self, run: RunId) -> Option<PeerId> {
        self.executor.owner(run).or_else(|| self.alerts.owner(run))
    }

    /// Who belongs to an audience now.
    pub fn receivers(&self, audience: &Audience) -> Vec<PeerId> {
        self.context.peers().receivers(audience)
    }

    /// Does this remote client carry messages of local clients?
    pub fn is_provider(&self, peer: PeerId) -> bool {
        self.proxies.is_provider(peer)
    }

    /// The remote client that carries the messages of this local client.
    pub fn provider_of(&self, session: PeerId) -> Option<PeerId> {
        self.proxies.provider_of(session)
    }

    pub(super) const fn context(&self) -> &Context {
        &self.context
    }

    pub(super) const fn executor(&self) -> &Executor {
        &self.executor
    }

    pub(super) const fn proxies(&self) -> &Proxies {
        &self.proxies
    }

    pub(super) const fn alerts(&self) -> &Alerts {
        &self.alerts
    }

    pub(super) fn is_shutting_down(&self) -> bool {
        self.shutdown.has_begun()
    }

    fn take(&mut self, input: Input) {
        let serves = self.shutdown.serves();
        match input {
            Input::Connected { peer, kind, client_id } if serves => self.connected(peer, kind, client_id),
            Input::Connected { peer, .. } => self.context.emit(Effect::Close(peer)),
            Input::Disconnected(peer) if serves => self.disconnected(peer),
            Input::Disconnected(peer) => drop(self.context.peers_mut().remove(peer)),
            Input::Request { peer, token, incoming } if serves => {
                self.request(Asked::new(peer, token, incoming));
            }
            Input::Proxied { peer, msg_id, flags, payload } if serves => {
                self.proxies.forward(peer, msg_id, flags, payload, &mut self.context);
            }
            Input::Request { .. } | Input::Proxied { .. } => {}
            Input::Waits(run) => self.context.disarm(Timer::RunLimit(run)),
            Input::Started { run, since } if self.executor.has_run(run) => {
                self.executor.started(run, since, &mut self.context)
            }
            Input::Started { run, since } => self.alerts.started(run, since, &mut self.context),
            Input::Finished { run, result } => self.finished(run, result),
            Input::FencerLost { result } => self.executor.fencer_lost(&result, &mut self.context),
            Input::Terminate => self.terminate(),
            Input::Tick => self.tick(),
        }
    }

    fn connected(&mut self, peer: PeerId, kind: PeerKind, client_id: ClientId) {
        let context = &mut self.context;
        let now = context.now();
        if context.peers_mut().add(peer, &kind, &client_id, now) {
            context.notify(Audience::NamedOthersBut(peer), Notification::NewClient);
        } else if let PeerKind::Proxied { server, identity } = kind {
            self.proxies.open(peer, server, identity, client_id, context);
        }
    }

    fn disconnected(&mut self, peer: PeerId) {
        let context = &mut self.context;
        if self.proxies.closed(peer, context) {
            return;
        }
        let name = context.peers().describe(peer);
        let Some(gone) = context.peers_mut().remove(peer) else { return };
        // A client that never named itself only looked whether we are there, as pacemakerd does all the time.
        let level = if gone.is_named() { LogLevel::Info } else { LogLevel::Debug };
        context.log(level, || format!("{name} disconnected"));
        let deserted = self.proxies.remove_provider(peer, context);
        if !gone.is_remote() {
            self.executor.drop_recurring(Some(peer), context);
        } else if context.peers().is_empty() && !self.proxies.has_open_sessions() {
            self.executor.drop_recurring(None, context);
        }
        if deserted {
            let course = self.shutdown.deserted(context);
            self.follow(course);
        }
    }

    fn request(&mut self, asked: Asked) {
        let (executor, proxies, alerts) = (&mut self.executor, &mut self.proxies, &mut self.alerts);
        let answer = self.requests.answer(asked, executor, proxies, alerts, &mut self.context);
        let course = match answer {
            None => Course::Stay,
            Some(ShutdownAnswer::Acknowledged) => self.shutdown.acknowledged(&mut self.context),
            Some(ShutdownAnswer::Denied) => self.shutdown.denied(&mut self.context),
        };
        self.follow(course);
    }

    fn finished(&mut self, run: RunId, result: RunResult) {
        if self.executor.has_run(run) {
            self.executor.finished(run, result, &mut self.context);
        } else {
            self.alerts.finished(run, &result, &mut self.context);
            self.shutdown.alert_ended(&self.alerts, &mut self.context);
        }
    }

    fn terminate(&mut self) {
        let provider = self.proxies.newest_provider();
        let course = self.shutdown.requested(provider, self.requests.daemon(), &mut self.context);
        self.follow(course);
    }

    fn follow(&mut self, course: Course) {
        match course {
            Course::Stay => {}
            Course::Leave => {
                self.executor.abandon(&mut self.context);
                self.shutdown.leave(&self.alerts, &mut self.proxies, &mut self.context);
            }
        }
    }

    /// A part of what is due, if it is much: the rest is due again at once.
    fn tick(&mut self) {
        let context = &mut self.context;
        self.executor.work(context);
        for _ in 0..TIMERS_OF_ONE_STEP {
            let Some(timer) = context.expired() else { return };
            match timer {
                Timer::RunLimit(run) if self.executor.has_run(run) => self.executor.run_overdue(run, context),
                Timer::RunLimit(run) => self.alerts.overdue(run, context),
                Timer::StartDelay(key) => self.executor.start_delay_passed(key),
                Timer::Interval(key) => self.executor.interval_passed(key, context),
                Timer::DrainAlerts => self.shutdown.drained(context),
            }
        }
    }
}

#[cfg(test)]
impl Server {
    pub(super) const fn set_last_call(&mut self, call_id: i32) {
        self.requests.set_last_call(call_id);
    }
}

#[cfg(test)]
mod tests {
    use crate::core::testing::{Bench, execute, register, sign_on};
    use crate::core::{Effect, Input, PeerId, PeerKind, RequestToken};
    use crate::model::{Request, RequestMessage};

    #[test]
    fn newcomers_are_told_to_all_other_named_clients_that_do_not_provide() {
        let mut bench = Bench::remoted();
        bench.provider(1);
        bench.local(2, false);
        assert_eq!(bench.connect(3, PeerKind::Remote), ["tell 2 new client"]);
        assert_eq!(bench.connect(4, PeerKind::Local { privileged: true }), ["tell 2 new client"]);
        assert_eq!(bench.proxied(5), ["tell 1 new 00000005-uuid cib_rw"], "no client of the executor");
    }

    #[test]
    fn a_provider_is_told_of_another_one_alone_and_once() {
        let mut bench = Bench::remoted();
        bench.provider(1);
        assert_eq!(bench.connect(2, PeerKind::Local { privileged: false }), [""; 0]);
        assert_eq!(bench.connect(3, PeerKind::Remote), [""; 0]);
        let told = |effects: Vec<String>| {
            effects.into_iter().filter(|e| e.contains("new client")).collect::<Vec<_>>()
        };
        assert_eq!(told(bench.ask(3, sign_on(true))), ["tell 1 new client"]);
        assert_eq!(told(bench.ask(3, sign_on(true))), [""; 0]);
    }

    #[test]
    fn a_provider_is_told_only_the_results_that_a_provider_has_asked_for() {
        let mut bench = Bench::remoted();
        bench.provider(1);
        bench.local(2, true);
        bench.ask(2, register("r1"));
        bench.ask(2, execute("r1", "monitor", 1000));
        assert_eq!(bench.exits(1, 0), ["tell 2 r1 monitor/1000 #4 0 Done"]);
        bench.ask(1, execute("r1", "monitor", 1000));
        let told = bench.exits(2, 0);
        assert!(told.iter().any(|line| line.starts_with("tell 1,2 r1 monitor/1000")), "{told:?}");
    }

    #[test]
    fn deadlines_are_those_of_the_timers() {
        let mut bench = Bench::with_r1();
        assert_eq!(bench.server.next_deadline(), None);
        bench.ask(1, execute("r1", "monitor", 1000));
        assert_eq!(bench.server.next_deadline(), None, "no limit");
        bench.exits(1, 0);
        assert!(bench.server.next_deadline().is_some());
        assert!(bench.step(Input::Tick).is_empty(), "not due yet");
    }

    #[test]
    fn what_peers_send_does_not_fill_the_log() {
        let mut bench = Bench::with_r1();
        let request = Request::Unknown("ä".repeat(1_000_000));
        let incoming = RequestMessage { client_name: None, options: 0, request };
        let effects = bench.raw(Input::Request { peer: PeerId(1), token: RequestToken(0), incoming });
        let longest = effects.iter().filter_map(|effect| match effect {
            Effect::Log { text, .. } => Some(text.len()),
            _ => None,
        });
        assert!(longest.max().is_some_and(|longest| longest < 1_100));
    }
}
