// SPDX-License-Identifier: LGPL-2.1-or-later
//! `pcmk-remote list`: the agents of this node.
use super::arguments::Discovery;
use crate::driver::blocking::NodeAgents;
use crate::model::Standard;
use clap::Subcommand;
use std::io::{self, Write};
use std::process::ExitCode;

/// Options of `pcmk-remote list`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Units of systemd are listed where systemd runs. The plugins of cluster-glue (libstonith) are not listed.

Exit status: 0 something was listed; 1 there is nothing to list; 2 the command line is wrong.")]
pub(super) struct Options {
    #[command(subcommand)]
    what: Option<What>,
    #[command(flatten)]
    discovery: Discovery,
}

#[derive(Debug, Subcommand)]
enum What {
    /// The standards of which there are agents (default)
    Standards,
    /// The providers of OCF agents
    Providers {
        /// Only those that have this agent, in any letter case
        agent: Option<String>,
    },
    /// The agents of one standard, or of all
    Agents {
        /// Standard, or ocf:PROVIDER
        standard: Option<String>,
    },
}

pub(super) fn run(options: &Options) -> ExitCode {
    let agents = options.discovery.agents();
    let listed = match &options.what {
        None | Some(What::Standards) => {
            Ok(agents.standards().into_iter().map(|standard| standard.name().to_owned()).collect())
        }
        Some(What::Providers { agent: None }) => Ok(agents.providers()),
        Some(What::Providers { agent: Some(agent) }) => Ok(agents.providers_of(agent)),
        Some(What::Agents { standard }) => list_agents(&agents, standard.as_deref()),
    };
    match listed.as_deref() {
        Ok([]) => {
            eprintln!("pcmk-remote list: there are none");
            ExitCode::FAILURE
        }
        Ok(lines) => {
            // Whoever has read enough may close the pipe.
            let _ = writeln!(io::stdout(), "{}", lines.join("\n"));
            ExitCode::SUCCESS
        }
        Err(problem) => {
            eprintln!("pcmk-remote list: {problem}");
            ExitCode::from(2)
        }
    }
}

fn list_agents(agents: &NodeAgents, of: Option<&str>) -> Result<Vec<String>, String> {
    let (standard, provider) = match of.map(|of| of.split_once(':').map_or((of, None), |(a, b)| (a, Some(b))))
    {
        None => (None, None),
        Some((name, provider)) => {
            let known = Standard::named(name).ok_or_else(|| format!("there is no standard '{name}'"))?;
            (Some(known), provider)
        }
    };
    if provider.is_some() && !standard.is_some_and(Standard::has_providers) {
        return Err("only the standard ocf has providers".to_owned());
    }
    Ok(agents.agents(standard, provider).iter().map(ToString::to_string).collect())
}
