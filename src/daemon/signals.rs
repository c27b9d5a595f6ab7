// SPDX-License-Identifier: LGPL-2.1-or-later
//! What each signal means to the daemons. The driver installs the handlers for all of [`HANDLED`].

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Response {
    /// Begin an orderly shutdown: `Input::Terminate`. Again: only a log line.
    Terminate,
    /// `LogHandle::reopen`, and a log line.
    ReopenLogs,
    /// One log line; the daemon must not die of it. Administrators know these three as the flight recorder's.
    Mention,
    /// Nothing at all.
    Ignore,
}

/// Every signal that needs a handler, and what it asks for. SIGCHLD is not among them: children are awaited
/// through their pidfds. SIGPIPE is ignored by the Rust runtime from the first instruction on; agents get the
/// default back from `sys::spawn`.
pub const HANDLED: [(i32, &str, Response); 6] = [
    (libc::SIGTERM, "SIGTERM", Response::Terminate),
    (libc::SIGINT, "SIGINT", Response::Terminate),
    (libc::SIGHUP, "SIGHUP", Response::ReopenLogs),
    (libc::SIGUSR1, "SIGUSR1", Response::Mention),
    (libc::SIGUSR2, "SIGUSR2", Response::Mention),
    (libc::SIGTRAP, "SIGTRAP", Response::Mention),
];

/// What to say about a signal that is only mentioned.
pub fn mention(name: &str) -> String {
    format!("{name} has no effect: there is no flight recorder; for details set PCMK_debug and restart")
}
