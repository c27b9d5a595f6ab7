// SPDX-License-Identifier: LGPL-2.1-or-later
//! Which of the two programs this is. Upstream decides that when it compiles; one library serves both, so it is who the
//! neighbours are that tells.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::sys::neighbours::{Name, is_foreign};

/// What the program has itself if it is a remote daemon and not all of these objects are the library's.
const OF_A_REMOTE_DAEMON: [Name; 6] = [
    Name::ipc_proxy_init,
    Name::ipc_proxy_add_provider,
    Name::ipc_proxy_forward_client,
    Name::lrmd_init_remote_tls_server,
    Name::remoted_spawn_pidone,
    Name::remoted_request_cib_schema_files,
];

/// Has a function been called that only a remote daemon calls?
static CALLED: AtomicBool = AtomicBool::new(false);

/// Such a function was called.
pub(super) fn is_remote_daemon_from_now_on() {
    CALLED.store(true, Ordering::Relaxed);
}

/// Is this the daemon of a remote node, which has proxied clients and no fencer? Settled before the first client can
/// connect.
pub(super) fn is_remote_daemon() -> bool {
    CALLED.load(Ordering::Relaxed) || OF_A_REMOTE_DAEMON.into_iter().any(is_foreign)
}
