// SPDX-License-Identifier: LGPL-2.1-or-later
//! The hub's inbox, for peers as this driver connects them.
use super::connection::RemoteConnection;
use super::ipc::LocalConnId;
use crate::driver::hub;
use std::rc::Rc;

/// What every task puts into what has happened.
pub(super) type Inbox = hub::Inbox<Rc<RemoteConnection>, LocalConnId>;
