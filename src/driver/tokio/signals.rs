// SPDX-License-Identifier: LGPL-2.1-or-later
//! What each signal means to the daemons.
//!
//! SIGCHLD is not among them: children are awaited through their pidfds. SIGPIPE is ignored by the Rust
//! runtime from the first instruction on; agents get the default back from `sys::spawn`.
use super::inbox::Inbox;
use crate::core::Input;
use crate::log_notice;
use nix::sys::signal::{SigSet, Signal};
use std::io;
use std::rc::Rc;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::spawn_local;

/// What a signal asks for.
#[derive(Clone, Copy)]
enum Response {
    /// Begin an orderly shutdown. Again: only a log line.
    Terminate,
    /// Open the log files anew, and have keys and certificates read again.
    HangUp,
    /// Nothing, but the daemon must not die of it: administrators know these as the flight recorder's.
    Mention,
}

const HANDLED: [(i32, &str, Response); 6] = [
    (libc::SIGTERM, "SIGTERM", Response::Terminate),
    (libc::SIGINT, "SIGINT", Response::Terminate),
    (libc::SIGHUP, "SIGHUP", Response::HangUp),
    (libc::SIGUSR1, "SIGUSR1", Response::Mention),
    (libc::SIGUSR2, "SIGUSR2", Response::Mention),
    (libc::SIGTRAP, "SIGTRAP", Response::Mention),
];

/// Handles all of them, on the current `LocalSet`, for as long as it runs, also if whoever started us had blocked them.
pub(super) fn watch(inbox: &Inbox, hang_up: Box<dyn Fn()>) -> io::Result<()> {
    let hang_up: Rc<dyn Fn()> = Rc::from(hang_up);
    for (number, name, response) in HANDLED {
        let mut stream = signal(SignalKind::from_raw(number))?;
        SigSet::from(Signal::try_from(number)?).thread_unblock()?;
        let (inbox, hang_up) = (inbox.clone(), Rc::clone(&hang_up));
        spawn_local(async move {
            while stream.recv().await.is_some() {
                match response {
                    Response::Terminate => inbox.input(Input::Terminate),
                    Response::HangUp => {
                        hang_up();
                        log_notice!("Log files opened anew at {name}");
                    }
                    Response::Mention => {
                        log_notice!(
                            "{name} has no effect: there is no flight recorder; for details set PCMK_debug"
                        );
                    }
                }
            }
        });
    }
    Ok(())
}
