// SPDX-License-Identifier: LGPL-2.1-or-later
//! What a hub needs of the loop that it lives in.
use super::ledger::Excess;
use crate::core::{PeerId, RequestToken, RunId};
use crate::model::{Alert, ClientId, DeviceState, Execution, KillScope, Moment, Notification, Now, Reply};
use std::sync::Arc;

/// Carries effects out, for one kind of loop.
///
/// No method waits, and none calls back into the hub: whatever comes of it, at once or later, is put into the
/// [`Inbox`](super::Inbox). That also holds where a library calls back while it is called, as libqb does when it evicts a
/// client that is being sent to.
pub trait Carrier {
    /// A connection of a remote peer, as far as the hub uses it.
    type Remote;
    /// A connection of a local client.
    type Local;
    /// A notification as all remote peers are sent it.
    type Encoded;
    /// What a run is killed by. Dropping it changes nothing.
    type Run;

    /// What the clocks show.
    fn now(&self) -> Now;

    /// What the monotonic clock shows. Asked more often.
    fn moment(&self) -> Moment {
        self.now().mono
    }

    /// An identity that no client has had, for `peer`.
    fn new_client_id(&mut self, peer: PeerId) -> ClientId;

    /// Queues the reply to a remote peer's request; how many bytes wait for the peer then.
    fn send_reply(&mut self, to: &Self::Remote, token: RequestToken, reply: &Reply) -> usize;

    /// Encodes a notification, once for all remote peers.
    fn encode(notification: &Notification) -> Self::Encoded;

    /// Queues a notification for a remote peer; how many bytes wait for the peer then.
    fn send_notification(&mut self, to: &Self::Remote, notification: &Self::Encoded) -> usize;

    /// Sends what is queued for a remote peer, as far as its socket takes it; how many bytes wait then. The carrier
    /// sees to these, and puts [`Arrival::Drained`](super::Arrival::Drained) whenever some are taken. Called once a
    /// turn for each peer that has sent something or that something was queued for, and when much was.
    fn flush(&mut self, remote: &Self::Remote) -> usize;

    /// Reads nothing more from a remote peer, or reads again. What it had read is still put into the inbox.
    fn hold(&mut self, remote: &Self::Remote, held: bool);

    /// Ends a remote peer's connection, because the core has ordered it or because of an excess;
    /// [`Arrival::Left`](super::Arrival::Left) follows later.
    fn close(&mut self, remote: &Self::Remote, excess: Option<Excess>);

    /// Ends the TLS session with a remote peer behind what is queued, as far as its socket takes it at once. The hub
    /// does not use the connection afterwards.
    fn say_goodbye(&mut self, remote: &Self::Remote);

    /// Sends a local client the response to its request `id`.
    fn respond(&mut self, to: &Self::Local, id: i32, text: &str);

    /// Sends a local client an event, or its shorter form where the client cannot receive the whole.
    fn send_event(&mut self, to: &Self::Local, text: &str, short: Option<&Arc<str>>);

    /// How much waits for a local client, in bytes; [`Arrival::Drained`](super::Arrival::Drained) comes when it has
    /// taken some.
    fn waiting(&self, local: &Self::Local) -> usize;

    /// Takes nothing more from a local client, or takes again. Those that are taken from again go on in the order in
    /// which they came, one message each.
    fn hold_local(&mut self, local: &Self::Local, held: bool);

    /// Disconnects a local client, because the core has ordered it or because of an excess;
    /// [`Arrival::Left`](super::Arrival::Left) follows later.
    fn disconnect(&mut self, local: &Self::Local, excess: Option<Excess>);

    /// From now on accepts local clients of proxied servers, or refuses them.
    fn accept_proxied(&mut self, accept: bool);

    /// Starts an agent, for this client if it is known. Exactly one `Input::Finished` follows. Where the start has to wait, `Input::Waits` comes before
    /// anything else of the run, and `Input::Started` when it is done.
    fn run(&mut self, run: RunId, owner: Option<PeerId>, execution: &Execution) -> Self::Run;

    /// Starts an alert. The same follows.
    fn run_alert(&mut self, run: RunId, owner: Option<PeerId>, alert: &Alert) -> Self::Run;

    /// Hands an action of a fence device to the fencer. Exactly one `Input::Finished` follows.
    fn fence(&mut self, run: RunId, execution: Box<Execution>, device: DeviceState) -> Self::Run;

    /// Kills a run whose end the hub has not seen; `Input::Finished` still follows.
    fn kill(&mut self, run: &Self::Run, scope: KillScope);

    /// Takes no further connections. Called again, it changes nothing.
    fn stop_listening(&mut self);
}
