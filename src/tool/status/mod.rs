// SPDX-License-Identifier: LGPL-2.1-or-later
//! `pcmk-remote status`: what the daemons of this node do, for people and for programs.
mod prometheus;
mod source;
mod table;
mod watch;

use source::documents;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

/// Options of `pcmk-remote status`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Shows all daemons of this node, and needs root or membership in the group haclient. The document that the daemons \
write, and its schema, are described in docs/status.md.

Exit status: 0 a daemon was shown; 1 none was; 2 the command line is wrong.")]
pub(super) struct Options {
    /// Print the daemon's document as it is (of several daemons one after the other)
    #[arg(long, group = "form")]
    json: bool,
    /// Show it again each second, until interrupted
    #[arg(long, group = "form")]
    watch: bool,
    /// Print metrics in the text format of Prometheus
    #[arg(long, group = "form")]
    prometheus: bool,
    /// The daemon's socket (default: those of all daemons of this node)
    #[arg(long)]
    socket: Option<PathBuf>,
}

pub(super) fn run(options: &Options) -> ExitCode {
    if options.watch {
        let ended = watch::run(|| source::read(options.socket.as_deref()));
        return ended.map_or_else(|problem| fail(&problem), |()| ExitCode::SUCCESS);
    }
    match source::read(options.socket.as_deref()) {
        Ok(shown) => {
            let text = if options.json {
                shown.into_iter().map(|shown| shown.text).collect()
            } else if options.prometheus {
                prometheus::write(&documents(shown))
            } else {
                table::write(&documents(shown))
            };
            // Who has read enough may close the pipe.
            match io::stdout().write_all(text.as_bytes()).and_then(|()| io::stdout().flush()) {
                Err(problem) if problem.kind() != io::ErrorKind::BrokenPipe => fail(&problem.to_string()),
                _ => ExitCode::SUCCESS,
            }
        }
        Err(problem) => fail(&problem),
    }
}

fn fail(problem: &str) -> ExitCode {
    eprintln!("pcmk-remote status: {problem}");
    ExitCode::FAILURE
}
