// SPDX-License-Identifier: LGPL-2.1-or-later
//! The executor of a cluster node.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    pcmk_remote_rs::daemon::execd::main()
}
