// SPDX-License-Identifier: LGPL-2.1-or-later
//! The user that Pacemaker's daemons run as where they do not need to be root.
use crate::model::site::CLUSTER_USER;
use nix::unistd::User;
use std::sync::OnceLock;

/// Its number, which is looked up until it is found once; None: there is no such user.
pub(super) fn uid() -> Option<u32> {
    static FOUND: OnceLock<u32> = OnceLock::new();
    if let Some(uid) = FOUND.get() {
        return Some(*uid);
    }
    let uid = User::from_name(CLUSTER_USER).ok().flatten()?.uid.as_raw();
    Some(*FOUND.get_or_init(|| uid))
}
