// SPDX-License-Identifier: LGPL-2.1-or-later
//! Carries the hub's effects out: into sessions and the ledger.
use super::client_name;
use super::ledger::Ledger;
use pcmk_remote_rs::core::{PeerId, RequestToken, RunId};
use pcmk_remote_rs::driver::hub::{Carrier, Excess, Hooks};
use pcmk_remote_rs::model::{
    Alert, ClientId, DeviceState, Execution, KillScope, Moment, Notification, Now, Reply, ResourceId,
};
use pcmk_remote_rs::session::{EncodedNotification, SchemaFile, ServerSession};
use pcmk_remote_rs::wire::xml::check_element;
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// A remote peer's connection on the server's side.
pub(super) struct Remote {
    pub(super) peer: PeerId,
    pub(super) session: RefCell<ServerSession>,
}

const LOOKS_IN_A_MS: u64 = 8;

#[derive(Default)]
pub(super) struct Around {
    pub(super) now_ms: Cell<u64>,
    /// Looks at the clock within turns.
    looks: Cell<u64>,
    pub(super) ledger: Ledger,
    /// Clients of the executor's own server; the other local ones are of proxied servers.
    pub(super) executor_clients: BTreeSet<PeerId>,
    /// Runs that were killed, whose end is to come.
    pub(super) killed: Vec<RunId>,
    /// Peers whose end was ordered.
    pub(super) ended: Vec<PeerId>,
}

impl Around {
    fn starts(&mut self, run: RunId, resource_id: Option<&ResourceId>) -> RunId {
        self.ledger.starts(run, resource_id);
        run
    }

    fn close_peer(&mut self, peer: PeerId) {
        self.ledger.closing(peer);
        self.ended.push(peer);
    }
}

impl Carrier for Around {
    type Remote = Rc<Remote>;
    type Local = PeerId;
    type Encoded = EncodedNotification;
    type Run = RunId;

    fn now(&self) -> Now {
        let now_ms = self.now_ms.get();
        Now { mono: Moment::new(Duration::from_millis(now_ms)), epoch_s: 1_000_000 + now_ms / 1000 }
    }

    /// Time passes while the hub works, so that some turns end before everything is done.
    fn moment(&self) -> Moment {
        self.looks.set(self.looks.get() + 1);
        if self.looks.get().is_multiple_of(LOOKS_IN_A_MS) {
            self.now_ms.set(self.now_ms.get() + 1);
        }
        self.now().mono
    }

    fn new_client_id(&mut self, peer: PeerId) -> ClientId {
        ClientId::new(client_name(peer.0))
    }

    fn send_reply(&mut self, to: &Rc<Remote>, token: RequestToken, reply: &Reply) -> usize {
        self.ledger.answered(to.peer, token.0);
        let mut session = to.session.borrow_mut();
        session.send_reply(token, reply);
        session.queued_bytes()
    }

    fn encode(notification: &Notification) -> EncodedNotification {
        EncodedNotification::new(notification)
    }

    fn send_notification(&mut self, to: &Rc<Remote>, notification: &EncodedNotification) -> usize {
        self.ledger.is_there(to.peer);
        let mut session = to.session.borrow_mut();
        session.send_notification(notification);
        session.queued_bytes()
    }

    /// The socket takes everything. The world reads it after the turn.
    fn flush(&mut self, remote: &Rc<Remote>) -> usize {
        self.ledger.is_there(remote.peer);
        0
    }

    fn hold(&mut self, _: &Rc<Remote>, _: bool) {}

    fn close(&mut self, remote: &Rc<Remote>, _: Option<Excess>) {
        self.close_peer(remote.peer);
    }

    fn say_goodbye(&mut self, remote: &Rc<Remote>) {
        remote.session.borrow_mut().close();
    }

    fn respond(&mut self, to: &PeerId, id: i32, text: &str) {
        self.ledger.is_there(*to);
        check_element(text).expect("we send elements");
        if self.executor_clients.contains(to) {
            self.ledger.answered(*to, id.cast_unsigned());
        }
    }

    fn send_event(&mut self, to: &PeerId, text: &str, _: Option<&Arc<str>>) {
        self.ledger.is_there(*to);
        check_element(text).expect("we send elements");
    }

    fn waiting(&self, _: &PeerId) -> usize {
        0
    }

    fn hold_local(&mut self, _: &PeerId, _: bool) {}

    fn disconnect(&mut self, local: &PeerId, _: Option<Excess>) {
        self.close_peer(*local);
    }

    fn accept_proxied(&mut self, _: bool) {}

    fn run(&mut self, run: RunId, _: Option<PeerId>, execution: &Execution) -> RunId {
        self.starts(run, Some(&execution.resource_id))
    }

    fn run_alert(&mut self, run: RunId, _: Option<PeerId>, _: &Alert) -> RunId {
        self.starts(run, None)
    }

    fn fence(&mut self, run: RunId, execution: Box<Execution>, _: DeviceState) -> RunId {
        self.starts(run, Some(&execution.resource_id))
    }

    fn kill(&mut self, run: &RunId, _: KillScope) {
        self.killed.push(*run);
    }

    fn stop_listening(&mut self) {}
}

/// A node with schemas and a watchdog.
pub(super) struct Node;

impl Hooks for Node {
    fn watchdog_fits(&self, _: Option<&str>) -> Result<(), String> {
        Ok(())
    }

    fn prepare_schemas(&self) -> Result<String, String> {
        Ok("pacemaker-3.9".into())
    }

    fn keep_schemas(&self, files: &[SchemaFile]) -> Result<(), String> {
        assert!(files.iter().all(|file| !file.name.contains('/')));
        Ok(())
    }
}
