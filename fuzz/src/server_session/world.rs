// SPDX-License-Identifier: LGPL-2.1-or-later
//! The hub, its peers, and the clock.
use super::super::requests::Ask;
use super::super::tls_ends::{Contexts, RawEnd, text_frame};
use super::Step;
use super::carrier::{Around, Node, Remote};
use pcmk_remote_rs::core::{DaemonKind, Input, PeerId, RequestToken, Server, Settings};
use pcmk_remote_rs::driver::hub::{Arrival, Carrier, Hub, Inbox, NewPeer, Next};
use pcmk_remote_rs::model::{ExecStatus, LocalIdentity, OcfExit, Outcome, ProxiedServer, RunResult};
use pcmk_remote_rs::session::{ServerEvent, ServerSession};
use pcmk_remote_rs::sys::tls::Stream;
use pcmk_remote_rs::wire::codec::{self, Envelope};
use pcmk_remote_rs::wire::xml::{check_element, read_strictly};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

const MOST_REMOTES: usize = 3;
const MOST_LOCALS: usize = 6;
/// Operations that recur every millisecond would go on for ever.
const MOST_DEADLINES: usize = 300;
/// More turns in a row than what can be waiting asks for.
const MOST_TURNS: u32 = 100_000;

/// One end of a connection that we made, and what it is connected to.
struct Client {
    raw: RawEnd,
    remote: Rc<Remote>,
    joined: bool,
    reads: bool,
}

pub(super) struct World {
    hub: Hub<Around>,
    inbox: Inbox<Rc<Remote>, PeerId>,
    clients: BTreeMap<PeerId, Client>,
    locals: Vec<PeerId>,
    /// The hub is told of their end at its next turn, behind what they have sent.
    going: Vec<PeerId>,
    deadlines: usize,
    exited: bool,
}

impl World {
    pub(super) fn new(is_execd: bool) -> Self {
        let daemon = if is_execd { DaemonKind::Execd } else { DaemonKind::Remoted };
        let settings = Settings { daemon, node_start_state: None, parameter_memory: None };
        let (inbox, around) = (Inbox::default(), Around::default());
        let server = Server::new(settings, around.now());
        let hub = Hub::new(server, around, inbox.clone(), Box::new(Node));
        let mut world = Self {
            hub,
            inbox,
            clients: BTreeMap::new(),
            locals: Vec::new(),
            going: Vec::new(),
            deadlines: 0,
            exited: false,
        };
        world.connect();
        world
    }

    fn around(&mut self) -> &mut Around {
        self.hub.carrier_mut()
    }

    pub(super) fn happens(&mut self, step: &Step<'_>) {
        match step {
            Step::Connect => self.connect(),
            Step::ConnectLocal { privileged } => self.connect_local(*privileged),
            Step::ConnectProxied { server } => self.connect_proxied(*server),
            Step::Ask { peer, ask, msg_id, piece } => {
                let text = ask.text(Envelope::Tls { msg_id: u32::from(*msg_id) });
                self.with_client(*peer, *piece, |raw| raw.send(&text_frame(&text)));
            }
            Step::Send { peer, bytes, piece } => {
                self.with_client(*peer, *piece, |raw| raw.send_bytes(bytes));
            }
            Step::Local { peer, ask, msg_id } => self.local_asks(*peer, ask, *msg_id),
            Step::LocalText { peer, text, msg_id } => self.local_says(*peer, text, *msg_id),
            Step::Leave(peer) => self.leave(*peer),
            Step::Stall(peer) => {
                if let Some((_, client)) = nth(&mut self.clients, *peer) {
                    client.reads = !client.reads;
                }
            }
            Step::Ends { run, exit } => self.run_ends(*run, *exit),
            Step::Pass(ms) => self.pass(u64::from(*ms)),
            Step::FencerLost => self.inbox.input(Input::FencerLost { result: result(1) }),
            Step::Terminate => self.inbox.input(Input::Terminate),
        }
        self.settle();
    }

    fn connect(&mut self) {
        if self.clients.len() >= MOST_REMOTES {
            return;
        }
        let contexts = Contexts::cheap();
        let peer = self.inbox.new_peer();
        let session = RefCell::new(ServerSession::new(&contexts.server));
        let raw = RawEnd::new(Stream::client(&contexts.client).expect("a stream"));
        let remote = Rc::new(Remote { peer, session });
        self.clients.insert(peer, Client { raw, remote, joined: false, reads: true });
        // The handshake, in pieces that end within records.
        for _ in 0..3 {
            self.take_output(peer);
            self.deliver(peer, 100);
        }
    }

    fn connect_local(&mut self, privileged: bool) {
        if self.locals.len() < MOST_LOCALS {
            let peer = self.inbox.new_peer();
            self.around().executor_clients.insert(peer);
            self.join_local(peer, NewPeer::Local { connection: peer, privileged });
        }
    }

    fn connect_proxied(&mut self, server: u8) {
        if self.locals.len() < MOST_LOCALS {
            let peer = self.inbox.new_peer();
            let servers =
                [ProxiedServer::CibRo, ProxiedServer::CibRw, ProxiedServer::Attrd, ProxiedServer::Fencer];
            let server = servers[usize::from(server % 4)];
            let identity = LocalIdentity { pid: 77, user: "root".into() };
            self.join_local(peer, NewPeer::Proxied { connection: peer, server, identity });
        }
    }

    fn join_local(&mut self, peer: PeerId, newcomer: NewPeer<Rc<Remote>, PeerId>) {
        self.locals.push(peer);
        self.around().ledger.joined(peer);
        self.inbox.put(Arrival::Joined(peer, newcomer));
    }

    fn with_client(&mut self, number: u8, piece: u8, send: impl FnOnce(&mut RawEnd)) {
        let Some((peer, client)) = nth(&mut self.clients, number) else { return };
        send(&mut client.raw);
        self.deliver(peer, piece);
    }

    fn deliver(&mut self, peer: PeerId, piece: u8) {
        let Some(client) = self.clients.get_mut(&peer) else { return };
        let mut pieces = Vec::new();
        client.raw.deliver(piece, |bytes| pieces.push(bytes.to_vec()));
        for bytes in pieces {
            let Some(client) = self.clients.get(&peer) else { return };
            client.remote.session.borrow_mut().receive(&bytes);
            self.server_reads(peer);
        }
    }

    /// Takes what the session made of the bytes, as the task of a connection does.
    fn server_reads(&mut self, peer: PeerId) {
        while let Some(client) = self.clients.get_mut(&peer) {
            let remote = Rc::clone(&client.remote);
            let event = remote.session.borrow_mut().next_event();
            match event {
                None => return,
                Some(ServerEvent::Handshaken { .. }) => {
                    client.joined = true;
                    self.around().ledger.joined(peer);
                    self.inbox.put(Arrival::Joined(peer, NewPeer::Remote(remote)));
                }
                Some(ServerEvent::Message { token, incoming }) => {
                    let bytes = remote.session.borrow().message_bytes();
                    self.around().ledger.asked(peer, token.0, &incoming.request);
                    self.inbox.message(Input::Request { peer, token, incoming }, bytes);
                }
                Some(ServerEvent::Undecodable(reason) | ServerEvent::Unsendable(reason)) => {
                    assert!(!reason.is_empty());
                }
                Some(ServerEvent::Closed | ServerEvent::Failed(_)) => return self.remote_left(peer),
            }
        }
    }

    fn remote_left(&mut self, peer: PeerId) {
        if self.clients.remove(&peer).is_some_and(|client| client.joined) {
            self.left(peer);
        }
    }

    fn left(&mut self, peer: PeerId) {
        self.going.push(peer);
        self.inbox.put(Arrival::Left(peer));
    }

    fn leave(&mut self, number: u8) {
        if number.is_multiple_of(2) {
            if let Some((peer, _)) = nth(&mut self.clients, number / 2) {
                self.remote_left(peer);
            }
        } else if !self.locals.is_empty() {
            let peer = self.locals.remove(usize::from(number / 2) % self.locals.len());
            self.left(peer);
        }
    }

    fn local(&self, number: u8) -> Option<PeerId> {
        self.locals.get(usize::from(number) % self.locals.len().max(1)).copied()
    }

    fn local_asks(&mut self, number: u8, ask: &Ask<'_>, msg_id: u8) {
        self.local_says(number, &ask.text(Envelope::Local), msg_id);
    }

    fn local_says(&mut self, number: u8, text: &str, msg_id: u8) {
        let Some(peer) = self.local(number) else { return };
        if !self.around().executor_clients.contains(&peer) {
            let Ok(payload) = check_element(text) else { return };
            return self.inbox.input(Input::Proxied {
                peer,
                msg_id: i32::from(msg_id),
                flags: 0x200,
                payload,
            });
        }
        let Ok(decoded) = codec::decode_incoming(text) else { return };
        let (token, incoming) = (RequestToken(u32::from(msg_id)), decoded.incoming);
        self.around().ledger.asked(peer, token.0, &incoming.request);
        self.inbox.message(Input::Request { peer, token, incoming }, text.len());
    }

    fn run_ends(&mut self, number: u8, exit: u8) {
        let around = self.around();
        if let Some(run) = around.ledger.run(usize::from(number)) {
            around.ledger.ends(run);
            self.inbox.input(Input::Finished { run, result: result(exit) });
        }
    }

    /// The clock goes on, from one deadline to the next.
    fn pass(&mut self, ms: u64) {
        let end = self.around().now_ms.get() + ms;
        while self.deadlines < MOST_DEADLINES {
            self.deadlines += 1;
            let deadline = self.hub.next_deadline().map(|at| at.since_origin().as_millis());
            let Some(next) = deadline.and_then(|at| u64::try_from(at).ok()).filter(|at| *at <= end) else {
                break;
            };
            self.advance(next);
            self.settle();
        }
        self.advance(end);
    }

    fn advance(&mut self, to_ms: u64) {
        let now_ms = &self.around().now_ms;
        now_ms.set(now_ms.get().max(to_ms));
    }

    /// Turns of the hub until it waits for something to come; false: it has exited.
    fn turns(&mut self) -> bool {
        for _ in 0..MOST_TURNS {
            match self.hub.turn() {
                Next::Exit(code) => {
                    assert_eq!(code, 0);
                    self.hub.leave();
                    return false;
                }
                Next::Wait(deadline) if deadline.is_none_or(|at| at > self.around().now().mono) => {
                    return true;
                }
                Next::Wait(_) | Next::Again => {}
            }
        }
        panic!("the hub does not come to its end");
    }

    /// Turns of the hub until nothing comes of them.
    fn settle(&mut self) {
        while !self.exited {
            if !self.turns() {
                self.exited = true;
                return;
            }
            assert!(self.inbox.is_empty());
            self.around().ledger.nothing_is_open();
            for peer in std::mem::take(&mut self.going) {
                self.around().ledger.gone(peer);
            }
            for peer in self.clients.keys().copied().collect::<Vec<_>>() {
                self.take_output(peer);
            }
            if !self.follow_orders() {
                return;
            }
        }
    }

    /// Killed runs end, and peers whose end was ordered are gone; was there one?
    fn follow_orders(&mut self) -> bool {
        let around = self.around();
        let (killed, ended) = (std::mem::take(&mut around.killed), std::mem::take(&mut around.ended));
        let is_busy = !killed.is_empty() || !ended.is_empty();
        for run in killed {
            if self.around().ledger.ends(run) {
                let result = RunResult { signal: Some(9), ..result(1) };
                self.inbox.input(Input::Finished { run, result });
            }
        }
        for peer in ended {
            self.locals.retain(|local| *local != peer);
            self.clients.remove(&peer);
            self.left(peer);
        }
        is_busy
    }

    /// What the server sends can be read by the strictest of peers.
    fn take_output(&mut self, peer: PeerId) {
        let Some(client) = self.clients.get_mut(&peer).filter(|client| client.reads) else { return };
        let mut session = client.remote.session.borrow_mut();
        let output = session.output().to_vec();
        session.sent(output.len());
        for text in client.raw.receive(&output) {
            read_strictly(&text).expect("we write valid XML");
            codec::decode_from_server(&text).expect("we send messages");
        }
    }

    /// All runs end and all peers leave.
    pub(super) fn end(&mut self) {
        self.pass(60_000);
        while !self.clients.is_empty() || !self.locals.is_empty() {
            self.leave(0);
            self.leave(1);
            self.settle();
        }
        for _ in 0..1000 {
            if self.exited || self.around().ledger.run(0).is_none() {
                return;
            }
            self.run_ends(0, 0);
            self.settle();
        }
        panic!("runs follow each other without end");
    }
}

fn nth(clients: &mut BTreeMap<PeerId, Client>, number: u8) -> Option<(PeerId, &mut Client)> {
    let count = clients.len().max(1);
    clients.iter_mut().nth(usize::from(number) % count).map(|(peer, client)| (*peer, client))
}

fn result(exit: u8) -> RunResult {
    let unprepared = exit % 16 == 12;
    let exit = [0, 0, 1, 7, 5, 193, 9, 2][usize::from(exit % 8)];
    RunResult { unprepared, ..RunResult::new(Outcome::new(OcfExit(exit), ExecStatus::Done), Some(exit)) }
}
