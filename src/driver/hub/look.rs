// SPDX-License-Identifier: LGPL-2.1-or-later
//! What others may look at, between turns.
use super::inbox::Route;
use super::{Carrier, Hub};
use crate::core::{PeerId, Server};
use crate::model::Moment;

impl<C: Carrier> Hub<C> {
    /// The core, to be looked at.
    pub fn core(&self) -> &Server {
        &self.core
    }

    /// When the latest turn last looked at the clock.
    pub fn looked(&self) -> Moment {
        self.looked
    }

    /// The connection of a remote peer.
    pub fn remote(&self, peer: PeerId) -> Option<&C::Remote> {
        match self.peers.find(peer)? {
            Route::Remote(remote) => Some(remote),
            Route::Local(_) | Route::Proxied(_) | Route::Schemas => None,
        }
    }
}
