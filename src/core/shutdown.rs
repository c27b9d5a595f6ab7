// SPDX-License-Identifier: LGPL-2.1-or-later
//! The way out: ask the cluster to move its resources away, wait for it to leave, let alerts finish, exit.
use super::alerts::Alerts;
use super::context::Context;
use super::proxy::Proxies;
use super::settings::DaemonKind;
use super::timers::Timer;
use super::{Audience, Effect, LogLevel, PeerId};
use crate::model::{Notification, ProxyNotice};

/// How far the daemon is on its way out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    /// Not leaving.
    #[default]
    Serving,
    /// The cluster has been asked; serving until the last provider has left.
    Asked,
    /// Nothing is served any more; alerts are still running.
    Draining,
    /// `Effect::Exit` has been given.
    Over,
}

/// What the server has to do now.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Course {
    /// Nothing new.
    Stay,
    /// End what it does, and then [`Shutdown::leave`].
    Leave,
}

/// Where the daemon is between start and exit.
#[derive(Debug, Default)]
pub(super) struct Shutdown {
    phase: Phase,
}

impl Shutdown {
    /// Are clients still served?
    pub(super) const fn serves(&self) -> bool {
        matches!(self.phase, Phase::Serving | Phase::Asked)
    }

    /// Has the way out begun?
    pub(super) fn has_begun(&self) -> bool {
        self.phase != Phase::Serving
    }

    /// SIGTERM. `provider` is the one to be asked, if there is one.
    pub(super) fn requested(
        &mut self,
        provider: Option<PeerId>,
        daemon: DaemonKind,
        context: &mut Context,
    ) -> Course {
        if self.phase != Phase::Serving {
            context.log(LogLevel::Notice, || "already shutting down".to_owned());
            return Course::Stay;
        }
        let Some(provider) = provider else {
            context.log(LogLevel::Notice, || match daemon {
                DaemonKind::Remoted => "shutting down: no cluster node is connected".to_owned(),
                DaemonKind::Execd => "shutting down".to_owned(),
            });
            return Course::Leave;
        };
        self.phase = Phase::Asked;
        let name = context.peers().describe(provider);
        context.log(LogLevel::Notice, || format!("shutting down: asked {name} to move resources away"));
        context
            .notify(Audience::Providers(vec![provider]), Notification::Proxy(ProxyNotice::ShutdownRequest));
        context.emit(Effect::StopListening);
        Course::Stay
    }

    /// The cluster has heard us.
    pub(super) fn acknowledged(&self, context: &mut Context) -> Course {
        match self.phase {
            Phase::Asked => context.log(LogLevel::Info, || {
                "the cluster moves resources away; waiting for it to disconnect".to_owned()
            }),
            _ => context.log(LogLevel::Debug, || "stray shutdown acknowledgement ignored".to_owned()),
        }
        Course::Stay
    }

    /// The cluster does not move anything: it manages nothing here.
    pub(super) fn denied(&self, context: &mut Context) -> Course {
        if self.phase != Phase::Asked {
            context.log(LogLevel::Debug, || "stray shutdown rejection ignored".to_owned());
            return Course::Stay;
        }
        context.log(LogLevel::Notice, || {
            "the cluster does not manage this node now: leaving without delay".to_owned()
        });
        Course::Leave
    }

    /// The last provider is gone.
    pub(super) fn deserted(&self, context: &mut Context) -> Course {
        if self.phase != Phase::Asked {
            return Course::Stay;
        }
        context.log(LogLevel::Notice, || "the cluster has left: exiting".to_owned());
        Course::Leave
    }

    /// Exits as soon as there are no alerts any more; clients are served no longer. The executor is to be abandoned
    /// before.
    pub(super) fn leave(&mut self, alerts: &Alerts, proxies: &mut Proxies, context: &mut Context) {
        if !alerts.are_running() {
            self.exit(context);
            return;
        }
        self.phase = Phase::Draining;
        context.emit(Effect::StopListening);
        for peer in context.peers().ids() {
            context.emit(Effect::Close(peer));
        }
        proxies.close_all(context);
        let until = alerts.drain_until(context.now().mono);
        context.arm(Timer::DrainAlerts, until);
    }

    /// An alert ended: was it the one that we waited for?
    pub(super) fn alert_ended(&mut self, alerts: &Alerts, context: &mut Context) {
        if self.phase == Phase::Draining && !alerts.are_running() {
            context.disarm(Timer::DrainAlerts);
            self.exit(context);
        }
    }

    /// The alerts had their time.
    pub(super) fn drained(&mut self, context: &mut Context) {
        if self.phase == Phase::Draining {
            context.log(LogLevel::Warning, || "exiting while alerts still run".to_owned());
            self.exit(context);
        }
    }

    fn exit(&mut self, context: &mut Context) {
        self.phase = Phase::Over;
        context.emit(Effect::Exit);
    }
}

#[cfg(test)]
mod tests {
    use crate::core::testing::{Bench, execute, killed, operation};
    use crate::core::{DaemonKind, Input};
    use crate::model::{Millis, Params, ProxyCommand, Request};

    fn word(command: ProxyCommand) -> Request {
        Request::Proxy(command)
    }

    fn alert(timeout_ms: u64) -> Request {
        let (id, path) = (Some("a".into()), Some("/a".into()));
        Request::Alert { id, path, timeout: Millis(timeout_ms), params: Params::new() }
    }

    #[test]
    fn without_a_provider_it_exits_at_once_and_kills_only_what_recurs() {
        for daemon in [DaemonKind::Remoted, DaemonKind::Execd] {
            let mut bench = Bench::new(daemon);
            bench.remote(1);
            for id in ["r1", "r2", "r3"] {
                bench.ask(1, crate::core::testing::register(id));
            }
            let mut limited = operation("r1", "start", 0);
            limited.timeout = Millis(50);
            bench.ask(1, Request::Execute(Box::new(limited)));
            bench.ask(1, execute("r2", "monitor", 100));
            bench.ask(1, execute("r3", "monitor", 100));
            bench.exits(3, 0);
            assert_eq!(bench.step(Input::Terminate), ["kill 2 Group", "exit"]);
            assert_eq!(bench.server.next_deadline(), None);
            assert!(bench.exits(1, 0).is_empty());
            assert!(bench.step(Input::Terminate).is_empty());
        }
    }

    #[test]
    fn the_newest_provider_alone_is_asked_and_the_last_to_leave_ends_it() {
        let mut bench = Bench::remoted();
        bench.provider(1);
        bench.provider(2);
        bench.remote(3);
        assert_eq!(bench.step(Input::Terminate), ["tell 2 shutdown?", "stop listening"]);
        assert!(bench.step(Input::Terminate).is_empty(), "a second signal changes nothing");
        assert_eq!(bench.ask(2, word(ProxyCommand::ShutdownAck)), ["reply 2 0"]);
        assert_eq!(bench.ask(1, crate::core::testing::register("r1"))[0], "reply 1 0", "still serving");
        assert!(bench.pass(3_600_000).is_empty(), "it waits without limit");
        assert!(bench.gone(2).is_empty());
        assert_eq!(bench.gone(1), ["accept false", "exit"]);
    }

    #[test]
    fn a_denial_ends_it_at_once() {
        let mut bench = Bench::remoted();
        bench.provider(1);
        bench.step(Input::Terminate);
        assert_eq!(bench.ask(1, word(ProxyCommand::ShutdownNack)), ["reply 1 0", "exit"]);
        assert!(bench.ask(1, Request::Poke).is_empty());
    }

    #[test]
    fn stray_words_about_a_shutdown_are_only_answered() {
        let mut bench = Bench::remoted();
        bench.provider(1);
        assert_eq!(bench.ask(1, word(ProxyCommand::ShutdownAck)), ["reply 1 0"]);
        assert_eq!(bench.ask(1, word(ProxyCommand::ShutdownNack)), ["reply 1 0"]);
        assert_eq!(bench.gone(1), ["accept false"]);
    }

    #[test]
    fn alerts_in_flight_are_waited_for() {
        let mut bench = Bench::with_r1();
        bench.ask(1, alert(300));
        bench.ask(1, alert(20_000));
        assert_eq!(bench.step(Input::Terminate), ["stop listening", "close 1"]);
        assert!(bench.ask(1, alert(1)).is_empty(), "nothing new is started");
        assert_eq!(bench.connect(9, crate::core::PeerKind::Remote), ["close 9"]);
        assert_eq!(bench.pass(300), ["kill 1 Group"]);
        assert!(bench.ends(1, killed()).is_empty());
        assert_eq!(bench.exits(2, 0), ["exit"]);
        assert!(bench.pass(60_000).is_empty());
    }

    #[test]
    fn sessions_are_closed_once_even_then() {
        let mut bench = Bench::remoted();
        bench.provider(1);
        bench.proxied(8);
        bench.proxied(9);
        bench.ask(1, alert(300));
        bench.step(Input::Terminate);
        let session = crate::core::testing::client_id(8);
        bench.ask(1, word(ProxyCommand::Destroy { session }));
        let lines = bench.ask(1, word(ProxyCommand::ShutdownNack));
        assert_eq!(lines, ["reply 1 0", "stop listening", "close 1", "close 9"]);
    }

    #[test]
    fn but_not_longer_than_the_longest_limit_and_five_seconds() {
        let mut bench = Bench::with_r1();
        bench.ask(1, alert(0));
        bench.ask(1, alert(2_000));
        bench.step(Input::Terminate);
        assert_eq!(bench.pass(6_999), ["kill 2 Group"]);
        assert_eq!(bench.pass(1), ["exit"]);
    }
}
