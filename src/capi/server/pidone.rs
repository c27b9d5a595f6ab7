// SPDX-License-Identifier: LGPL-2.1-or-later
//! In place of remoted_pidone: a remote daemon as the first process of a container.
#![allow(
    clippy::disallowed_methods,
    reason = "the environment is the program's, which wants it completed in place"
)]

use std::collections::BTreeMap;
use std::env;
use std::ffi::{OsString, c_char, c_int};

use super::role;
use crate::capi::entry::server_entry;
use crate::capi::logging;
use crate::driver::environment::Environment;
use crate::driver::pid1;

/// What Pacemaker's programs exit with when the system refuses something.
const OS_ERROR: c_int = 71;

server_entry! {
    /// Makes the daemon the child of a process that reaps and passes signals on, if it is the first process of a
    /// container or `PCMK_remote_pid1` says so, and completes the environment from the container's settings. Returns in
    /// the daemon alone; the parent ends as the daemon does.
    ///
    /// To be called first of all: before a log is set up and before there is a thread. Up to 3.0.1 callers hand a third
    /// argument over, which is not looked at. Both are not changed; the parent renames itself.
    ///
    /// # Safety
    /// No other thread reads or changes the environment meanwhile.
    pub unsafe fn remoted_spawn_pidone(_argc: c_int, _argv: *mut *mut c_char) {
        logging::install();
        role::is_remote_daemon_from_now_on();
        let before: BTreeMap<OsString, OsString> = env::vars_os().collect();
        let mut environment = Environment::of_process();
        match pid1::enter(&mut environment) {
            Ok((_, warnings)) => {
                for (variable, value) in environment.into_pairs() {
                    if before.get(&variable) != Some(&value) {
                        // SAFETY: the caller's promise.
                        unsafe { env::set_var(variable, value) };
                    }
                }
                for warning in warnings {
                    log::warn!("{warning}");
                }
            }
            Err(error) => {
                log::error!("Cannot work as the first process: {error}");
                std::process::exit(OS_ERROR);
            }
        }
    }
}
