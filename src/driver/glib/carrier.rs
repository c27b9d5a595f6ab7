// SPDX-License-Identifier: LGPL-2.1-or-later
//! Carries the hub's effects out in GLib's loop.
use super::children::{Children, RunHandle};
use crate::core::{Input, PeerId, RequestToken, RunId};
use crate::driver::clock::Clock;
use crate::driver::hub::{Carrier, Excess, Inbox};
use crate::model::{
    Alert, ClientId, DeviceState, Execution, KillScope, Moment, Notification, Now, Reply, RunResult,
};
use std::sync::Arc;

/// Who the executor talks to: its peers and the fencer, which belong to the program around it.
///
/// What is said of [`Carrier`] holds for the methods of the same names: none waits, and none calls the executor; what
/// comes of it is put into the inbox.
pub trait Outside {
    /// A connection of a remote peer.
    type Remote;
    /// A connection of a local client.
    type Local;
    /// A notification as all remote peers are sent it.
    type Encoded;

    /// See [`Carrier::new_client_id`].
    fn new_client_id(&mut self, peer: PeerId) -> ClientId;
    /// See [`Carrier::send_reply`].
    fn send_reply(&mut self, to: &Self::Remote, token: RequestToken, reply: &Reply) -> usize;
    /// See [`Carrier::encode`].
    fn encode(notification: &Notification) -> Self::Encoded;
    /// See [`Carrier::send_notification`].
    fn send_notification(&mut self, to: &Self::Remote, notification: &Self::Encoded) -> usize;
    /// See [`Carrier::flush`].
    fn flush(&mut self, remote: &Self::Remote) -> usize;
    /// See [`Carrier::hold`].
    fn hold(&mut self, remote: &Self::Remote, held: bool);
    /// See [`Carrier::close`].
    fn close(&mut self, remote: &Self::Remote, excess: Option<Excess>);
    /// See [`Carrier::say_goodbye`].
    fn say_goodbye(&mut self, remote: &Self::Remote);
    /// See [`Carrier::respond`].
    fn respond(&mut self, to: &Self::Local, id: i32, text: &str);
    /// See [`Carrier::send_event`].
    fn send_event(&mut self, to: &Self::Local, text: &str, short: Option<&Arc<str>>);
    /// See [`Carrier::waiting`].
    fn waiting(&self, local: &Self::Local) -> usize;
    /// See [`Carrier::hold_local`].
    fn hold_local(&mut self, local: &Self::Local, held: bool);
    /// See [`Carrier::disconnect`].
    fn disconnect(&mut self, local: &Self::Local, excess: Option<Excess>);
    /// See [`Carrier::accept_proxied`].
    fn accept_proxied(&mut self, accept: bool);
    /// See [`Carrier::fence`].
    fn fence(&mut self, run: RunId, execution: Box<Execution>, device: DeviceState);
    /// Gives up an action of the fencer's. Its end is still reported.
    fn give_up(&mut self, run: RunId);
    /// See [`Carrier::stop_listening`].
    fn stop_listening(&mut self);
}

/// What a run is killed by.
pub enum Run {
    /// A process.
    Started(RunHandle),
    /// An action of the fencer.
    Fencer(RunId),
}

/// See the module's documentation.
pub struct GlibCarrier<O: Outside> {
    clock: Clock,
    inbox: Inbox<O::Remote, O::Local>,
    children: Children,
    outside: O,
}

impl<O: Outside> GlibCarrier<O> {
    pub(super) fn new(
        clock: Clock,
        inbox: Inbox<O::Remote, O::Local>,
        children: Children,
        outside: O,
    ) -> Self {
        Self { clock, inbox, children, outside }
    }

    /// Who the executor talks to.
    pub fn outside(&self) -> &O {
        &self.outside
    }

    /// What is called with a run's result.
    fn done(&self, run: RunId) -> impl FnOnce(RunResult) + 'static
    where
        O: 'static,
    {
        let inbox = self.inbox.clone();
        move |result| inbox.input(Input::Finished { run, result })
    }
}

impl<O: Outside + 'static> Carrier for GlibCarrier<O> {
    type Remote = O::Remote;
    type Local = O::Local;
    type Encoded = O::Encoded;
    type Run = Run;

    fn now(&self) -> Now {
        self.clock.now()
    }

    fn moment(&self) -> Moment {
        self.clock.moment()
    }

    fn new_client_id(&mut self, peer: PeerId) -> ClientId {
        self.outside.new_client_id(peer)
    }

    fn send_reply(&mut self, to: &O::Remote, token: RequestToken, reply: &Reply) -> usize {
        self.outside.send_reply(to, token, reply)
    }

    fn encode(notification: &Notification) -> O::Encoded {
        O::encode(notification)
    }

    fn send_notification(&mut self, to: &O::Remote, notification: &O::Encoded) -> usize {
        self.outside.send_notification(to, notification)
    }

    fn flush(&mut self, remote: &O::Remote) -> usize {
        self.outside.flush(remote)
    }

    fn hold(&mut self, remote: &O::Remote, held: bool) {
        self.outside.hold(remote, held);
    }

    fn close(&mut self, remote: &O::Remote, excess: Option<Excess>) {
        self.outside.close(remote, excess);
    }

    fn say_goodbye(&mut self, remote: &O::Remote) {
        self.outside.say_goodbye(remote);
    }

    fn respond(&mut self, to: &O::Local, id: i32, text: &str) {
        self.outside.respond(to, id, text);
    }

    fn send_event(&mut self, to: &O::Local, text: &str, short: Option<&Arc<str>>) {
        self.outside.send_event(to, text, short);
    }

    fn waiting(&self, local: &O::Local) -> usize {
        self.outside.waiting(local)
    }

    fn hold_local(&mut self, local: &O::Local, held: bool) {
        self.outside.hold_local(local, held);
    }

    fn disconnect(&mut self, local: &O::Local, excess: Option<Excess>) {
        self.outside.disconnect(local, excess);
    }

    fn accept_proxied(&mut self, accept: bool) {
        self.outside.accept_proxied(accept);
    }

    fn run(&mut self, run: RunId, owner: Option<PeerId>, execution: &Execution) -> Run {
        Run::Started(self.children.agent(owner, execution, self.done(run)))
    }

    fn run_alert(&mut self, run: RunId, owner: Option<PeerId>, alert: &Alert) -> Run {
        Run::Started(self.children.alert(owner, alert, self.done(run)))
    }

    fn fence(&mut self, run: RunId, execution: Box<Execution>, device: DeviceState) -> Run {
        self.outside.fence(run, execution, device);
        Run::Fencer(run)
    }

    fn kill(&mut self, run: &Run, scope: KillScope) {
        match run {
            Run::Started(handle) => self.children.kill(handle, scope),
            Run::Fencer(run) => self.outside.give_up(*run),
        }
    }

    fn stop_listening(&mut self) {
        self.outside.stop_listening();
    }
}
