// SPDX-License-Identifier: LGPL-2.1-or-later
//! Local IPC clients as peers of the core: what they do becomes arrivals.
use super::bulk::{Bulk, Hold};
use super::gate::Account;
use super::inbox::Inbox;
use super::ipc::{LocalConnId, LocalHandler, LocalServer, Taken};
use super::limited::{LINES, Limited, PERIOD};
use super::reclaim;
use crate::core::{Input, PeerId, RequestToken};
use crate::driver::clock::Clock;
use crate::driver::hub::{Arrival, NewPeer};
use crate::model::{LocalIdentity, Request, RequestMessage};
use crate::wire::ipc::{IpcRequest, UnreadRequest};
use crate::wire::{codec, xml};
use log::warn;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// A client that is connected.
#[derive(Clone)]
struct Known {
    peer: PeerId,
    /// May it ask the executor for more than its sign-on?
    privileged: bool,
    /// What it has used of the time beside the loop.
    account: Account,
    /// Is nothing of it to be read for now?
    hold: Hold,
}

/// The peer of each local connection.
pub(super) struct LocalPeers {
    inbox: Inbox,
    bulk: Bulk,
    /// About messages that are none.
    lines: Rc<Limited>,
    by_connection: RefCell<BTreeMap<LocalConnId, Known>>,
}

impl LocalPeers {
    pub(super) fn new(inbox: Inbox, bulk: Bulk, clock: Clock) -> Self {
        let lines = Limited::new(clock, |count| {
            warn!(
                "{count} more messages from local clients were ignored within {PERIOD:?}; only the first {LINES} are told"
            );
        });
        Self { inbox, bulk, lines, by_connection: RefCell::default() }
    }

    /// Puts what was read into the inbox; the client waits until there is room for more.
    fn put(&self, peer: PeerId, read: Read) -> Taken {
        match deliver(&self.inbox, &self.lines, read) {
            Err(problem) => Taken::Failed(problem),
            Ok(()) if self.inbox.has_room(peer) => Taken::Done,
            Ok(()) => {
                let inbox = self.inbox.clone();
                Taken::Wait(Box::pin(async move {
                    inbox.room(peer).await;
                    Ok(())
                }))
            }
        }
    }

    /// Has a message read beside the loop.
    fn read_beside(&self, known: &Known, server: LocalServer, request: UnreadRequest) -> Taken {
        let (peer, inbox, lines) = (known.peer, self.inbox.clone(), Rc::clone(&self.lines));
        let reading = self.bulk.submit(&known.account, &known.hold, move || read(peer, server, request));
        Taken::Wait(Box::pin(async move {
            let Ok(read) = reading.await else { return Ok(()) };
            deliver(&inbox, &lines, read)?;
            inbox.room(peer).await;
            Ok(())
        }))
    }
}

/// What came of reading a message: an input, and how many bytes of text it was.
enum Read {
    Input(Input, usize),
    /// It is skipped, for this reason.
    Ignored(String),
    /// The client is useless, for this reason.
    Failed(String),
}

fn read(peer: PeerId, server: LocalServer, request: UnreadRequest) -> Read {
    let IpcRequest { id, flags, text } = match request.read() {
        Ok(request) => request,
        Err(problem) => return Read::Failed(problem.to_string()),
    };
    let input = match server {
        LocalServer::Executor => codec::decode_incoming(&text)
            .map(|decoded| {
                let token = RequestToken(id.cast_unsigned());
                Input::Request { peer, token, incoming: decoded.incoming }
            })
            .map_err(|problem| problem.to_string()),
        LocalServer::Proxied(_) => xml::check_element(&text)
            .map(|payload| Input::Proxied { peer, msg_id: id, flags, payload })
            .map_err(|problem| problem.to_string()),
    };
    match input {
        Ok(input) => Read::Input(input, text.len()),
        Err(problem) => Read::Ignored(problem),
    }
}

/// The error: why the client is to be disconnected.
fn deliver(inbox: &Inbox, lines: &Rc<Limited>, read: Read) -> Result<(), String> {
    match read {
        Read::Input(input, bytes) => inbox.message(input, bytes),
        Read::Ignored(problem) => {
            lines.warn(format_args!("Ignored a message from a local client: {problem}"))
        }
        Read::Failed(problem) => return Err(problem),
    }
    Ok(())
}

/// A request as the core is told of one that is not read: one that it refuses to such a client.
fn unread(peer: PeerId, request: &UnreadRequest) -> Read {
    let incoming = RequestMessage { client_name: None, options: 0, request: Request::ResourceInfo(None) };
    Read::Input(Input::Request { peer, token: RequestToken(request.id.cast_unsigned()), incoming }, 0)
}

impl LocalHandler for LocalPeers {
    fn connected(
        &self,
        connection: LocalConnId,
        server: LocalServer,
        privileged: bool,
        identity: LocalIdentity,
    ) {
        let peer = self.inbox.new_peer();
        let known = Known { peer, privileged, account: Account::default(), hold: Hold::default() };
        self.by_connection.borrow_mut().insert(connection, known);
        let newcomer = match server {
            LocalServer::Executor => NewPeer::Local { connection, privileged },
            LocalServer::Proxied(server) => NewPeer::Proxied { connection, server, identity },
        };
        self.inbox.put(Arrival::Joined(peer, newcomer));
    }

    fn message(&self, connection: LocalConnId, server: LocalServer, request: UnreadRequest) -> Taken {
        let known = self.by_connection.borrow();
        let Some(known) = known.get(&connection) else { return Taken::Done };
        if !request.is_large() {
            self.put(known.peer, read(known.peer, server, request))
        } else if server == LocalServer::Executor && !known.privileged {
            // All that it may ask is small: nothing of this one is decompressed or decoded.
            self.put(known.peer, unread(known.peer, &request))
        } else {
            self.read_beside(known, server, request)
        }
    }

    fn closed(&self, connection: LocalConnId) {
        let known = self.by_connection.borrow_mut().remove(&connection);
        reclaim::peer_left();
        if let Some(Known { peer, .. }) = known {
            self.inbox.put(Arrival::Left(peer));
        }
    }

    fn held(&self, connection: LocalConnId, held: bool) {
        if let Some(known) = self.by_connection.borrow().get(&connection) {
            known.hold.set(held);
        }
    }

    fn drained(&self, connection: LocalConnId) {
        if let Some(known) = self.by_connection.borrow().get(&connection) {
            self.inbox.put(Arrival::Drained(known.peer));
        }
    }
}
