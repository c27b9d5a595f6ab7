// SPDX-License-Identifier: LGPL-2.1-or-later
//! Shows, checks and uses a Pacemaker Remote daemon.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    pcmk_remote_rs::tool::main()
}
