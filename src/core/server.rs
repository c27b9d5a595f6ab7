// SPDX-License-Identifier: LGPL-2.1-or-later
//! The server: one input at a time goes to the part that it concerns.
use super::alerts::Alerts;
use super::context::{Context, RunNumbers};
use super::executor::Executor;
use super::peers::Peers;
use super::proxy::Proxies;
use super::shutdown::Phase;
use super::timers::{Timer, Timers};
use super::{Effect, Finish, Input, LogLevel, PeerId, PeerKind, RunId};
use crate::model::{CallId, ClientId, Moment, Notification, Now};

/// Which daemon this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DaemonKind {
    /// `pacemaker-remoted`: the executor of a node without cluster daemons. Carries proxied clients.
    Remoted,
    /// `pacemaker-execd`: the executor of a cluster node.
    Execd,
}

/// What a server is told once.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Which daemon this is.
    pub daemon: DaemonKind,
    /// `PCMK_node_start_state`, told to whoever signs on.
    pub node_start_state: Option<String>,
}

/// The executor daemon's protocol as a state machine.
///
/// Feed it with [`Server::step`], carry out the effects in order, and come back with [`Input::Tick`] when
/// [`Server::next_deadline`] has passed. After [`Effect::Exit`] there is nothing left to feed.
#[derive(Debug)]
pub struct Server {
    peers: Peers,
    timers: Timers,
    run_numbers: RunNumbers,
    parts: Parts,
}

/// Everything but what a [`Context`] lends out.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) settings: Settings,
    pub(super) started: Moment,
    pub(super) last_call: CallId,
    pub(super) executor: Executor,
    pub(super) proxies: Proxies,
    pub(super) alerts: Alerts,
    pub(super) phase: Phase,
}

impl Server {
    /// A server without clients or resources, started `now`.
    pub fn new(settings: Settings, now: Now) -> Self {
        let fences = settings.daemon == DaemonKind::Execd;
        Self {
            peers: Peers::default(),
            timers: Timers::default(),
            run_numbers: RunNumbers::default(),
            parts: Parts {
                settings,
                started: now.mono,
                last_call: CallId(0),
                executor: Executor::new(fences),
                proxies: Proxies::default(),
                alerts: Alerts::default(),
                phase: Phase::default(),
            },
        }
    }

    /// Takes in what happened; appends what is to be done.
    pub fn step(&mut self, input: Input, now: Now, effects: &mut Vec<Effect>) {
        let mut context = Context {
            now,
            effects,
            peers: &mut self.peers,
            timers: &mut self.timers,
            run_numbers: &mut self.run_numbers,
        };
        self.parts.take(input, &mut context);
        self.parts.executor.run_ready(&mut context);
    }

    /// When the next [`Input::Tick`] is due, if any. May change with every step, and only then.
    pub fn next_deadline(&self) -> Option<Moment> {
        self.timers.next()
    }
}

impl Parts {
    fn take(&mut self, input: Input, context: &mut Context<'_>) {
        match input {
            Input::Connected { peer, kind, client_id } => self.connected(peer, kind, client_id, context),
            Input::Disconnected(peer) => self.disconnected(peer, context),
            Input::Request { peer, token, incoming } if self.phase.serves() => {
                self.request(peer, token, incoming, context);
            }
            Input::Proxied { peer, msg_id, flags, payload } if self.phase.serves() => {
                self.proxies.forward(peer, msg_id, flags, payload, context);
            }
            Input::Request { .. } | Input::Proxied { .. } => {}
            Input::Finished { run, finish } => self.finished(run, finish, context),
            Input::FencerLost { finish } => self.executor.fencer_lost(&finish, context),
            Input::Terminate => self.terminate(context),
            Input::Tick => self.tick(context),
        }
    }

    fn connected(&mut self, peer: PeerId, kind: PeerKind, client_id: ClientId, context: &mut Context<'_>) {
        if !self.phase.serves() {
            context.emit(Effect::Close(peer));
            return;
        }
        if context.peers.add(peer, &kind, &client_id) {
            let others = context.peers.named_except(peer);
            context.notify(others, Notification::NewClient);
        } else if let PeerKind::Proxied { server, identity } = kind {
            self.proxies.open(peer, server, identity, client_id, context);
        }
    }

    fn disconnected(&mut self, peer: PeerId, context: &mut Context<'_>) {
        if !self.phase.serves() {
            context.peers.remove(peer);
            return;
        }
        if self.proxies.closed(peer, context) {
            return;
        }
        let name = context.peers.describe(peer);
        let Some(gone) = context.peers.remove(peer) else { return };
        // Whoever never named itself only looked whether we are there, as pacemakerd does all the time.
        let level = if gone.is_named() { LogLevel::Info } else { LogLevel::Debug };
        context.log(level, || format!("{name} disconnected"));
        let deserted = self.proxies.remove_provider(peer, context);
        if gone.is_remote() {
            if context.peers.is_empty() && !self.proxies.has_open_sessions() {
                self.executor.drop_recurring(None, context);
            }
        } else {
            self.executor.drop_recurring(Some(peer), context);
        }
        if deserted {
            self.deserted(context);
        }
    }

    fn finished(&mut self, run: RunId, finish: Finish, context: &mut Context<'_>) {
        if let Some(finish) = self.executor.finished(run, finish, context) {
            self.alerts.finished(run, &finish, context);
            self.alert_ended(context);
        }
    }

    fn tick(&mut self, context: &mut Context<'_>) {
        while let Some(timer) = context.timers.expire(context.now.mono) {
            match timer {
                Timer::RunLimit(run) => {
                    if !self.executor.run_overdue(run, context) {
                        self.alerts.overdue(run, context);
                    }
                }
                Timer::StartDelay(key) => self.executor.start_delay_passed(key),
                Timer::Interval(key) => self.executor.interval_passed(key, context),
                Timer::DrainAlerts => self.drained(context),
            }
        }
    }
}

#[cfg(test)]
impl Server {
    pub(super) fn set_last_call(&mut self, call_id: i32) {
        self.parts.last_call = CallId(call_id);
    }
}

#[cfg(test)]
mod tests {
    use crate::core::testing::{Bench, execute};
    use crate::core::{Effect, Input, PeerId, PeerKind, RequestToken};
    use crate::model::{Request, RequestMessage};

    #[test]
    fn newcomers_are_told_to_all_other_named_clients_of_the_executor() {
        let mut bench = Bench::remoted();
        bench.provider(1);
        bench.local(2, false);
        assert_eq!(bench.connect(3, PeerKind::Remote), ["tell 1,2 new client"]);
        assert_eq!(bench.connect(4, PeerKind::Local { privileged: true }), ["tell 1,2 new client"]);
        assert_eq!(bench.proxied(5), ["tell 1 new 00000005-uuid cib_rw"], "no client of the executor");
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
