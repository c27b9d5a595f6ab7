// SPDX-License-Identifier: LGPL-2.1-or-later
//! `pcmk-remote metadata`: what an agent of this node says of itself.
use super::arguments::Discovery;
use super::names;
use crate::driver::blocking::NoMetadata;
use crate::model::Millis;
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

/// Options of `pcmk-remote metadata`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
OCF and fence agents are run and asked; init scripts are described from their header (LSB), units by systemd.

Exit status: 0 printed; 1 the agent is here but gave no metadata; 2 the command line is wrong; 5 there is no such \
agent; 124 it did not answer in time.")]
pub(super) struct Options {
    /// Agent, as ocf:PROVIDER:TYPE or STANDARD:TYPE
    agent: String,
    /// Parameters for an OCF agent, as NAME=VALUE
    parameters: Vec<String>,
    /// Limit of the agent's run, in seconds
    #[arg(short, long, default_value_t = 30)]
    timeout: u32,
    #[command(flatten)]
    discovery: Discovery,
}

pub(super) fn run(options: &Options) -> ExitCode {
    let found = names::agent(&options.agent)
        .and_then(|agent| Ok((agent, names::parameters(&options.parameters)?)))
        .map_err(NoMetadata::Invalid)
        .and_then(|(agent, params)| {
            let limit = Millis::from(Duration::from_secs(u64::from(options.timeout)));
            options.discovery.agents().metadata(&agent, &params, limit)
        });
    match found {
        Ok(document) => match io::stdout().write_all(&document) {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        },
        Err(problem) => {
            eprintln!("pcmk-remote metadata: {problem}");
            ExitCode::from(match problem {
                NoMetadata::CannotRun(_) | NoMetadata::Failed(_) => 1,
                NoMetadata::Invalid(_) => 2,
                NoMetadata::NotInstalled(_) => 5,
                NoMetadata::TimedOut(_) => 124,
            })
        }
    }
}
