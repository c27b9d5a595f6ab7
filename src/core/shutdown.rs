// SPDX-License-Identifier: LGPL-2.1-or-later
//! The way out: ask the cluster to move its resources away, wait for it to leave, let alerts finish, exit.
use super::context::Context;
use super::server::Parts;
use super::timers::Timer;
use super::{Effect, LogLevel};
use crate::model::{Notification, ProxyNotice};

/// How far the daemon is on its way out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Phase {
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

impl Phase {
    /// Are clients still served?
    pub(super) const fn serves(self) -> bool {
        matches!(self, Self::Serving | Self::Asked)
    }
}

impl Parts {
    /// SIGTERM.
    pub(super) fn terminate(&mut self, context: &mut Context<'_>) {
        if self.phase != Phase::Serving {
            context.log(LogLevel::Notice, || "already shutting down".to_owned());
            return;
        }
        let Some(provider) = self.proxies.newest_provider() else {
            context.log(LogLevel::Notice, || "shutting down: no cluster node is connected".to_owned());
            self.leave(context);
            return;
        };
        self.phase = Phase::Asked;
        let name = context.peers.describe(provider);
        context.log(LogLevel::Notice, || format!("shutting down: asked {name} to move resources away"));
        context.notify(vec![provider], Notification::Proxy(ProxyNotice::ShutdownRequest));
        context.emit(Effect::StopListening);
    }

    /// The cluster has heard us.
    pub(super) fn shutdown_acknowledged(&self, context: &mut Context<'_>) {
        match self.phase {
            Phase::Asked => context.log(LogLevel::Info, || {
                "the cluster moves resources away; waiting for it to disconnect".to_owned()
            }),
            _ => context.log(LogLevel::Debug, || "stray shutdown acknowledgement ignored".to_owned()),
        }
    }

    /// The cluster does not move anything: it manages nothing here.
    pub(super) fn shutdown_denied(&mut self, context: &mut Context<'_>) {
        match self.phase {
            Phase::Asked => {
                context.log(LogLevel::Notice, || {
                    "the cluster does not manage this node now: leaving without delay".to_owned()
                });
                self.leave(context);
            }
            _ => context.log(LogLevel::Debug, || "stray shutdown rejection ignored".to_owned()),
        }
    }

    /// The last provider is gone.
    pub(super) fn deserted(&mut self, context: &mut Context<'_>) {
        if self.phase == Phase::Asked {
            context.log(LogLevel::Notice, || "the cluster has left: exiting".to_owned());
            self.leave(context);
        }
    }

    /// Ends everything but alerts, and exits as soon as these have ended too. Nobody is told.
    pub(super) fn leave(&mut self, context: &mut Context<'_>) {
        self.executor.abandon(context);
        if !self.alerts.are_running() {
            self.exit(context);
            return;
        }
        self.phase = Phase::Draining;
        context.emit(Effect::StopListening);
        for peer in context.peers.ids().chain(self.proxies.session_peers()).collect::<Vec<_>>() {
            context.emit(Effect::Close(peer));
        }
        let until = self.alerts.drain_until(context.now.mono);
        context.timers.set(Timer::DrainAlerts, until);
    }

    /// An alert ended: was it the one that we waited for?
    pub(super) fn alert_ended(&mut self, context: &mut Context<'_>) {
        if self.phase == Phase::Draining && !self.alerts.are_running() {
            context.timers.clear(Timer::DrainAlerts);
            self.exit(context);
        }
    }

    /// The alerts had their time.
    pub(super) fn drained(&mut self, context: &mut Context<'_>) {
        if self.phase == Phase::Draining {
            context.log(LogLevel::Warning, || "exiting while alerts still run".to_owned());
            self.exit(context);
        }
    }

    fn exit(&mut self, context: &mut Context<'_>) {
        self.phase = Phase::Over;
        context.emit(Effect::Exit);
    }
}
