// SPDX-License-Identifier: LGPL-2.1-or-later
//! Local clients of proxied servers: they ask one thing after the other and leave.
use pcmk_remote_rs::core::PeerId;
use std::collections::BTreeMap;

#[derive(Debug, Default)]
pub(crate) struct Session {
    /// The request whose response is still to come.
    pub(crate) asked: Option<i32>,
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
        let session = self.open.get_mut(&peer)?;
        if session.asked.is_some() || session.closing {
            return None;
        }
        session.last_id += 1;
        session.asked = Some(session.last_id);
        session.asked
    }

    pub(crate) fn responded(&mut self, peer: PeerId, msg_id: i32) {
        let session = self.open.get_mut(&peer).expect("a response to a session that is gone");
        assert!(!session.closing, "a response after the end was ordered");
        assert_eq!(session.asked.take(), Some(msg_id), "a response to a request that was not asked");
        self.answered += 1;
    }
}
