// SPDX-License-Identifier: LGPL-2.1-or-later
//! The numbers by which the core knows the program's clients. Of those that leave, the program says so of some only; the
//! others are forgotten when there are many.
use crate::core::PeerId;
use crate::model::ClientId;
use std::collections::BTreeMap;

/// So many are kept before it is looked who is gone.
const FEW: usize = 64;

/// See the module's documentation.
#[derive(Debug)]
pub(super) struct Clients {
    peers: BTreeMap<String, PeerId>,
    last: u64,
    /// At this size it is looked who is gone.
    full: usize,
}

impl Default for Clients {
    fn default() -> Self {
        Self { peers: BTreeMap::new(), last: 0, full: FEW }
    }
}

impl Clients {
    /// The number of a client, which it keeps while it is known.
    pub(super) fn peer(&mut self, client: &ClientId) -> PeerId {
        if let Some(peer) = self.known(client) {
            return peer;
        }
        self.last += 1;
        self.peers.insert(client.as_str().to_owned(), PeerId(self.last));
        PeerId(self.last)
    }

    /// The number of a client that has one.
    pub(super) fn known(&self, client: &ClientId) -> Option<PeerId> {
        self.peers.get(client.as_str()).copied()
    }

    /// Forgets who is gone, if there are many; their numbers, which are not used again.
    pub(super) fn forget_unless(&mut self, is_there: impl Fn(&ClientId) -> bool) -> Vec<PeerId> {
        if self.peers.len() < self.full {
            return Vec::new();
        }
        let mut gone = Vec::new();
        self.peers.retain(|client, peer| {
            let stays = is_there(&ClientId::new(client.as_str()));
            if !stays {
                gone.push(*peer);
            }
            stays
        });
        self.full = (2 * self.peers.len()).max(FEW);
        gone
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_kept_while_its_client_is_there_and_never_used_again() {
        let mut clients = Clients::default();
        let id = |number: usize| ClientId::new(format!("client {number}"));
        let first = clients.peer(&id(0));
        for number in 1..FEW {
            clients.peer(&id(number));
        }
        assert_eq!(clients.peer(&id(0)), first);
        let gone = clients.forget_unless(|client| *client == id(0));
        assert_eq!((gone.len(), clients.known(&id(1))), (FEW - 1, None));
        assert_eq!(clients.peer(&id(0)), first);
        assert!(!gone.contains(&clients.peer(&id(1))));
        assert!(clients.forget_unless(|_| false).is_empty(), "they are few");
    }
}
