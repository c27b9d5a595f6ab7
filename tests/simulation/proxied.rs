// SPDX-License-Identifier: LGPL-2.1-or-later
//! Local clients of proxied servers: they ask one thing after the other and leave.
use pcmk_remote_rs::core::PeerId;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Debug, Default)]
pub(crate) struct Session {
    /// The requests whose responses are still to come.
    pub(crate) asked: BTreeSet<i32>,
    pub(crate) last_id: i32,
    /// Has the server ordered its end?
    pub(crate) closing: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Sessions {
    pub(crate) open: BTreeMap<PeerId, Session>,
    pub(crate) answered: u64,
}

impl Sessions {
    /// The next request, if the last one has been answered.
    pub(crate) fn ask(&mut self, peer: PeerId) -> Option<i32> {
        let is_free = self.open.get(&peer).is_some_and(|session| session.asked.is_empty());
        if is_free { self.flood(peer) } else { None }
    }

    /// The next request, whether or not others have been answered.
    pub(crate) fn flood(&mut self, peer: PeerId) -> Option<i32> {
        let session = self.open.get_mut(&peer).filter(|session| !session.closing)?;
        session.last_id += 1;
        session.asked.insert(session.last_id);
        Some(session.last_id)
    }

    pub(crate) fn responded(&mut self, peer: PeerId, msg_id: i32) {
        let session = self.open.get_mut(&peer).expect("a response to a session that is gone");
        assert!(!session.closing, "a response after the end was ordered");
        assert!(session.asked.remove(&msg_id), "a response to a request that was not asked");
        self.answered += 1;
    }
}
