// SPDX-License-Identifier: LGPL-2.1-or-later
//! `pcmk-remote`: shows, checks and uses a Pacemaker Remote daemon, and a node's agents, from the command line.
#![forbid(unsafe_code)]

mod busy;
mod check;
mod demo;
mod exec;
mod explain;
mod list;
mod metadata;
mod names;
mod words;

use crate::driver::blocking::{NodeAgents, Target};
use crate::model::{Release, options, site};
use clap::{Parser, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

/// Shows, checks and uses a Pacemaker Remote daemon.
#[derive(Debug, Parser)]
#[command(name = "pcmk-remote", version, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Run a daemon of its own on loopback and show an OCF agent's whole life over TLS
    Demo(demo::Options),
    /// Tell which layer of the way to a remote node fails (name, TCP, key, TLS, protocol) and the remedy
    Check(check::Options),
    /// Run one action of an agent through a remote node's executor and show its result
    Exec(exec::Options),
    /// List the agents of this node: standards, providers, or the agents of a standard
    List(list::Options),
    /// Print what an agent of this node says of itself, an XML document
    Metadata(metadata::Options),
    /// Show what an action would be on this node, without running it
    Explain(explain::Options),
}

/// Where a daemon is and what proves that we may talk to it.
#[derive(Debug, clap::Args)]
struct Peer {
    /// Port of the daemon
    #[arg(short, long, env = options::REMOTE_PORT.variable, default_value_t = site::REMOTE_PORT, value_parser = clap::value_parser!(u16).range(1..))]
    port: u16,
    /// File with the shared key (default: as the daemons look for it, see pacemaker-remoted(8))
    #[arg(short, long, env = options::AUTHKEY_LOCATION.variable)]
    key: Option<PathBuf>,
    /// TLS policy, a GnuTLS priority string
    #[arg(long, env = options::TLS_PRIORITIES.variable)]
    tls_priorities: Option<String>,
}

impl Peer {
    fn target(&self, host: &str) -> Target {
        let mut target = Target::new(host, self.port);
        if let Some(key) = &self.key {
            target = target.with_key_file(key);
        }
        match &self.tls_priorities {
            Some(priorities) => target.with_tls_priorities(priorities),
            None => target,
        }
    }
}

/// Whose order and words, where they differ.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Like {
    #[value(name = "2.1")]
    V2_1,
    #[value(name = "3.0")]
    V3_0,
}

/// Which agents are looked at, and how they are described.
#[derive(Debug, clap::Args)]
struct Discovery {
    /// Order and describe as this release of Pacemaker does
    #[arg(long, value_enum, default_value = "3.0", global = true)]
    like: Like,
}

impl Discovery {
    fn agents(&self) -> NodeAgents {
        NodeAgents::new(match self.like {
            Like::V2_1 => Release::V2_1,
            Like::V3_0 => Release::V3_0,
        })
    }
}

/// The program: reads the command line, acts, tells.
pub fn main() -> ExitCode {
    match Arguments::parse().action {
        Action::Demo(options) => demo::run(&options),
        Action::Check(options) => check::run(&options),
        Action::Exec(options) => exec::run(&options),
        Action::List(options) => list::run(&options),
        Action::Metadata(options) => metadata::run(&options),
        Action::Explain(options) => explain::run(&options),
    }
}
