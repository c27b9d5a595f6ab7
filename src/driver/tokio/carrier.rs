// SPDX-License-Identifier: LGPL-2.1-or-later
//! Carries the hub's effects out on tokio, and gives the hub its turns.
use super::children::{self, Asked, RunHandle};
use super::clock::{instant, instant_now};
use super::connection::{EndReason, RemoteConnection};
use super::fencer::Fencer;
use super::inbox::Inbox;
use super::ipc::{LocalConnId, LocalServers};
use super::pulse::Pulse;
use super::questions::Questions;
use super::starter::{Progress, Starter};
use super::systemd::Units;
use crate::core::{Input, PeerId, RequestToken, RunId};
use crate::driver::clock::Clock;
use crate::driver::hub::{Carrier, Excess, Hub, Next};
use crate::model::{Alert, ClientId, DeviceState, Execution, KillScope, Moment, Notification, Now, Reply};
use crate::session::EncodedNotification;
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use tokio::task::{AbortHandle, yield_now};
use tokio::time::sleep_until;

/// See the module's documentation.
pub(super) struct TokioCarrier {
    pub(super) clock: Clock,
    pub(super) starter: Starter,
    pub(super) units: Units,
    pub(super) fencer: Fencer,
    pub(super) locals: LocalServers,
    /// The tasks that accept connections.
    pub(super) listeners: Vec<AbortHandle>,
    /// Called when the way out begins.
    pub(super) stopping: Option<Box<dyn FnOnce()>>,
}

/// What a run is killed by.
pub(super) enum Run {
    /// A process, or an action of a unit.
    Started(RunHandle),
    /// An action of the fencer.
    Fencer(RunId),
}

impl TokioCarrier {
    /// Ends the local servers, so that their names are free before the process is, the listeners, and starts of agents that
    /// wait.
    pub(super) fn stop(&mut self) {
        self.stop_listening();
        self.starter.close();
        self.locals.stop();
    }
}

/// Tells the hub how a run goes.
pub(super) fn report(inbox: &Inbox, clock: Clock, run: RunId, progress: Progress) {
    inbox.input(match progress {
        Progress::Waits => Input::Waits(run),
        Progress::Started(since) => Input::Started { run, since: clock.at(since) },
        Progress::Ended(result) => Input::Finished { run, result },
    });
}

impl Carrier for TokioCarrier {
    type Remote = Rc<RemoteConnection>;
    type Local = LocalConnId;
    type Encoded = EncodedNotification;
    type Run = Run;

    fn now(&self) -> Now {
        self.clock.now()
    }

    fn moment(&self) -> Moment {
        self.clock.moment()
    }

    fn new_client_id(&mut self, _: PeerId) -> ClientId {
        ClientId::new(uuid::Uuid::new_v4().to_string())
    }

    fn send_reply(&mut self, to: &Self::Remote, token: RequestToken, reply: &Reply) -> usize {
        to.send_reply(token, reply)
    }

    fn encode(notification: &Notification) -> EncodedNotification {
        EncodedNotification::new(notification)
    }

    fn send_notification(&mut self, to: &Self::Remote, notification: &EncodedNotification) -> usize {
        to.send_notification(notification)
    }

    fn flush(&mut self, remote: &Self::Remote) -> usize {
        remote.flush();
        remote.acknowledge();
        remote.queued_bytes()
    }

    fn hold(&mut self, remote: &Self::Remote, held: bool) {
        remote.hold(held);
    }

    fn close(&mut self, remote: &Self::Remote, excess: Option<Excess>) {
        remote.close(excess.map_or(EndReason::ClosedByExecutor, EndReason::Excess));
    }

    fn say_goodbye(&mut self, remote: &Self::Remote) {
        remote.say_goodbye();
    }

    fn respond(&mut self, to: &LocalConnId, id: i32, text: &str) {
        self.locals.respond(*to, id, text);
    }

    fn send_event(&mut self, to: &LocalConnId, text: &str, short: Option<&Arc<str>>) {
        self.locals.long_event(*to, text, short);
    }

    fn waiting(&self, local: &LocalConnId) -> usize {
        self.locals.waiting(*local)
    }

    fn hold_local(&mut self, local: &LocalConnId, held: bool) {
        self.locals.hold(*local, held);
    }

    fn disconnect(&mut self, local: &LocalConnId, excess: Option<Excess>) {
        if let Some(excess) = excess {
            self.locals.say_why(*local, &excess);
        }
        self.locals.close(*local);
    }

    fn accept_proxied(&mut self, accept: bool) {
        self.locals.set_accept_proxied(accept);
    }

    fn run(&mut self, run: RunId, owner: Option<PeerId>, execution: &Execution) -> Run {
        Run::Started(children::start(Asked { run, owner }, execution, &self.starter, &self.units))
    }

    fn run_alert(&mut self, run: RunId, owner: Option<PeerId>, alert: &Alert) -> Run {
        Run::Started(children::start_alert(Asked { run, owner }, alert, &self.starter))
    }

    fn fence(&mut self, run: RunId, execution: Box<Execution>, device: DeviceState) -> Run {
        self.fencer.start(run, execution, device);
        Run::Fencer(run)
    }

    fn kill(&mut self, run: &Run, scope: KillScope) {
        match run {
            Run::Started(handle) => handle.kill(scope, &self.starter),
            Run::Fencer(run) => self.fencer.give_up(*run),
        }
    }

    fn stop_listening(&mut self) {
        for listener in self.listeners.drain(..) {
            listener.abort();
        }
        if let Some(stopping) = self.stopping.take() {
            stopping();
        }
    }
}

/// Gives the hub a turn whenever something has arrived or a deadline has passed, until it has to exit; the exit code.
///
/// A task that puts something into the inbox makes this one ready, and the `LocalSet` runs it behind those that were
/// ready before: without another look at the descriptors, and after all that the same wake-up brought. After a turn that
/// has ended for its time the descriptors are looked at, and what they bring goes first. Between two turns one question is
/// answered.
pub(super) async fn serve(
    mut hub: Hub<TokioCarrier>,
    mut questions: Questions<Hub<TokioCarrier>>,
    mut pulse: Option<Pulse>,
) -> u8 {
    let clock = hub.carrier().clock;
    let mut armed = None;
    let mut timer = pin!(sleep_until(instant_now()));
    let code = loop {
        let turned = hub.turn();
        let beat = pulse.as_mut().and_then(|pulse| pulse.beat(hub.looked(), hub.core().headcount()));
        let deadline = match turned {
            Next::Exit(code) => break code,
            Next::Again => {
                questions.answer(&hub);
                yield_now().await;
                continue;
            }
            Next::Wait(deadline) => [deadline, beat].into_iter().flatten().min(),
        };
        if armed != deadline
            && let Some(deadline) = deadline
        {
            armed = Some(deadline);
            timer.as_mut().reset(instant(clock, deadline));
        }
        poll_fn(|context| {
            hub.inbox().wake(context.waker());
            if questions.poll_answer(context, &hub) || !hub.inbox().is_empty() {
                return Poll::Ready(());
            }
            if deadline.is_none() || timer.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
            armed = None;
            Poll::Ready(())
        })
        .await;
    };
    hub.leave();
    hub.carrier_mut().stop();
    code
}
