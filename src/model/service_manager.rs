// SPDX-License-Identifier: LGPL-2.1-or-later
//! What a service manager says to the daemon alone, through the environment.
use std::ffi::OsStr;

/// The variables of sd_notify(3), sd_watchdog_enabled(3) and sd_listen_fds(3). Others that begin alike, such as
/// `LISTEN_PORT`, are the administrator's.
const VARIABLES: [&str; 7] = [
    "NOTIFY_SOCKET",
    "WATCHDOG_USEC",
    "WATCHDOG_PID",
    "LISTEN_FDS",
    "LISTEN_PID",
    "LISTEN_PIDFDID",
    "LISTEN_FDNAMES",
];

/// Is the variable kept from agents? One that inherited it could claim readiness for the daemon, answer for its watchdog or
/// take its sockets.
pub fn is_for_the_daemon_alone(variable: &OsStr) -> bool {
    VARIABLES.iter().any(|name| variable == *name)
}
